-- Provider accounts by month, newest first: logged spend against what is payable.

select
    provider,
    account,
    period_month,
    request_count,
    unpriced_count,
    logged_pico,
    payable_pico,
    variance_pico,
    tolerance_pico,
    status

from fct_invoice_reconciliations

where
    period_month >= %(since)s
    and period_month <= %(until)s

order by
    period_month desc,
    provider asc,
    account asc
