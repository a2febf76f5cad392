-- What the daemon had no price for over a period: one row per model, most requests
-- first, and one for all. Rates that it has learnt since are not missing any more.

select
    grouping(provider) = 1 as is_total,
    provider,
    model,
    count(*) as unpriced_count,
    cast(coalesce(sum(total_tokens), 0) as bigint) as unpriced_tokens,
    count(*) filter (where rate_id is null) as missing_rate_count,
    min(usage_date) as first_date,
    max(usage_date) as last_date

from fct_priced_requests

where
    submitted_millicents is null
    and billing_basis = 'api'
    and usage_date >= $since
    and usage_date <= $until

group by grouping sets ((provider, model), ())

having count(*) > 0

order by
    is_total,
    unpriced_count desc,
    provider,
    model
