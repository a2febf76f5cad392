-- What months that were closed differ by since, newest first: of each the month that it
-- belongs to, the one in which it was posted, and since which cycle it differed.

with

placed as (

    select
        provider,
        period_month,
        posted_month,
        posted_at,
        cycle_id,
        is_reversal,
        request_count,
        unpriced_count,
        cost_pico,
        lag(cycle_id) over (
            partition by
                provider,
                period_month
            order by cycle_id
        ) as previous_cycle_id

    from fct_adjustments

)

select
    placed.provider,
    placed.period_month,
    placed.posted_month,
    placed.posted_at,
    placed.cycle_id,
    greatest(placed.previous_cycle_id, max(closes.cycle_id)) as since_cycle_id,
    placed.is_reversal,
    placed.request_count,
    placed.unpriced_count,
    placed.cost_pico

from placed

inner join app.closes as closes
    on
        placed.provider = closes.provider
        and placed.period_month = closes.period_month
        and placed.cycle_id > closes.cycle_id
        and closes.closed_at is not null

where
    (
        (
            placed.period_month >= %(since)s
            and placed.period_month <= %(until)s
        )
        or (
            placed.posted_month >= %(since)s
            and placed.posted_month <= %(until)s
        )
    )
    and (
        placed.provider = cast(%(provider)s as varchar)
        or cast(%(provider)s as varchar) is null
    )

group by
    placed.provider,
    placed.period_month,
    placed.posted_month,
    placed.posted_at,
    placed.cycle_id,
    placed.previous_cycle_id,
    placed.is_reversal,
    placed.request_count,
    placed.unpriced_count,
    placed.cost_pico

order by
    placed.cycle_id desc,
    placed.period_month desc,
    placed.provider asc
