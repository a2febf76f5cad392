-- One row per workspace and machine of the fresh rows: how far its clock was ahead of
-- ours at most, and how many calls it recorded more than a second before they were made.

select
    workspace_id,
    machine_id,
    count(*) as request_count,
    cast(ceil(max(extract(epoch from requested_at - received_at))) as bigint)
        as ahead_seconds,
    count(*) filter (where recorded_at < requested_at - interval '1 second')
        as backwards_count

from raw.requests

where change_id > %(since_change_id)s

group by
    workspace_id,
    machine_id
