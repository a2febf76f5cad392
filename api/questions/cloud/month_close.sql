-- Every time that a provider's month was prepared, closed or reopened, newest first.

select
    closes.close_id,
    closes.provider,
    closes.period_month,
    case
        when closes.reopened_at is not null then 'reopened'
        when closes.closed_at is not null then 'closed'
        else 'prepared'
    end as state,
    closes.request_count,
    closes.unpriced_count,
    closes.cost_pico,
    closes.models,
    encode(closes.digest, 'hex') as digest,
    closes.cycle_id,
    closes.published_at,
    closes.build,
    closes.prepared_by,
    preparers.email as prepared_by_email,
    closes.prepared_at,
    closes.reviewed_by,
    reviewers.email as reviewed_by_email,
    closes.closed_at,
    closes.reopened_by,
    reopeners.email as reopened_by_email,
    closes.reopened_at,
    closes.reopen_reason,
    coalesce(differences.is_whole, true) as is_whole

from app.closes as closes

left join fct_close_differences as differences
    on
        closes.provider = differences.provider
        and closes.period_month = differences.period_month

left join app.users as preparers
    on closes.prepared_by = preparers.user_id

left join app.users as reviewers
    on closes.reviewed_by = reviewers.user_id

left join app.users as reopeners
    on closes.reopened_by = reopeners.user_id

where
    closes.period_month >= %(since)s
    and closes.period_month <= %(until)s
    and (
        closes.provider = cast(%(provider)s as varchar)
        or cast(%(provider)s as varchar) is null
    )

order by
    closes.period_month desc,
    closes.provider asc,
    closes.prepared_at desc
