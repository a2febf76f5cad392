-- One row per workspace, provider and UTC month that is closed, as far as cycles have
-- been told: by the changes that closed it and reopened it.

with

decisions as (

    select * from {{ source('directory', 'closes') }}

),

revisions as (

    select change_id
    from {{ source('ledger', 'changes') }}
    where
        kind = 'revision'
        and cause = 'close'
        and (cycle_id is not null or published_at is not null)

),

standing as (

    select
        decisions.workspace_id,
        decisions.close_id,
        decisions.provider,
        decisions.period_month,
        decisions.closed_at,
        decisions.request_count,
        decisions.unpriced_count,
        decisions.cost_pico

    from decisions

    inner join revisions as closed
        on decisions.closed_by_change = closed.change_id

    left join revisions as reopened
        on decisions.reopened_by_change = reopened.change_id

    where reopened.change_id is null

)

select * from standing
