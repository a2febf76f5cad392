-- What a period's figures leave out or disagree about: shares in millionths, null where
-- there is nothing to be a share of.

select
    cast(coalesce(sum(request_count), 0) as bigint) as request_count,
    cast(coalesce(sum(unpriced_count), 0) as bigint) as unpriced_count,
    cast(coalesce(sum(missing_rate_count), 0) as bigint) as missing_rate_count,
    cast(coalesce(sum(incomplete_count), 0) as bigint) as incomplete_count,
    cast(coalesce(sum(unsubmitted_count), 0) as bigint) as unsubmitted_count,
    cast(coalesce(sum(submitted_millicents), 0) as bigint) as submitted_millicents,
    cast(coalesce(sum(drift_millicents), 0) as bigint) as drift_millicents,
    cast(
        trunc(sum(unpriced_count) * 1000000 / nullif(sum(request_count), 0)) as bigint
    ) as unpriced_ppm,
    cast(
        trunc(
            sum(drift_millicents) * 1000000 / nullif(sum(submitted_millicents), 0)
        ) as bigint
    ) as drift_ppm

from fct_usage_days

where
    calendar = 'utc'
    and grouping_name = 'total'
    and usage_date >= %(since)s
    and usage_date <= %(until)s
