-- One row per workspace and calendar that its days are kept in: UTC, and its reporting
-- time zone where that is another one. The zone is the last that the ledger names.

with

tenants as (

    select * from {{ source('directory', 'workspaces') }}

),

revisions as (

    select * from {{ source('ledger', 'changes') }}

),

zones_named as (

    select
        workspace_id,
        time_zone,
        row_number() over (
            partition by workspace_id
            order by change_id desc
        ) as place

    from revisions

    where
        kind = 'revision'
        and cause = 'time_zone'
        and time_zone is not null
        and (cycle_id is not null or published_at is not null)

),

calendars as (

    select
        workspace_id,
        'utc' as calendar,
        'UTC' as time_zone
    from tenants

    union all

    select
        workspace_id,
        'reporting' as calendar,
        time_zone
    from zones_named
    where place = 1 and time_zone <> 'UTC'

)

select * from calendars
