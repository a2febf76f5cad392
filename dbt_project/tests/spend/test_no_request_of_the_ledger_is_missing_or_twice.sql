-- One row per request that landed and is neither published nor waiting, or that is
-- published and never landed.

with

landed as (

    select * from {{ ref('stg_daemon__requests') }}

),

changes as (

    select * from {{ ref('stg_ledger__changes') }}

),

requests as (

    select * from {{ ref('fct_priced_requests') }}

),

due as (

    select
        landed.workspace_id,
        landed.request_id

    from landed

    left join changes
        on landed.change_id = changes.change_id

    where changes.change_id is null

),

compared as (

    select
        due.request_id as due_request_id,
        requests.request_id as published_request_id

    from due

    full outer join requests
        on
            due.workspace_id = requests.workspace_id
            and due.request_id = requests.request_id

    where due.request_id is null or requests.request_id is null

)

select * from compared
