-- One row per request that this cycle prices: those that arrived, and all of every
-- revised hour. What landed after the cycle was frozen belongs to the next.
-- Not materialized: Postgres would write the whole table down to read it twice.

-- depends_on: {{ source('ledger', 'superseded_requests') }}
{{ config(materialized='ephemeral') }}

with

requests as not materialized (

    select * from {{ ref('stg_daemon__requests') }}

),

arrivals as not materialized (

    select * from {{ ref('stg_ledger__arrivals') }}

),

{% set hours_revised = ref('int_hours_revised') %}
{% if only_this_cycle() %}

arrived as (

    select
        requests.*,
        arrivals.daemon_version,
        arrivals.cycle_id as known_from_cycle

    from arrivals

    inner join requests
        on arrivals.change_id = requests.change_id

    where not arrivals.is_published and not arrivals.is_waiting

),

revised as (

    select
        requests.*,
        arrivals.daemon_version,
        cast(null as bigint) as known_from_cycle

    from {{ hours_revised }} as hours_revised

    inner join requests
        on
            hours_revised.workspace_id = requests.workspace_id
            and hours_revised.usage_hour <= requests.requested_at
            and hours_revised.usage_hour + interval '1 hour' > requests.requested_at

    left join arrivals
        on requests.change_id = arrivals.change_id

    where arrivals.change_id is null or arrivals.is_published

),

touched as (

    select * from arrived

    union all

    select * from revised

)

{% else %}

superseded as (

    select
        workspace_id,
        request_id,
        max(known_to_cycle) as known_to_cycle
    from {{ source('ledger', 'superseded_requests') }}
    group by
        workspace_id,
        request_id

),

touched as (

    select
        requests.*,
        arrivals.daemon_version,
        coalesce(
            superseded.known_to_cycle, arrivals.cycle_id, 0
        ) as known_from_cycle

    from requests

    left join arrivals
        on requests.change_id = arrivals.change_id

    left join superseded
        on
            requests.workspace_id = superseded.workspace_id
            and requests.request_id = superseded.request_id

    where arrivals.change_id is null or not arrivals.is_waiting

)

{% endif %}

select * from touched
