-- One row per request that this cycle prices: those that arrived, and all of every
-- revised hour. What landed after the cycle was frozen belongs to the next.
-- Not materialized: Postgres would write the whole table down to read it twice.

{{ config(materialized='ephemeral') }}

with

requests as not materialized (

    select * from {{ ref('stg_daemon__requests') }}

),

changes as (

    select * from {{ ref('stg_ledger__changes') }}

),

{% set hours_revised = ref('int_hours_revised') %}
{% if only_this_cycle() %}

arrived as (

    select requests.*

    from changes

    inner join requests
        on changes.change_id = requests.change_id

    where changes.is_frozen and changes.kind = 'arrival'

),

revised as (

    select requests.*

    from {{ hours_revised }} as hours_revised

    inner join requests
        on
            hours_revised.workspace_id = requests.workspace_id
            and hours_revised.usage_hour <= requests.requested_at
            and hours_revised.usage_hour + interval '1 hour' > requests.requested_at

    left join changes
        on requests.change_id = changes.change_id

    where changes.change_id is null

),

touched as (

    select * from arrived

    union all

    select * from revised

)

{% else %}

touched as (

    select requests.*

    from requests

    left join changes
        on
            requests.change_id = changes.change_id
            and not changes.is_frozen

    where changes.change_id is null

)

{% endif %}

select * from touched
