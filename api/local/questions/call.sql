-- Calls at certain places as the daemon recorded them, newest first, from a cursor on.

select
    call_id as id,
    project,
    provider,
    model,
    mode,
    input_tokens,
    output_tokens,
    thinking_tokens,
    cached_tokens as cache_read_tokens,
    cache_write_tokens,
    submitted_millicents as cost_usd_minor_units,
    cast(latency_ms as double) as latency_ms,
    tokens_complete,
    requested_at,
    status,
    rates_source,
    source_machine,
    source_workdir,
    attribution_method,
    cast(time_to_first_token_ms as double) as time_to_first_token_ms,
    request_kind,
    http_status,
    provider_error_code,
    error_class,
    is_retryable,
    billing_basis

from calls_read

where
    is_typed
    and (
        $cursor_at is null
        or requested_at < $cursor_at
        or (requested_at = $cursor_at and call_id < $cursor_id)
    )

order by
    requested_at desc,
    call_id desc

limit $limit
