-- Usage of each key of a grouping on each day of a period, in order of time.
-- A key with nothing priced that day has no cost: null, not zero.

select
    usage_date,
    billing_basis,
    provider,
    model,
    project,
    machine_id,
    department_id,
    request_count,
    failed_count,
    incomplete_count,
    unpriced_count,
    unpriced_tokens,
    missing_rate_count,
    input_tokens,
    output_tokens,
    thinking_tokens,
    cached_tokens,
    cache_write_tokens,
    case when request_count > unpriced_count then cost_pico end as cost_pico,
    cast(submitted_millicents as bigint) as submitted_millicents,
    unsubmitted_count,
    cast(drift_millicents as bigint) as drift_millicents

from fct_usage_days

where
    calendar = %(calendar)s
    and grouping_name = %(grouping)s
    and usage_date >= %(since)s
    and usage_date <= %(until)s

order by
    usage_date asc,
    billing_basis asc,
    provider asc nulls last,
    model asc nulls last,
    project asc nulls last,
    machine_id asc nulls last,
    department_id asc nulls last
