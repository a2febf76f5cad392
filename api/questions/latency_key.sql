-- Latency of each key of a grouping over a period, or over each of its bins: count and
-- sum, which make the average, and the 95th percentile by linear interpolation.
-- percentile_disc names a value next to the percentile; counting how many lie below it
-- finds the two that it is interpolated between, in decimals, alike on both engines.

with

timed as (

    select
        billing_basis,
        case
            when cast(%(bin)s as varchar) is not null
                then cast(date_trunc(cast(%(bin)s as varchar), usage_date) as date)
        end as bin_date,
        case
            when
                %(grouping)s in ('provider', 'provider_model', 'project_provider')
                then provider
        end as provider,
        case when %(grouping)s = 'provider_model' then model end as model,
        case
            when %(grouping)s in ('project', 'project_provider', 'project_machine')
                then project
        end as project,
        case
            when %(grouping)s in ('machine', 'project_machine') then machine_id
        end as machine_id,
        cast(latency_ms as numeric(14, 3)) as latency_ms

    from fct_priced_requests

    where
        latency_ms is not null
        and usage_date >= %(since)s
        and usage_date <= %(until)s

),

keyed as (

    select
        billing_basis,
        bin_date,
        provider,
        model,
        project,
        machine_id,
        count(*) as latency_count,
        cast(sum(latency_ms) as numeric(38, 3)) as latency_ms,
        percentile_disc(0.95) within group (order by latency_ms) as near_ms
    from timed
    group by
        billing_basis,
        bin_date,
        provider,
        model,
        project,
        machine_id

),

counted as (

    select
        keyed.billing_basis,
        keyed.bin_date,
        keyed.provider,
        keyed.model,
        keyed.project,
        keyed.machine_id,
        keyed.latency_count,
        keyed.latency_ms,
        keyed.near_ms,
        95 * (keyed.latency_count - 1) as hundredths,
        sum(case when timed.latency_ms < keyed.near_ms then 1 else 0 end)
            as below_count,
        sum(case when timed.latency_ms = keyed.near_ms then 1 else 0 end)
            as equal_count,
        max(case when timed.latency_ms < keyed.near_ms then timed.latency_ms end)
            as before_ms,
        min(case when timed.latency_ms > keyed.near_ms then timed.latency_ms end)
            as after_ms

    from keyed

    inner join timed
        on
            keyed.billing_basis = timed.billing_basis
            and keyed.bin_date is not distinct from timed.bin_date
            and keyed.provider is not distinct from timed.provider
            and keyed.model is not distinct from timed.model
            and keyed.project is not distinct from timed.project
            and keyed.machine_id is not distinct from timed.machine_id

    group by
        keyed.billing_basis,
        keyed.bin_date,
        keyed.provider,
        keyed.model,
        keyed.project,
        keyed.machine_id,
        keyed.latency_count,
        keyed.latency_ms,
        keyed.near_ms

),

-- Of the sorted values, counted from 0: the one at the whole part of the rank, and the
-- one after it.
neighboured as (

    select
        *,
        case
            when 100 * below_count > hundredths then before_ms
            when 100 * (below_count + equal_count) > hundredths then near_ms
            else after_ms
        end as lower_ms,
        case
            when 100 * (below_count - 1) > hundredths then before_ms
            when 100 * (below_count + equal_count - 1) > hundredths then near_ms
            else coalesce(after_ms, near_ms)
        end as upper_ms
    from counted

)

select
    billing_basis,
    bin_date,
    provider,
    model,
    project,
    machine_id,
    latency_count,
    latency_ms,
    cast(
        lower_ms
        + (upper_ms - lower_ms) * cast(mod(hundredths, 100) as numeric(4, 0)) * 0.01
        as numeric(38, 5)
    ) as p95_ms

from neighboured

order by
    bin_date asc nulls last,
    billing_basis asc,
    provider asc nulls last,
    model asc nulls last,
    project asc nulls last,
    machine_id asc nulls last
