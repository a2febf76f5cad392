-- One row: what was used and spent, over any stretch of time. Costs are the daemon's.

select
    count(*) as total_requests,
    cast(coalesce(sum(input_tokens), 0) as bigint) as total_input_tokens,
    cast(coalesce(sum(output_tokens), 0) as bigint) as total_output_tokens,
    cast(coalesce(sum(thinking_tokens), 0) as bigint) as total_thinking_tokens,
    cast(coalesce(sum(cached_tokens), 0) as bigint) as total_cache_read_tokens,
    cast(coalesce(sum(cache_write_tokens), 0) as bigint) as total_cache_write_tokens,
    cast(coalesce(sum(submitted_millicents), 0) as bigint)
        as total_cost_usd_minor_units,
    count(distinct project_id) as active_projects,
    count(distinct model) as models_in_use,
    max(requested_at) as last_request_at,
    count(*) filter (where rates_source in ('bundled', 'auto')) as bundled,
    count(*) filter (where rates_source in ('override', 'operator')) as override,
    count(*) filter (
        where
        coalesce(rates_source, '')
        not in ('bundled', 'auto', 'override', 'operator')
    ) as unknown

from calls

where
    is_typed
    and ($since is null or requested_at >= $since)
    and ($until is null or requested_at < $until)
    and ($provider is null or provider = $provider)
    and ($project_id is null or project_id = $project_id)
