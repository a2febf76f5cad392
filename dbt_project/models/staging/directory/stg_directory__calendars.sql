-- One row per workspace that has days of another calendar than UTC's: of its reporting
-- zone, which is the last that the ledger names. The ledger outlives the workspace.

with

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
        'reporting' as calendar,
        time_zone
    from zones_named
    where place = 1 and time_zone <> 'UTC'

)

select * from calendars
