-- Usage of each key of a grouping over a period, dearest first.
-- A key with nothing priced has no cost: null, not zero.

select
    billing_basis,
    provider,
    model,
    project,
    machine_id,
    department_id,
    min(usage_date) as first_date,
    max(usage_date) as last_date,
    cast(sum(request_count) as bigint) as request_count,
    cast(sum(failed_count) as bigint) as failed_count,
    cast(sum(incomplete_count) as bigint) as incomplete_count,
    cast(sum(unpriced_count) as bigint) as unpriced_count,
    cast(sum(unpriced_tokens) as bigint) as unpriced_tokens,
    cast(sum(missing_rate_count) as bigint) as missing_rate_count,
    cast(sum(input_tokens) as bigint) as input_tokens,
    cast(sum(output_tokens) as bigint) as output_tokens,
    cast(sum(thinking_tokens) as bigint) as thinking_tokens,
    cast(sum(cached_tokens) as bigint) as cached_tokens,
    cast(sum(cache_write_tokens) as bigint) as cache_write_tokens,
    cast(
        case
            when sum(request_count) > sum(unpriced_count) then sum(cost_pico)
        end
        as numeric(38, 0)
    ) as cost_pico,
    cast(sum(submitted_millicents) as bigint) as submitted_millicents,
    cast(sum(unsubmitted_count) as bigint) as unsubmitted_count,
    cast(sum(drift_millicents) as bigint) as drift_millicents

from fct_usage_days

where
    calendar = %(calendar)s
    and grouping_name = %(grouping)s
    and usage_date >= %(since)s
    and usage_date <= %(until)s

group by
    billing_basis,
    provider,
    model,
    project,
    machine_id,
    department_id

order by
    cost_pico desc nulls last,
    request_count desc,
    billing_basis asc,
    provider asc nulls last,
    model asc nulls last,
    project asc nulls last,
    machine_id asc nulls last,
    department_id asc nulls last
