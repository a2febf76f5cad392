-- What could have cost less over a period, by what it would have saved.

select
    finding_id,
    reason,
    billing_basis,
    provider,
    model,
    sibling,
    project,
    count(*) as request_count,
    cast(sum(total_tokens) as bigint) as total_tokens,
    min(requested_at) as first_requested_at,
    max(requested_at) as last_requested_at,
    cast(sum(cost_pico) as numeric(38, 0)) as cost_pico,
    cast(sum(saving_pico) as numeric(38, 0)) as saving_pico

from fct_savings

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
