-- What a figure is made of: the requests of each price, their counts summed, and the
-- lines of the arithmetic. The lines add up to the cost, and the costs to the figure.

with

requests as (

    select * from fct_priced_requests
    where
        usage_date >= %(since)s
        and usage_date <= %(until)s
        and usage_hour >= cast(%(since)s as timestamp) at time zone 'UTC'
        and billing_basis = %(billing_basis)s
        and (
            %(grouping)s not in ('provider', 'provider_model', 'project_provider')
            or provider = cast(%(provider)s as varchar)
        )
        and (
            %(grouping)s <> 'provider_model'
            or model = cast(%(model)s as varchar)
        )
        and (
            %(grouping)s not in ('project', 'project_provider', 'project_machine')
            or project is not distinct from cast(%(project)s as varchar)
        )
        and (
            %(grouping)s not in ('machine', 'project_machine')
            or machine_id = cast(%(machine_id)s as uuid)
        )
        and (
            %(grouping)s <> 'department'
            or department_id is not distinct from cast(%(department_id)s as uuid)
        )

),

priced as (

    select
        rate_id,
        cost_pico is not null as is_priced,
        count(*) as request_count,
        sum(input_tokens) as input_tokens,
        sum(output_tokens) as output_tokens,
        sum(thinking_tokens) as thinking_tokens,
        sum(cached_tokens) as cached_tokens,
        sum(cache_write_tokens) as cache_write_tokens,
        sum(cost_pico) as cost_pico,
        (array_agg(request_id order by cost_pico desc, request_id asc))[1:5]
            as dearest_request_ids
    from requests
    group by
        rate_id,
        cost_pico is not null

)

select
    priced.rate_id,
    priced.is_priced,
    priced.request_count,
    cast(priced.input_tokens as bigint) as input_tokens,
    cast(priced.output_tokens as bigint) as output_tokens,
    cast(priced.thinking_tokens as bigint) as thinking_tokens,
    cast(priced.cached_tokens as bigint) as cached_tokens,
    cast(priced.cache_write_tokens as bigint) as cache_write_tokens,
    cast(
        case
            when priced.is_priced then priced.input_tokens * rates.input_rate
        end
        as numeric(38, 0)
    ) as input_pico,
    cast(
        case
            when priced.is_priced then priced.output_tokens * rates.output_rate
        end
        as numeric(38, 0)
    ) as output_pico,
    cast(
        case
            when priced.is_priced then priced.thinking_tokens * rates.thinking_rate
        end
        as numeric(38, 0)
    ) as thinking_pico,
    cast(
        case
            when priced.is_priced then priced.cached_tokens * rates.cache_read_rate
        end
        as numeric(38, 0)
    ) as cache_read_pico,
    cast(
        case
            when priced.is_priced
                then priced.cache_write_tokens * rates.cache_write_rate
        end
        as numeric(38, 0)
    ) as cache_write_pico,
    cast(priced.cost_pico as numeric(38, 0)) as cost_pico,
    priced.dearest_request_ids

from priced

left join dim_rates as rates
    on priced.rate_id = rates.rate_id

order by
    priced.cost_pico desc nulls last,
    priced.rate_id asc nulls last
