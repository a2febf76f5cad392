-- One row: when the daemon was last heard of, and how much it did since.

select
    max(recorded_at) as last_seen_at,
    count(*) filter (where requested_at >= $since) as request_count_last_hour
from calls
where is_typed
