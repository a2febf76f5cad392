-- What daemons said against what it costs, for each key of a grouping over a period.
-- Drift is null where either is, so such requests are counted and not compared.

with

keyed as (

    select
        billing_basis,
        case
            when
                %(grouping)s in ('provider', 'provider_model', 'project_provider')
                then provider
        end as provider,
        case when %(grouping)s = 'provider_model' then model end as model,
        case
            when %(grouping)s in ('project', 'project_provider', 'project_machine')
                then project
        end as project,
        case
            when %(grouping)s in ('machine', 'project_machine') then machine_id
        end as machine_id,
        submitted_millicents,
        cost_pico,
        drift_millicents

    from fct_priced_requests

    where
        usage_date >= %(since)s
        and usage_date <= %(until)s

)

select
    billing_basis,
    provider,
    model,
    project,
    machine_id,
    count(*) as request_count,
    count(drift_millicents) as compared_count,
    sum(case when drift_millicents = 0 then 1 else 0 end) as agreed_count,
    sum(case when submitted_millicents is null then 1 else 0 end)
    - sum(
        case when submitted_millicents is null and cost_pico is null then 1 else 0 end
    ) as priced_here_only_count,
    sum(case when cost_pico is null then 1 else 0 end)
    - sum(
        case when submitted_millicents is null and cost_pico is null then 1 else 0 end
    ) as priced_there_only_count,
    cast(sum(cost_pico) as numeric(38, 0)) as cost_pico,
    cast(sum(submitted_millicents) as bigint) as submitted_millicents,
    cast(sum(drift_millicents) as bigint) as drift_millicents

from keyed

group by
    billing_basis,
    provider,
    model,
    project,
    machine_id

order by
    billing_basis asc,
    provider asc nulls last,
    model asc nulls last,
    project asc nulls last,
    machine_id asc nulls last
