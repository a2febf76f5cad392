-- One row: what was used and spent, over any stretch of time. Costs are the daemon's.
-- `call_sums` holds the calls of that stretch alone.

select
    cast(coalesce(sum(request_count), 0) as bigint) as total_requests,
    cast(coalesce(sum(input_tokens), 0) as bigint) as total_input_tokens,
    cast(coalesce(sum(output_tokens), 0) as bigint) as total_output_tokens,
    cast(coalesce(sum(thinking_tokens), 0) as bigint) as total_thinking_tokens,
    cast(coalesce(sum(cached_tokens), 0) as bigint) as total_cache_read_tokens,
    cast(coalesce(sum(cache_write_tokens), 0) as bigint) as total_cache_write_tokens,
    cast(coalesce(sum(submitted_millicents), 0) as bigint)
        as total_cost_usd_minor_units,
    count(distinct project_id) as active_projects,
    count(distinct model) as models_in_use,
    max(last_requested_at) as last_request_at,
    cast(
        coalesce(
            sum(request_count) filter (where rates_source in ('bundled', 'auto')), 0
        ) as bigint
    ) as bundled,
    cast(
        coalesce(
            sum(request_count) filter (
                where rates_source in ('override', 'operator')
            ), 0
        ) as bigint
    ) as override,
    cast(
        coalesce(
            sum(request_count) filter (
                where
                coalesce(rates_source, '')
                not in ('bundled', 'auto', 'override', 'operator')
            ), 0
        ) as bigint
    ) as unknown

from call_sums

where
    is_typed
    and ($provider is null or provider = $provider)
    and ($project_id is null or project_id = $project_id)
