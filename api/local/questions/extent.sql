-- One row: what the file holds, and what of it could not be read.

select
    count(*) filter (where is_typed) as request_count,
    count(*) filter (where not is_typed) as unreadable_count,
    cast(min(requested_at) filter (where is_typed) as date) as first_date,
    cast(max(requested_at) filter (where is_typed) as date) as last_date
from calls
