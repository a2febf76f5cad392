-- The requests behind one finding, the dearest first.

select
    request_id,
    requested_at,
    machine_id,
    total_tokens,
    cast(cost_pico as numeric(38, 0)) as cost_pico,
    cast(saving_pico as numeric(38, 0)) as saving_pico

from fct_savings

where
    finding_id = %(finding_id)s
    and usage_date >= %(since)s
    and usage_date <= %(until)s

order by
    saving_pico desc,
    requested_at desc,
    request_id asc

limit %(limit)s
