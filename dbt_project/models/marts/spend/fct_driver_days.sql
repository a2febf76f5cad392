-- One row per workspace, UTC day, pair of what can drive a change, its key and billing
-- basis. What of one moved within another; what moved by itself is in the day rollup.
-- Rows are entries of a ledger: a revised hour books out what it had booked before.

{{
    config(
        published_by='adding',
        key=[
            'workspace_id', 'grouping_name', 'usage_date', 'billing_basis',
            'provider', 'model', 'project', 'machine_id', 'department_id',
        ],
        published_indexes=[
            {
                'unique': true,
                'columns': [
                    'workspace_id', 'grouping_name', 'usage_date', 'billing_basis',
                    'provider', 'model', 'project', 'machine_id', 'department_id',
                ],
            },
        ],
        fillfactor=70,
    )
}}

with

entries as (

    select * from {{ ref('int_requests_booked') }}

),

summed as (

    select
        workspace_id,
        case grouping(provider, model, project, machine_id, department_id)
            when 3 then 'project_model'
            when 5 then 'machine_model'
            when 26 then 'department_project'
            when 6 then 'department_model'
            when 28 then 'department_machine'
        end as grouping_name,
        usage_date,
        billing_basis,
        provider,
        model,
        project,
        machine_id,
        department_id,
        cast(sum(sign) as bigint) as request_count,
        cast(coalesce(sum(sign * cost_pico), 0) as numeric(38, 0)) as cost_pico

    from entries

    group by
        grouping sets (
            (workspace_id, usage_date, billing_basis, provider, model, project),
            (workspace_id, usage_date, billing_basis, provider, model, machine_id),
            (workspace_id, usage_date, billing_basis, department_id, project),
            (workspace_id, usage_date, billing_basis, department_id, provider, model),
            (workspace_id, usage_date, billing_basis, department_id, machine_id)
        )

)

select * from summed
