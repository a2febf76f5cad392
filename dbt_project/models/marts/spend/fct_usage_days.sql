-- One row per workspace, calendar, day, grouping and key of that grouping.
-- Rows are entries of a ledger: a revised hour books out what it had booked before. A
-- calendar in another zone than before is booked anew, out of what stands.

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
        anew='int_calendars_revised',
        anew_by=['workspace_id', 'calendar'],
        fillfactor=70,
    )
}}

{% set priced_requests = ref('fct_priced_requests') %}
{% set hours_revised = ref('int_hours_revised') %}
{% set calendars_revised = ref('int_calendars_revised') %}

with

own_calendars as (

    select * from {{ ref('stg_directory__calendars') }}

),

calendars as (

    select 'utc' as calendar

    union all

    select 'reporting' as calendar

),

{% if only_this_cycle() %}
calendars_revised as (

    select * from {{ calendars_revised }}

),

revised as (

    select standing.*

    from {{ source('standing', 'fct_priced_requests') }} as standing

    inner join {{ hours_revised }} as hours_revised
        on
            standing.workspace_id = hours_revised.workspace_id
            and standing.usage_hour = hours_revised.usage_hour

),

standing_anew as (

    select standing.*

    from {{ source('standing', 'fct_priced_requests') }} as standing

    inner join calendars_revised
        on standing.workspace_id = calendars_revised.workspace_id

),

-- A calendar that is booked anew starts from nothing: what stands is booked into it
-- first, and then this cycle's entries as into any other.
entries as (

    select
        *,
        1 as sign,
        cast(null as varchar) as only_calendar
    from {{ pending(priced_requests) }}

    union all

    select
        *,
        -1 as sign,
        cast(null as varchar) as only_calendar
    from revised

    union all

    select
        *,
        1 as sign,
        'reporting' as only_calendar
    from standing_anew

),

requests as (

    select
        entries.*,
        calendars.calendar,
        own_calendars.time_zone

    from entries

    left join own_calendars
        on entries.workspace_id = own_calendars.workspace_id

    inner join calendars
        on
            (
                calendars.calendar = 'utc'
                or own_calendars.calendar = calendars.calendar
            )
            and (
                entries.only_calendar = calendars.calendar
                or entries.only_calendar is null
            )

),
{% else %}
requests as (

    select
        entries.*,
        1 as sign,
        calendars.calendar,
        own_calendars.time_zone

    from {{ pending(priced_requests) }} as entries

    left join own_calendars
        on entries.workspace_id = own_calendars.workspace_id

    inner join calendars
        on
            calendars.calendar = 'utc'
            or own_calendars.calendar = calendars.calendar

),
{% endif %}

dated as (

    select
        *,
        case
            when calendar = 'utc' then usage_date
            else cast(requested_at at time zone time_zone as date)
        end as calendar_date
    from requests

),

summed as (

    select
        workspace_id,
        calendar,
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
        calendar_date as usage_date,
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

    from dated

    group by
        grouping sets (
            (workspace_id, calendar, calendar_date, billing_basis),
            (workspace_id, calendar, calendar_date, billing_basis, provider),
            (workspace_id, calendar, calendar_date, billing_basis, provider, model),
            (workspace_id, calendar, calendar_date, billing_basis, project),
            (workspace_id, calendar, calendar_date, billing_basis, project, provider),
            (workspace_id, calendar, calendar_date, billing_basis, project, machine_id),
            (workspace_id, calendar, calendar_date, billing_basis, machine_id),
            (workspace_id, calendar, calendar_date, billing_basis, department_id)
        )

)

select * from summed
