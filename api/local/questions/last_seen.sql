-- One row: when the last of some calls was recorded.

select max(recorded_at) as last_seen_at
from calls_read
where is_typed
