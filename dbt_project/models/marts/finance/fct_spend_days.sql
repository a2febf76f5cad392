-- One row per workspace, scope, subject of that scope, UTC day and billing basis.
-- What budgets, forecasts and anomalies are made of; a department holds what was below
-- it that day. Subject is empty for the workspace and for calls without a project.

with

usage_days as (

    select * from {{ ref('fct_usage_days') }}
    where
        calendar = 'utc'
        and grouping_name in ('total', 'project', 'provider_model', 'machine')

),

department_days as (

    select * from {{ ref('fct_department_days') }}

),

ancestors as (

    select * from {{ ref('dim_department_ancestors') }}

),

counted as (

    select
        workspace_id,
        case grouping_name
            when 'total' then 'workspace'
            when 'project' then 'project'
            when 'provider_model' then 'model'
            when 'machine' then 'machine'
        end as scope,
        case grouping_name
            when 'total' then ''
            when 'project' then coalesce(project, '')
            when 'provider_model' then provider || '/' || model
            when 'machine' then cast(machine_id as varchar)
        end as subject,
        usage_date,
        billing_basis,
        request_count,
        unpriced_count,
        cost_pico
    from usage_days

    union all

    select
        ancestors.workspace_id,
        'department' as scope,
        cast(ancestors.ancestor_id as varchar) as subject,
        department_days.usage_date,
        department_days.billing_basis,
        cast(sum(department_days.request_count) as bigint) as request_count,
        cast(sum(department_days.unpriced_count) as bigint) as unpriced_count,
        cast(sum(department_days.cost_pico) as numeric(38, 0)) as cost_pico

    from department_days

    inner join ancestors
        on
            department_days.workspace_id = ancestors.workspace_id
            and department_days.department_id = ancestors.department_id
            and department_days.usage_date >= ancestors.first_date
            and department_days.usage_date < ancestors.end_date

    group by
        ancestors.workspace_id,
        ancestors.ancestor_id,
        department_days.usage_date,
        department_days.billing_basis

)

select * from counted
