-- One row: how many calls of a period could not be read; those of no day we can tell are
-- of every period.

select cast(coalesce(sum(request_count), 0) as bigint) as unreadable_count
from call_days
where
    not is_typed
    and (usage_date is null or usage_date between $since and $until)
