-- One row per call of a period, oldest first, as the daemon recorded it; no bodies.
-- Money twice: in the daemon's millicents, and in dollars.

select
    call_id as id,
    requested_at,
    recorded_at,
    project,
    provider,
    model,
    mode,
    input_tokens,
    output_tokens,
    thinking_tokens,
    cached_tokens as cache_read_tokens,
    cache_write_tokens,
    submitted_millicents as cost_millicents,
    cast(submitted_millicents as decimal(18, 0)) * 0.00001 as cost_usd,
    latency_ms,
    time_to_first_token_ms,
    tokens_complete,
    status,
    http_status,
    error_class,
    provider_error_code,
    is_retryable,
    request_kind,
    billing_basis,
    rates_source,
    attribution_method,
    source_machine,
    source_workdir

from calls_read

where
    is_typed
    and requested_at >= moment_in('export_since')
    and requested_at < moment_in('export_until')
    and (
        getvariable('export_project') is null
        or project = getvariable('export_project')
    )

order by
    requested_at,
    call_id
