-- One row per project: this month, the month before, and all time. Of providers and
-- models, the one with most requests, and the one that cost most.

with

used as (

    select
        project_id,
        provider,
        model,
        sum(request_count) as request_count,
        sum(submitted_millicents) as millicents,
        sum(request_count) filter (where usage_date >= $this_month)
            as month_request_count,
        sum(submitted_millicents) filter (where usage_date >= $this_month)
            as month_millicents,
        sum(submitted_millicents) filter (
            where usage_date >= $last_month and usage_date < $this_month
        ) as last_month_millicents,
        max(last_requested_at) as last_active_at
    from call_days
    where is_typed
    group by project_id, provider, model

),

by_provider as (

    select
        project_id,
        provider,
        sum(request_count) as request_count,
        sum(millicents) as millicents
    from used
    group by project_id, provider

),

providers as (

    select
        project_id,
        first(provider order by request_count desc, provider) as primary_provider,
        first(provider order by millicents desc, provider)
            filter (where millicents > 0) as top_provider
    from by_provider
    group by project_id

),

models as (

    select
        project_id,
        cast(sum(request_count) as bigint) as all_time_requests,
        cast(coalesce(sum(millicents), 0) as bigint)
            as all_time_cost_usd_minor_units,
        cast(sum(month_request_count) as bigint) as requests_this_month,
        cast(coalesce(sum(month_millicents), 0) as bigint)
            as cost_usd_this_month_minor_units,
        cast(coalesce(sum(last_month_millicents), 0) as bigint)
            as previous_month_cost_usd_minor_units,
        max(last_active_at) as last_active_at,
        first(model order by request_count desc, model) as primary_model,
        first(model order by millicents desc, model) filter (where millicents > 0)
            as top_model
    from used
    group by project_id

)

select
    projects.id,
    projects.name,
    projects.slug,
    moment(projects.created_at) as created_at,
    moment(projects.archived_at) as archived_at,
    projects.archived_at is not null as is_archived,
    coalesce(try_cast(settings.body_capture_enabled as boolean), false)
        as is_capturing_bodies,
    coalesce(models.requests_this_month, 0) as requests_this_month,
    coalesce(models.cost_usd_this_month_minor_units, 0)
        as cost_usd_this_month_minor_units,
    coalesce(models.previous_month_cost_usd_minor_units, 0)
        as previous_month_cost_usd_minor_units,
    coalesce(models.all_time_cost_usd_minor_units, 0)
        as all_time_cost_usd_minor_units,
    coalesce(models.all_time_requests, 0) as all_time_requests,
    models.last_active_at,
    models.primary_model,
    providers.primary_provider,
    models.top_model,
    providers.top_provider

from daemon_projects as projects

left join daemon_project_settings as settings
    on projects.id = settings.project_id

left join models
    on projects.id = models.project_id

left join providers
    on projects.id = providers.project_id

where $slug is null or projects.slug = $slug

order by projects.slug
