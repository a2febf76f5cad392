-- One row: how many calls were made since a moment.

select count(*) as request_count
from calls
where
    is_typed
    and requested_at >= $since
