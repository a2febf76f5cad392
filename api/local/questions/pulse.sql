-- One row: when the daemon was last heard of, and how much it did since.

select
    (select max(last_recorded_at) from call_days where is_typed) as last_seen_at,
    count(*) as request_count_last_hour
from calls
where
    is_typed
    and requested_at >= $since
