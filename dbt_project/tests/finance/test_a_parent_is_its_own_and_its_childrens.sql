-- One row per day, billing basis and department whose figure with what is below it is
-- not its own plus its children's, to the picodollar.

with

spend_days as (

    select * from {{ ref('fct_spend_days') }}
    where scope = 'department'

),

department_days as (

    select * from {{ ref('fct_department_days') }}
    where department_id is not null

),

ancestors as (

    select * from {{ ref('dim_department_ancestors') }}
    where depth = 1

),

parts as (

    select
        workspace_id,
        cast(department_id as varchar) as subject,
        usage_date,
        billing_basis,
        cost_pico
    from department_days

    union all

    select
        spend_days.workspace_id,
        cast(ancestors.ancestor_id as varchar) as subject,
        spend_days.usage_date,
        spend_days.billing_basis,
        spend_days.cost_pico

    from spend_days

    inner join ancestors
        on
            spend_days.workspace_id = ancestors.workspace_id
            and spend_days.subject = cast(ancestors.department_id as varchar)
            and spend_days.usage_date >= ancestors.first_date
            and spend_days.usage_date < ancestors.end_date

),

added_up as (

    select
        workspace_id,
        subject,
        usage_date,
        billing_basis,
        sum(cost_pico) as cost_pico

    from parts

    group by
        workspace_id,
        subject,
        usage_date,
        billing_basis

),

compared as (

    select
        spend_days.workspace_id,
        spend_days.subject,
        spend_days.usage_date,
        spend_days.cost_pico as kept_pico,
        added_up.cost_pico as added_pico

    from spend_days

    full outer join added_up
        on
            spend_days.workspace_id = added_up.workspace_id
            and spend_days.subject = added_up.subject
            and spend_days.usage_date = added_up.usage_date
            and spend_days.billing_basis = added_up.billing_basis

    where spend_days.cost_pico is distinct from added_up.cost_pico

)

select * from compared
