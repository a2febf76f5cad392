-- The places of the newest calls, those of one moment together, from a moment on.
-- A filter that is null lets everything through.

with

wanted as (

    select
        place,
        requested_at
    from calls
    where
        is_typed
        and ($since is null or requested_at >= $since)
        and ($until is null or requested_at < $until)
        and ($provider is null or provider = $provider)
        and ($model is null or model = $model)
        and ($status is null or status = $status)
        and ($project_id is null or project_id = $project_id)
        and ($cursor_at is null or requested_at <= $cursor_at)

),

newest as (

    select requested_at
    from wanted
    where $cursor_at is null or requested_at < $cursor_at
    order by requested_at desc
    limit $limit

)

select place
from wanted
where
    requested_at >= (select min(requested_at) from newest)
    or requested_at = $cursor_at
