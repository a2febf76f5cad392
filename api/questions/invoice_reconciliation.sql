-- Provider accounts by month, newest first: logged spend against what is payable, and
-- beside it what closed months have come to differ by: in the month that it belongs to,
-- and in the month in which it was posted.

with

entries as (

    select
        provider,
        period_month,
        cost_pico as adjusted_pico,
        cast(0 as numeric(38, 0)) as posted_pico
    from fct_adjustments

    union all

    select
        provider,
        posted_month as period_month,
        cast(0 as numeric(38, 0)) as adjusted_pico,
        cost_pico as posted_pico
    from fct_adjustments

),

adjusted as (

    select
        provider,
        'default' as account,
        period_month,
        cast(sum(adjusted_pico) as numeric(38, 0)) as adjusted_pico,
        cast(sum(posted_pico) as numeric(38, 0)) as posted_pico

    from entries

    group by
        provider,
        period_month

),

months as (

    select
        coalesce(reconciliations.provider, adjusted.provider) as provider,
        coalesce(reconciliations.account, adjusted.account) as account,
        coalesce(reconciliations.period_month, adjusted.period_month)
            as period_month,
        reconciliations.closed_at,
        coalesce(reconciliations.request_count, 0) as request_count,
        coalesce(reconciliations.unpriced_count, 0) as unpriced_count,
        coalesce(reconciliations.logged_pico, 0) as logged_pico,
        coalesce(adjusted.adjusted_pico, 0) as adjusted_pico,
        coalesce(adjusted.posted_pico, 0) as posted_pico,
        reconciliations.payable_pico,
        reconciliations.variance_pico,
        reconciliations.tolerance_pico,
        coalesce(reconciliations.status, 'missing_invoice') as status

    from fct_invoice_reconciliations as reconciliations

    full outer join adjusted
        on
            reconciliations.provider = adjusted.provider
            and reconciliations.account = adjusted.account
            and reconciliations.period_month = adjusted.period_month

)

select * from months

where
    period_month >= %(since)s
    and period_month <= %(until)s

order by
    period_month desc,
    provider asc,
    account asc
