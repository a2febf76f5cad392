-- One row per day, day and provider, provider, and model of a provider.
-- `call_sums` holds the calls of the stretch of time that is asked for.

select
    case grouping(usage_date, provider, model)
        when 3 then 'day'
        when 1 then 'day_provider'
        when 5 then 'provider'
        when 4 then 'provider_model'
    end as part,
    usage_date,
    provider,
    model,
    cast(sum(request_count) as bigint) as requests,
    cast(sum(input_tokens) as bigint) as input_tokens,
    cast(sum(output_tokens) as bigint) as output_tokens,
    cast(coalesce(sum(submitted_millicents), 0) as bigint) as cost_usd_minor_units

from call_sums

where
    is_typed
    and ($provider is null or provider = $provider)
    and ($project_id is null or project_id = $project_id)

group by
    grouping sets (
        (usage_date), (usage_date, provider), (provider), (provider, model)
    )

order by
    part,
    usage_date nulls last,
    cost_usd_minor_units desc,
    requests desc,
    provider nulls last,
    model nulls last
