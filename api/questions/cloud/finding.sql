-- What could have cost less over a period, by what it would have saved.

with

saving_days as (

    select
        finding_id,
        reason,
        billing_basis,
        provider,
        model,
        cast(null as varchar) as sibling,
        project,
        usage_date,
        request_count,
        total_tokens,
        cost_pico,
        saving_pico
    from fct_saving_days

    union all

    select
        finding_id,
        'cheaper_sibling' as reason,
        billing_basis,
        provider,
        model,
        sibling,
        project,
        usage_date,
        request_count,
        total_tokens,
        cost_pico,
        saving_pico
    from fct_sibling_days

)

select
    finding_id,
    reason,
    billing_basis,
    provider,
    model,
    sibling,
    project,
    cast(sum(request_count) as bigint) as request_count,
    cast(sum(total_tokens) as bigint) as total_tokens,
    min(usage_date) as first_date,
    max(usage_date) as last_date,
    cast(sum(cost_pico) as numeric(38, 0)) as cost_pico,
    cast(sum(saving_pico) as numeric(38, 0)) as saving_pico

from saving_days

where
    usage_date >= %(since)s
    and usage_date <= %(until)s

group by
    finding_id,
    reason,
    billing_basis,
    provider,
    model,
    sibling,
    project

order by
    saving_pico desc,
    finding_id asc
