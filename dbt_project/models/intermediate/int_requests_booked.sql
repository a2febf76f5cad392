-- One row per entry that this cycle makes of a request: what it publishes, and with the
-- sign -1 what the hours that it revises had booked before.

{{ config(materialized='ephemeral') }}

{% set priced_requests = ref('fct_priced_requests') %}
{% set hours_revised = ref('int_hours_revised') %}

with

booked as (

    select
        *,
        1 as sign
    from {{ pending(priced_requests) }}

    {% if only_this_cycle() %}
    union all

    select
        standing.*,
        -1 as sign

    from {{ source('standing', 'fct_priced_requests') }} as standing

    inner join {{ hours_revised }} as hours_revised
        on
            standing.workspace_id = hours_revised.workspace_id
            and standing.usage_hour = hours_revised.usage_hour
    {% endif %}

)

select * from booked
