-- One row: what the file holds, and what of it could not be read.

select
    cast(coalesce(sum(request_count) filter (where is_typed), 0) as bigint)
        as request_count,
    cast(coalesce(sum(request_count) filter (where not is_typed), 0) as bigint)
        as unreadable_count,
    min(usage_date) filter (where is_typed) as first_date,
    max(usage_date) filter (where is_typed) as last_date
from call_days
