-- One row per project and day of what a machine sent, on the day it was recorded.
-- The cost is the daemon's own, summed for it to compare; nothing is priced here.

select
    project,
    cast(recorded_at at time zone 'UTC' as date) as date,
    count(*) as request_count,
    cast(
        sum(cast(input_tokens as bigint) + cached_tokens + cache_write_tokens)
        as bigint
    ) as prompt_tokens,
    cast(
        sum(cast(output_tokens as bigint) + thinking_tokens) as bigint
    ) as completion_tokens,
    cast(coalesce(sum(submitted_millicents), 0) as bigint) as cost_usd_minor_units

from raw.requests

where
    machine_id = %(machine_id)s
    and recorded_at >= cast(%(from_date)s as timestamp) at time zone 'UTC'
    and recorded_at
    < cast(cast(%(to_date)s as date) + 1 as timestamp) at time zone 'UTC'

group by 1, 2

order by 2, 1 nulls last
