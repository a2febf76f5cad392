-- One row: what the file holds, read or not.

select
    cast(coalesce(sum(request_count), 0) as bigint) as request_count,
    min(usage_date) filter (where is_typed) as first_date,
    max(usage_date) filter (where is_typed) as last_date
from call_days
