-- One row per request whose savings this cycle judges anew: what it books in or out,
-- what asked the same on that day, and cache writes that such a request may have read.

{{ config(tags=['cycle_only']) }}

with

booked as (

    select * from {{ ref('int_requests_booked') }}

),

hours_revised as (

    select * from {{ ref('int_hours_revised') }}

),

prompts_booked as (

    select distinct
        workspace_id,
        usage_date,
        provider,
        model,
        prompt_hash
    from booked
    where prompt_hash is not null

),

reads_booked as (

    select distinct
        workspace_id,
        provider,
        model,
        project,
        machine_id,
        requested_at
    from booked
    where cached_tokens > 0

),

judged as (

    select
        workspace_id,
        request_id
    from booked

    union distinct

    select
        standing.workspace_id,
        standing.request_id

    from prompts_booked

    inner join {{ source('standing', 'fct_priced_requests') }} as standing
        on
            prompts_booked.workspace_id = standing.workspace_id
            and left(prompts_booked.prompt_hash, 12) = left(standing.prompt_hash, 12)
            and prompts_booked.prompt_hash = standing.prompt_hash
            and prompts_booked.usage_date = standing.usage_date
            and prompts_booked.provider = standing.provider
            and prompts_booked.model = standing.model

    union distinct

    -- What nothing had read, until one of these may have.
    select
        savings.workspace_id,
        savings.request_id

    from reads_booked

    inner join {{ source('standing', 'fct_savings') }} as savings
        on
            reads_booked.workspace_id = savings.workspace_id
            and reads_booked.provider = savings.provider
            and reads_booked.model = savings.model
            and reads_booked.project is not distinct from savings.project
            and reads_booked.machine_id = savings.machine_id
            and savings.reason = 'cache_never_read'
            and reads_booked.requested_at >= savings.requested_at
            and reads_booked.requested_at
            <= savings.requested_at + interval '1 hour'

    union distinct

    -- What had been read, perhaps by one that is taken back.
    select
        standing.workspace_id,
        standing.request_id

    from hours_revised

    inner join {{ source('standing', 'fct_priced_requests') }} as standing
        on
            hours_revised.workspace_id = standing.workspace_id
            and hours_revised.usage_hour - interval '1 hour' = standing.usage_hour
            and standing.cache_write_tokens > 0

)

select * from judged
