-- One row: how many calls there are under the filters of `call`.

select count(*) as total

from calls

where
    is_typed
    and ($since is null or requested_at >= $since)
    and ($until is null or requested_at < $until)
    and ($provider is null or provider = $provider)
    and ($model is null or model = $model)
    and ($status is null or status = $status)
    and ($project_id is null or project_id = $project_id)
