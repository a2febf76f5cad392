-- One row per workspace and whole day of the last week, with what its weekday had in the
-- eight weeks before: median, give or take four median deviations, half of it, or 20.
-- A weekday that was busy in fewer than four of those weeks is not judged.

with

days as (

    select
        workspaces.workspace_id,
        cast(now() at time zone 'UTC' as date) - days_ago as usage_date

    from app.workspaces

    cross join generate_series(1, 63) as days_ago

    where
        workspaces.deleted_at is null
        and workspaces.created_at < now() - interval '28 days'

),

counted as (

    select
        workspace_id,
        cast(requested_at at time zone 'UTC' as date) as usage_date,
        count(*) as request_count

    from raw.requests

    where requested_at >= now() - interval '65 days'

    group by
        workspace_id,
        cast(requested_at at time zone 'UTC' as date)

),

filled as (

    select
        days.workspace_id,
        days.usage_date,
        coalesce(counted.request_count, 0) as request_count

    from days

    left join counted
        on
            days.workspace_id = counted.workspace_id
            and days.usage_date = counted.usage_date

),

paired as (

    select
        filled.workspace_id,
        filled.usage_date,
        filled.request_count,
        earlier.request_count as earlier_count

    from filled

    inner join filled as earlier
        on
            filled.workspace_id = earlier.workspace_id
            and filled.usage_date > earlier.usage_date
            and extract(dow from filled.usage_date) = extract(dow from earlier.usage_date)

    where filled.usage_date >= cast(now() at time zone 'UTC' as date) - 7

),

centred as (

    select
        workspace_id,
        usage_date,
        request_count,
        percentile_disc(0.5) within group (order by earlier_count) as usual_count

    from paired

    group by
        workspace_id,
        usage_date,
        request_count

    having count(*) filter (where earlier_count > 0) >= 4

),

spread as (

    select
        centred.workspace_id,
        centred.usage_date,
        centred.request_count,
        centred.usual_count,
        greatest(
            4 * percentile_disc(0.5) within group (
                order by abs(paired.earlier_count - centred.usual_count)
            ),
            centred.usual_count / 2,
            20
        ) as allowed_count

    from centred

    inner join paired
        on
            centred.workspace_id = paired.workspace_id
            and centred.usage_date = paired.usage_date

    group by
        centred.workspace_id,
        centred.usage_date,
        centred.request_count,
        centred.usual_count

)

select
    workspace_id,
    usage_date,
    request_count,
    greatest(usual_count - allowed_count, 0) as least_count,
    usual_count + allowed_count as most_count
from spread
