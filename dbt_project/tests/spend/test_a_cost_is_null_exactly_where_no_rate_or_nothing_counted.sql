-- One row per request that has a cost without a rate, or a rate and tokens without a
-- cost: unpriced is not zero, and a price is never a guess.

with

requests as (

    select * from {{ ref('fct_priced_requests') }}

),

contradicting as (

    select
        workspace_id,
        request_id

    from requests

    where
        (cost_pico is null)
        <> (rate_id is null or (not is_complete and total_tokens = 0))

)

select * from contradicting
