-- One row per workspace, UTC day, billing basis, department and where its cost is from:
-- its own requests, or its share of a pool. Department null is unallocated.
-- Each pool is handed on whole each day, by largest remainder, so that departments and
-- what is unallocated are the total, to the picodollar. Postgres alone: it divides.

with

usage_days as (

    select * from {{ ref('fct_usage_days') }}
    where calendar = 'utc' and grouping_name = 'department'

),

departments as (

    select * from {{ source('directory', 'departments') }}

),

splits as (

    select * from {{ source('directory', 'pool_splits') }}

),

shares as (

    select * from {{ source('directory', 'pool_shares') }}

),

own as (

    select usage_days.*

    from usage_days

    left join departments
        on
            usage_days.workspace_id = departments.workspace_id
            and usage_days.department_id = departments.department_id

    where departments.kind is null or departments.kind = 'department'

),

pooled as (

    select
        usage_days.workspace_id,
        usage_days.usage_date,
        usage_days.billing_basis,
        usage_days.department_id as pool_id,
        usage_days.cost_pico,
        coalesce(splits.split, 'proportional') as split

    from usage_days

    inner join departments
        on
            usage_days.workspace_id = departments.workspace_id
            and usage_days.department_id = departments.department_id
            and departments.kind = 'pool'

    left join splits
        on
            usage_days.workspace_id = splits.workspace_id
            and usage_days.department_id = splits.pool_id
            and usage_days.usage_date >= splits.valid_from
            and (
                usage_days.usage_date < splits.valid_to
                or splits.valid_to is null
            )

),

-- Every department that is open that day; where the pool lists some, those alone.
opened as (

    select
        pooled.*,
        departments.department_id,
        shares.weight,
        coalesce(own.cost_pico, 0) as own_pico,
        max(shares.weight) over (
            partition by
                pooled.workspace_id,
                pooled.usage_date,
                pooled.billing_basis,
                pooled.pool_id
        ) is not null as has_list

    from pooled

    inner join departments
        on
            pooled.workspace_id = departments.workspace_id
            and departments.kind = 'department'
            and pooled.usage_date >= departments.opened_on
            and (
                pooled.usage_date < departments.retired_on
                or departments.retired_on is null
            )

    left join shares
        on
            pooled.workspace_id = shares.workspace_id
            and pooled.pool_id = shares.pool_id
            and departments.department_id = shares.department_id
            and pooled.usage_date >= shares.valid_from
            and (
                pooled.usage_date < shares.valid_to
                or shares.valid_to is null
            )

    left join own
        on
            pooled.workspace_id = own.workspace_id
            and pooled.usage_date = own.usage_date
            and pooled.billing_basis = own.billing_basis
            and departments.department_id = own.department_id

),

weighted as (

    select
        *,
        case split
            when 'proportional' then own_pico
            when 'fixed' then coalesce(weight, 0)
            else 1
        end as part,
        sum(
            case split
                when 'proportional' then own_pico
                when 'fixed' then coalesce(weight, 0)
                else 1
            end
        ) over (
            partition by workspace_id, usage_date, billing_basis, pool_id
        ) as parts,
        count(*) over (
            partition by workspace_id, usage_date, billing_basis, pool_id
        ) as department_count

    from opened

    where weight is not null or not has_list

),

-- Nothing to be proportional to: evenly.
floored as (

    select
        *,
        case
            when parts = 0 then div(cost_pico, department_count)
            else div(cost_pico * part, parts)
        end as floor_pico,
        case
            when parts = 0 then mod(cost_pico, department_count)
            else mod(cost_pico * part, parts)
        end as remainder

    from weighted

),

ranked as (

    select
        *,
        cost_pico - sum(floor_pico) over (
            partition by workspace_id, usage_date, billing_basis, pool_id
        ) as left_pico,
        row_number() over (
            partition by workspace_id, usage_date, billing_basis, pool_id
            order by remainder desc, department_id asc
        ) as rank_of_remainder

    from floored

),

shared as (

    select
        workspace_id,
        usage_date,
        billing_basis,
        department_id,
        pool_id,
        floor_pico
        + case when rank_of_remainder <= left_pico then 1 else 0 end as cost_pico

    from ranked

),

-- A pool that no department was open for.
unshared as (

    select
        pooled.workspace_id,
        pooled.usage_date,
        pooled.billing_basis,
        pooled.pool_id,
        pooled.cost_pico

    from pooled

    left join shared
        on
            pooled.workspace_id = shared.workspace_id
            and pooled.usage_date = shared.usage_date
            and pooled.billing_basis = shared.billing_basis
            and pooled.pool_id = shared.pool_id

    where shared.pool_id is null

),

allocated as (

    select
        workspace_id,
        usage_date,
        billing_basis,
        department_id,
        cast(null as uuid) as pool_id,
        request_count,
        unpriced_count,
        unpriced_tokens,
        cost_pico
    from own

    union all

    select
        workspace_id,
        usage_date,
        billing_basis,
        department_id,
        pool_id,
        cast(0 as bigint) as request_count,
        cast(0 as bigint) as unpriced_count,
        cast(0 as bigint) as unpriced_tokens,
        cast(cost_pico as numeric(38, 0)) as cost_pico
    from shared
    where cost_pico > 0

    union all

    select
        workspace_id,
        usage_date,
        billing_basis,
        cast(null as uuid) as department_id,
        pool_id,
        cast(0 as bigint) as request_count,
        cast(0 as bigint) as unpriced_count,
        cast(0 as bigint) as unpriced_tokens,
        cost_pico
    from unshared

)

select * from allocated
