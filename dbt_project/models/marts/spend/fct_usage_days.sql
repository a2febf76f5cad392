-- One row per workspace, calendar, day, grouping and key of that grouping.
-- Rows are entries of a ledger: a revised hour books out what it had booked before.

{{
    config(
        published_by='adding',
        key=[
            'workspace_id', 'calendar', 'grouping_name', 'usage_date',
            'billing_basis', 'provider', 'model', 'project', 'machine_id',
            'department_id',
        ],
        published_indexes=[
            {
                'unique': true,
                'columns': [
                    'workspace_id', 'calendar', 'grouping_name', 'usage_date',
                    'billing_basis', 'provider', 'model', 'project', 'machine_id',
                    'department_id',
                ],
            },
        ],
        fillfactor=70,
    )
}}

{% set priced_requests = ref('fct_priced_requests') %}
{% set hours_revised = ref('int_hours_revised') %}

with

requests as (

    select
        *,
        1 as sign
    from {{ pending(priced_requests) }}

    {% if only_this_cycle() %}
    union all

    select
        standing.*,
        -1 as sign

    from {{ source('standing', 'fct_priced_requests') }} as standing

    inner join {{ hours_revised }} as hours_revised
        on
            standing.workspace_id = hours_revised.workspace_id
            and standing.usage_hour = hours_revised.usage_hour
    {% endif %}

),

summed as (

    select
        workspace_id,
        'utc' as calendar,
        case grouping(provider, model, project, machine_id, department_id)
            when 31 then 'total'
            when 15 then 'provider'
            when 7 then 'provider_model'
            when 27 then 'project'
            when 11 then 'project_provider'
            when 25 then 'project_machine'
            when 29 then 'machine'
            when 30 then 'department'
        end as grouping_name,
        usage_date,
        billing_basis,
        provider,
        model,
        project,
        machine_id,
        department_id,
        cast(sum(sign) as bigint) as request_count,
        cast(sum(case when is_failed then sign else 0 end) as bigint)
            as failed_count,
        cast(sum(case when is_complete then 0 else sign end) as bigint)
            as incomplete_count,
        cast(sum(case when cost_pico is null then sign else 0 end) as bigint)
            as unpriced_count,
        cast(
            sum(case when cost_pico is null then sign * total_tokens else 0 end)
            as bigint
        ) as unpriced_tokens,
        cast(sum(case when rate_id is null then sign else 0 end) as bigint)
            as missing_rate_count,
        cast(sum(sign * cast(input_tokens as bigint)) as bigint) as input_tokens,
        cast(sum(sign * cast(output_tokens as bigint)) as bigint) as output_tokens,
        cast(sum(sign * cast(thinking_tokens as bigint)) as bigint)
            as thinking_tokens,
        cast(sum(sign * cast(cached_tokens as bigint)) as bigint) as cached_tokens,
        cast(sum(sign * cast(cache_write_tokens as bigint)) as bigint)
            as cache_write_tokens,
        cast(coalesce(sum(sign * cost_pico), 0) as numeric(38, 0)) as cost_pico,
        cast(coalesce(sum(sign * submitted_millicents), 0) as numeric(38, 0))
            as submitted_millicents,
        cast(
            sum(case when submitted_millicents is null then sign else 0 end) as bigint
        ) as unsubmitted_count,
        cast(coalesce(sum(sign * drift_millicents), 0) as numeric(38, 0))
            as drift_millicents,
        cast(coalesce(sum(sign * latency_ms), 0) as numeric(38, 3)) as latency_ms,
        cast(sum(case when latency_ms is null then 0 else sign end) as bigint)
            as latency_count

    from requests

    group by
        grouping sets (
            (workspace_id, usage_date, billing_basis),
            (workspace_id, usage_date, billing_basis, provider),
            (workspace_id, usage_date, billing_basis, provider, model),
            (workspace_id, usage_date, billing_basis, project),
            (workspace_id, usage_date, billing_basis, project, provider),
            (workspace_id, usage_date, billing_basis, project, machine_id),
            (workspace_id, usage_date, billing_basis, machine_id),
            (workspace_id, usage_date, billing_basis, department_id)
        )

)

select * from summed
