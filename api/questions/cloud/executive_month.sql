-- One row per UTC month of a period, newest first: spend, what of it is nobody's, what
-- a thousand requests and a million tokens cost, and how far bills agree.

with

totals as (

    select
        cast(date_trunc('month', usage_date) as date) as period_month,
        sum(case when billing_basis = 'api' then request_count else 0 end)
            as request_count,
        sum(case when billing_basis = 'api' then unpriced_count else 0 end)
            as unpriced_count,
        sum(
            case
                when billing_basis = 'api'
                    then
                        input_tokens
                        + output_tokens
                        + thinking_tokens
                        + cached_tokens
                        + cache_write_tokens
                        - unpriced_tokens
                else 0
            end
        ) as priced_tokens,
        sum(case when billing_basis = 'api' then cost_pico else 0 end) as cost_pico,
        sum(case when billing_basis = 'subscription_imputed' then cost_pico else 0 end)
            as imputed_pico

    from fct_usage_days

    where
        calendar = 'utc'
        and grouping_name = 'total'
        and usage_date >= %(since)s
        and usage_date <= %(until)s

    group by cast(date_trunc('month', usage_date) as date)

),

unallocated as (

    select
        cast(date_trunc('month', usage_date) as date) as period_month,
        sum(cost_pico) as unallocated_pico

    from fct_department_days

    where
        department_id is null
        and billing_basis = 'api'
        and usage_date >= %(since)s
        and usage_date <= %(until)s

    group by cast(date_trunc('month', usage_date) as date)

),

bills as (

    select
        period_month,
        count(*) as account_count,
        sum(
            case
                when status in ('matched', 'within_tolerance', 'signed_off') then 1
                else 0
            end
        ) as agreed_count,
        sum(case when status = 'investigate' then 1 else 0 end) as investigate_count,
        sum(case when status = 'missing_invoice' then 1 else 0 end) as missing_count,
        sum(payable_pico) as payable_pico,
        sum(variance_pico) as variance_pico

    from fct_invoice_reconciliations

    where
        period_month >= date_trunc('month', cast(%(since)s as date))
        and period_month <= %(until)s

    group by period_month

)

select
    totals.period_month,
    cast(totals.request_count as bigint) as request_count,
    cast(totals.unpriced_count as bigint) as unpriced_count,
    cast(totals.cost_pico as numeric(38, 0)) as cost_pico,
    cast(totals.imputed_pico as numeric(38, 0)) as imputed_pico,
    cast(coalesce(unallocated.unallocated_pico, 0) as numeric(38, 0))
        as unallocated_pico,
    cast(
        case
            when totals.cost_pico > 0
                then
                    div(
                        coalesce(unallocated.unallocated_pico, 0) * 10000,
                        totals.cost_pico
                    )
        end
        as bigint
    ) as unallocated_basis_points,
    cast(
        case
            when totals.request_count > totals.unpriced_count
                then
                    div(
                        totals.cost_pico * 1000,
                        totals.request_count - totals.unpriced_count
                    )
        end
        as numeric(38, 0)
    ) as thousand_requests_pico,
    cast(
        case
            when totals.priced_tokens > 0
                then div(totals.cost_pico * 1000000, totals.priced_tokens)
        end
        as numeric(38, 0)
    ) as million_tokens_pico,
    cast(coalesce(bills.account_count, 0) as bigint) as account_count,
    cast(coalesce(bills.agreed_count, 0) as bigint) as agreed_count,
    cast(coalesce(bills.investigate_count, 0) as bigint) as investigate_count,
    cast(coalesce(bills.missing_count, 0) as bigint) as missing_count,
    cast(bills.payable_pico as numeric(38, 0)) as payable_pico,
    cast(bills.variance_pico as numeric(38, 0)) as variance_pico

from totals

left join unallocated
    on totals.period_month = unallocated.period_month

left join bills
    on totals.period_month = bills.period_month

order by totals.period_month desc
