-- What changed the money of a period between two published cycles: one row per change,
-- model, price before and price after. The differences add up to the difference.

with

afterwards as (

    select
        request_id,
        known_from_cycle as cycle_id,
        billing_basis,
        provider,
        model,
        rate_id,
        cost_pico,
        department_id
    from fct_priced_requests
    where
        usage_date >= %(since)s
        and usage_date <= %(until)s
        and usage_hour >= cast(%(since)s as timestamp) at time zone 'UTC'
        and known_from_cycle > %(from_cycle)s
        and known_from_cycle <= %(to_cycle)s

    union all

    select
        request_id,
        known_from_cycle as cycle_id,
        billing_basis,
        provider,
        model,
        rate_id,
        cost_pico,
        department_id
    from raw.superseded_requests
    where
        usage_date >= %(since)s
        and usage_date <= %(until)s
        and known_from_cycle > %(from_cycle)s
        and known_from_cycle <= %(to_cycle)s

),

beforehand as (

    select
        request_id,
        known_to_cycle as cycle_id,
        billing_basis,
        provider,
        model,
        rate_id,
        cost_pico,
        department_id
    from raw.superseded_requests
    where
        usage_date >= %(since)s
        and usage_date <= %(until)s
        and known_to_cycle > %(from_cycle)s
        and known_to_cycle <= %(to_cycle)s

),

moved as (

    select
        coalesce(afterwards.cycle_id, beforehand.cycle_id) as cycle_id,
        coalesce(afterwards.billing_basis, beforehand.billing_basis)
            as billing_basis,
        coalesce(afterwards.provider, beforehand.provider) as provider,
        coalesce(afterwards.model, beforehand.model) as model,
        beforehand.rate_id as rate_id_before,
        afterwards.rate_id as rate_id_after,
        beforehand.cost_pico as cost_pico_before,
        afterwards.cost_pico as cost_pico_after,
        case
            when beforehand.request_id is null then 'arrival'
            when afterwards.request_id is null then 'removal'
            when
                (beforehand.rate_id is distinct from afterwards.rate_id)
                or (beforehand.cost_pico is distinct from afterwards.cost_pico)
                then 'rate'
            when
                (beforehand.department_id is distinct from afterwards.department_id)
                then 'allocation'
            else 'correction'
        end as cause

    from afterwards

    full outer join beforehand
        on
            afterwards.request_id = beforehand.request_id
            and afterwards.cycle_id = beforehand.cycle_id

),

-- What arrived in many cycles is one change; what was revised is one per cycle.
summed as (

    select
        case when cause <> 'arrival' then cycle_id end as cycle_id,
        max(cycle_id) as last_cycle_id,
        cause,
        billing_basis,
        provider,
        model,
        rate_id_before,
        rate_id_after,
        count(*) as request_count,
        count(*) - count(cost_pico_before) as unpriced_before_count,
        count(*) - count(cost_pico_after) as unpriced_after_count,
        cast(coalesce(sum(cost_pico_before), 0) as numeric(38, 0)) as before_pico,
        cast(coalesce(sum(cost_pico_after), 0) as numeric(38, 0)) as after_pico
    from moved
    group by
        case when cause <> 'arrival' then cycle_id end,
        cause,
        billing_basis,
        provider,
        model,
        rate_id_before,
        rate_id_after

)

select
    summed.cause,
    cycles.published_at,
    summed.billing_basis,
    summed.provider,
    summed.model,
    summed.rate_id_before,
    summed.rate_id_after,
    summed.request_count,
    case when summed.cause = 'arrival' then 0 else summed.unpriced_before_count end
        as unpriced_before_count,
    case when summed.cause = 'removal' then 0 else summed.unpriced_after_count end
        as unpriced_after_count,
    summed.before_pico,
    summed.after_pico,
    cast(summed.after_pico - summed.before_pico as numeric(38, 0))
        as difference_pico,
    -- Of an allocation, whoever made all changes of rules that the cycle published.
    coalesce((
        select changes.made_by
        from raw.changes as changes
        inner join raw.pricing_rates as rates
            on
                rates.rate_id
                = coalesce(summed.rate_id_after, summed.rate_id_before)
                and changes.provider = rates.provider
                and changes.model = rates.model
        where
            summed.cause = 'rate'
            and changes.kind = 'revision'
            and changes.cause = 'rate'
            and changes.cycle_id = summed.cycle_id
        order by changes.change_id desc
        limit 1
    ), (
        select (array_agg(changes.made_by))[1]
        from raw.changes as changes
        where
            summed.cause = 'allocation'
            and changes.kind = 'revision'
            and changes.cause = 'allocation'
            and changes.cycle_id = summed.cycle_id
        having
            count(*) = count(changes.made_by)
            and count(distinct changes.made_by) = 1
    )) as made_by

from summed

inner join raw.cycles as cycles
    on summed.last_cycle_id = cycles.cycle_id

order by
    cycles.published_at desc,
    summed.cause asc,
    abs(summed.after_pico - summed.before_pico) desc,
    summed.provider asc,
    summed.model asc,
    summed.billing_basis asc,
    summed.rate_id_before asc nulls first,
    summed.rate_id_after asc nulls first
