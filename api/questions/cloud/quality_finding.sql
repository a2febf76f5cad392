-- What of this workspace's fresh rows is not as expected, and what stopped being so
-- within a week: what stands first, most requests first.

select
    expectation,
    subject,
    observed,
    least,
    most,
    request_count,
    first_seen_at,
    last_seen_at,
    resolved_at

from raw.quality_findings

where resolved_at is null or resolved_at > now() - interval '7 days'

order by
    resolved_at desc nulls first,
    request_count desc,
    expectation asc,
    subject asc
