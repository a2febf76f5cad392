-- One row per workspace-hour whose published requests mean something else now: a rate
-- learnt or corrected, a rule changed. The ledger says which requests; the day rollup
-- says on which days they are, so that only those days are looked through.

{{ config(tags=['cycle_only']) }}

with

revisions as (

    select * from {{ ref('stg_ledger__changes') }}
    where
        kind = 'revision'
        and cause not in ('billing', 'close', 'time_zone')
        and is_frozen

),

usage_days as (

    select * from {{ source('standing', 'fct_usage_days') }}

),

requests as (

    select * from {{ source('standing', 'fct_priced_requests') }}

),

days_revised as (

    select distinct
        revisions.change_id,
        usage_days.workspace_id,
        usage_days.usage_date

    from revisions

    inner join usage_days
        on
            usage_days.calendar = 'utc'
            and (
                revisions.workspace_id = usage_days.workspace_id
                or revisions.workspace_id is null
            )
            and usage_days.usage_date
            >= coalesce(
                cast(revisions.since at time zone 'UTC' as date), date '1970-01-01'
            )
            and usage_days.usage_date
            <= coalesce(
                cast(revisions.until at time zone 'UTC' as date), date '9999-12-31'
            )
            and (
                (
                    usage_days.grouping_name = 'provider_model'
                    and revisions.provider = usage_days.provider
                    and (
                        revisions.model = usage_days.model
                        or revisions.model is null
                    )
                )
                or (
                    usage_days.grouping_name = 'project_machine'
                    and revisions.provider is null
                    and (
                        revisions.project = usage_days.project
                        or revisions.project is null
                    )
                    and (
                        revisions.machine_id = usage_days.machine_id
                        or revisions.machine_id is null
                    )
                )
            )

),

hours_revised as (

    select distinct
        requests.workspace_id,
        requests.usage_hour

    from days_revised

    inner join revisions
        on days_revised.change_id = revisions.change_id

    inner join requests
        on
            days_revised.workspace_id = requests.workspace_id
            and requests.usage_hour
            >= cast(days_revised.usage_date as timestamp) at time zone 'UTC'
            and requests.usage_hour
            < cast(days_revised.usage_date + 1 as timestamp) at time zone 'UTC'
            and (
                revisions.provider = requests.provider
                or revisions.provider is null
            )
            and (revisions.model = requests.model or revisions.model is null)
            and (
                revisions.project = requests.project
                or revisions.project is null
            )
            and (
                revisions.machine_id = requests.machine_id
                or revisions.machine_id is null
            )
            and (
                revisions.since <= requests.requested_at
                or revisions.since is null
            )
            and (
                revisions.until > requests.requested_at
                or revisions.until is null
            )

)

select * from hours_revised
