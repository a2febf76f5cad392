-- Usage of one person's machines over a period: of all, of each machine, and of each
-- project and model. A machine counts for as long as it was theirs, to the moment.

with

owned as (

    select
        machine_id,
        valid_from,
        valid_to
    from app.machine_owners
    where user_id = %(user_id)s

),

requests as (

    select requests.*

    from fct_priced_requests as requests

    inner join owned
        on
            requests.machine_id = owned.machine_id
            and requests.requested_at >= owned.valid_from
            and (
                requests.requested_at < owned.valid_to
                or owned.valid_to is null
            )

    where
        requests.usage_date >= %(since)s
        and requests.usage_date <= %(until)s
        and requests.usage_hour >= cast(%(since)s as timestamp) at time zone 'UTC'

),

summed as (

    select
        case grouping(machine_id, project, provider, model)
            when 15 then 'total'
            when 7 then 'machine'
            when 8 then 'project_model'
        end as grouping_name,
        billing_basis,
        machine_id,
        project,
        provider,
        model,
        count(*) as request_count,
        sum(case when is_failed then 1 else 0 end) as failed_count,
        sum(case when cost_pico is null then 1 else 0 end) as unpriced_count,
        sum(case when cost_pico is null then total_tokens else 0 end)
            as unpriced_tokens,
        sum(cast(input_tokens as bigint)) as input_tokens,
        sum(cast(output_tokens as bigint)) as output_tokens,
        sum(cast(thinking_tokens as bigint)) as thinking_tokens,
        sum(cast(cached_tokens as bigint)) as cached_tokens,
        sum(cast(cache_write_tokens as bigint)) as cache_write_tokens,
        sum(cost_pico) as cost_pico

    from requests

    group by
        grouping sets (
            (billing_basis),
            (billing_basis, machine_id),
            (billing_basis, project, provider, model)
        )

)

select
    summed.grouping_name,
    summed.billing_basis,
    summed.machine_id,
    machines.hostname,
    summed.project,
    summed.provider,
    summed.model,
    summed.request_count,
    cast(summed.failed_count as bigint) as failed_count,
    cast(summed.unpriced_count as bigint) as unpriced_count,
    cast(summed.unpriced_tokens as bigint) as unpriced_tokens,
    cast(summed.input_tokens as bigint) as input_tokens,
    cast(summed.output_tokens as bigint) as output_tokens,
    cast(summed.thinking_tokens as bigint) as thinking_tokens,
    cast(summed.cached_tokens as bigint) as cached_tokens,
    cast(summed.cache_write_tokens as bigint) as cache_write_tokens,
    cast(summed.cost_pico as numeric(38, 0)) as cost_pico

from summed

left join app.machines as machines
    on summed.machine_id = machines.machine_id

order by
    summed.billing_basis asc,
    summed.cost_pico desc nulls last,
    summed.project asc nulls last,
    summed.provider asc nulls last,
    summed.model asc nulls last,
    summed.machine_id asc nulls last
