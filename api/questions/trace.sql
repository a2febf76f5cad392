-- The receipts of a period, newest first, from a cursor on.
-- A filter that is null lets everything through.

select
    request_id,
    requested_at,
    machine_id,
    provider,
    model,
    project,
    status,
    error_class,
    http_status,
    billing_basis,
    input_tokens,
    output_tokens,
    thinking_tokens,
    cached_tokens,
    cache_write_tokens,
    is_complete,
    latency_ms,
    cost_pico,
    rate_id,
    submitted_millicents,
    drift_millicents,
    department_id,
    allocation_rule_id

from fct_priced_requests

where
    usage_hour >= %(since)s
    and requested_at < %(until)s
    -- The first condition bounds the scan; the second takes up inside the hour.
    and usage_hour <= %(cursor_at)s
    and (
        requested_at < %(cursor_at)s
        or (requested_at = %(cursor_at)s and request_id < %(cursor_id)s)
    )
    and (
        cast(%(provider)s as varchar) is null
        or provider = cast(%(provider)s as varchar)
    )
    and (
        cast(%(model)s as varchar) is null
        or model = cast(%(model)s as varchar)
    )
    and (
        cast(%(project)s as varchar) is null
        or project = cast(%(project)s as varchar)
    )
    and (
        cast(%(status)s as varchar) is null
        or status = cast(%(status)s as varchar)
    )
    and (
        cast(%(machine_id)s as uuid) is null
        or machine_id = cast(%(machine_id)s as uuid)
    )

order by
    usage_hour desc,
    requested_at desc,
    request_id desc

limit %(limit)s
