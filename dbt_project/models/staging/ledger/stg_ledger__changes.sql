-- One row per change that no cycle has published yet. Frozen ones are this cycle's;
-- the others landed since and wait for the next.

with

source as (

    select * from {{ source('ledger', 'changes') }}

),

unpublished as (

    select
        change_id,
        kind,
        cause,
        workspace_id,
        {{ canonical_provider('provider') }} as provider,
        model,
        project,
        machine_id,
        since,
        until,
        cycle_id,
        cycle_id is not null as is_frozen

    from source

    where published_at is null

)

select * from unpublished
