-- The requests behind one finding, the dearest first. Those of a cheaper sibling are of
-- the seven days on which it would have saved the most: the others are like them.

with

sibling_days as (

    select
        *,
        sum(saving_pico) over (partition by usage_date) as day_saving_pico
    from fct_sibling_days
    where
        finding_id = %(finding_id)s
        and usage_date >= %(since)s
        and usage_date <= %(until)s

),

ranked as (

    select
        *,
        dense_rank() over (
            order by day_saving_pico desc, usage_date desc
        ) as rank_of_day
    from sibling_days

),

dearest as (

    select
        billing_basis,
        provider,
        model,
        project,
        rate_id,
        cast(usage_date as timestamp) at time zone 'UTC' as first_hour,
        cast(usage_date + 1 as timestamp) at time zone 'UTC' as end_hour,
        max(most_prompt_tokens) as most_prompt_tokens
    from ranked
    where rank_of_day <= 7
    group by
        usage_date,
        billing_basis,
        provider,
        model,
        project,
        rate_id

),

at_a_sibling as (

    select
        requests.request_id,
        requests.requested_at,
        requests.machine_id,
        requests.total_tokens,
        requests.cost_pico,
        requests.cost_pico - (
            requests.input_tokens * siblings.input_rate
            + requests.output_tokens * siblings.output_rate
            + requests.thinking_tokens * siblings.thinking_rate
            + requests.cached_tokens * siblings.cache_read_rate
            + requests.cache_write_tokens * siblings.cache_write_rate
        ) as saving_pico

    from dearest

    inner join fct_priced_requests as requests
        on
            dearest.first_hour <= requests.usage_hour
            and dearest.end_hour > requests.usage_hour
            and dearest.billing_basis = requests.billing_basis
            and dearest.provider = requests.provider
            and dearest.model = requests.model
            and dearest.project is not distinct from requests.project
            and dearest.rate_id = requests.rate_id
            and dearest.most_prompt_tokens
            >= cast(requests.input_tokens as bigint)
            + requests.cached_tokens
            + requests.cache_write_tokens

    inner join dim_siblings as siblings
        on
            requests.provider = siblings.provider
            and requests.model = siblings.model

    where requests.cost_pico > 0

),

saved as (

    select
        request_id,
        requested_at,
        machine_id,
        total_tokens,
        cost_pico,
        saving_pico
    from fct_savings
    where
        finding_id = %(finding_id)s
        and usage_date >= %(since)s
        and usage_date <= %(until)s

    union all

    select
        request_id,
        requested_at,
        machine_id,
        total_tokens,
        cost_pico,
        saving_pico
    from at_a_sibling

)

select
    request_id,
    requested_at,
    machine_id,
    total_tokens,
    cast(cost_pico as numeric(38, 0)) as cost_pico,
    cast(saving_pico as numeric(38, 0)) as saving_pico

from saved

order by
    saving_pico desc,
    requested_at desc,
    request_id asc

limit %(limit)s
