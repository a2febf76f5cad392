-- One row per day and billing basis whose departments, shares of pools included, and
-- unallocated are not the total, to the picodollar.

with

department_days as (

    select * from {{ ref('fct_department_days') }}

),

usage_days as (

    select * from {{ ref('fct_usage_days') }}
    where calendar = 'utc' and grouping_name = 'total'

),

allocated as (

    select
        workspace_id,
        usage_date,
        billing_basis,
        sum(cost_pico) as cost_pico

    from department_days

    group by
        workspace_id,
        usage_date,
        billing_basis

),

compared as (

    select
        usage_days.usage_date,
        usage_days.cost_pico as total_pico,
        allocated.cost_pico as allocated_pico,
        coalesce(usage_days.workspace_id, allocated.workspace_id) as workspace_id

    from usage_days

    full outer join allocated
        on
            usage_days.workspace_id = allocated.workspace_id
            and usage_days.usage_date = allocated.usage_date
            and usage_days.billing_basis = allocated.billing_basis

    where coalesce(usage_days.cost_pico, 0) <> coalesce(allocated.cost_pico, 0)

)

select * from compared
