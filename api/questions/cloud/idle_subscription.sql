-- Machines whose traffic of a flat-fee plan has stopped, and what it was worth at list
-- price while it ran. The fee itself is not known here.

select
    machine_id,
    min(usage_date) as first_date,
    max(usage_date) as last_date,
    cast(sum(request_count) as bigint) as request_count,
    cast(sum(cost_pico) as numeric(38, 0)) as imputed_pico

from fct_usage_days

where
    calendar = 'utc'
    and grouping_name = 'machine'
    and billing_basis = 'subscription_imputed'
    and usage_date >= %(since)s
    and usage_date <= %(until)s

group by machine_id

having max(usage_date) < %(quiet_since)s

order by
    imputed_pico desc,
    machine_id asc
