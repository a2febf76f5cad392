-- One row per request that a daemon sent, in the names and types of the warehouse.
-- No CTE here: Postgres does not look into a view that has one, and a cycle would read
-- the whole table instead of its index.

select
    ---------- ids
    workspace_id,
    request_id,
    machine_id,
    change_id,

    ---------- strings
    {{ canonical_provider('provider') }} as provider,
    model,
    project,
    status,
    request_kind,
    attribution_method,
    error_class,
    prompt_hash,
    coalesce(billing_basis, 'api') as billing_basis,

    ---------- numerics
    input_tokens,
    output_tokens,
    thinking_tokens,
    cached_tokens,
    cache_write_tokens,
    cast(input_tokens as bigint)
    + cached_tokens
    + cache_write_tokens as prompt_tokens,
    http_status,
    latency_ms,
    time_to_first_token_ms,
    submitted_millicents,

    ---------- booleans
    tokens_complete as is_complete,
    status <> 'success' as is_failed,

    ---------- timestamps
    requested_at,
    recorded_at,
    received_at,
    date_trunc('hour', requested_at at time zone 'UTC')
    at time zone 'UTC' as usage_hour,
    cast(requested_at at time zone 'UTC' as date) as usage_date

from {{ source('daemon', 'requests') }}
