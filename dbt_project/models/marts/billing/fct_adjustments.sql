-- One row per workspace, provider, UTC month and cycle that posted what the month had
-- come to differ by since it was closed, or took that back because it was reopened.
-- A view: the rebuild posts it, and nothing of it is kept twice.

{{ config(materialized='published_view') }}

with

source as (

    select * from {{ source('billing', 'adjustments') }}

),

named as (

    select
        workspace_id,
        provider,
        period_month,
        posted_month,
        posted_at,
        cycle_id,
        is_reversal,
        request_count,
        unpriced_count,
        cost_pico

    from source

)

select * from named
