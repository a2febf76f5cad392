-- One row per request that this cycle publishes differently or no more, as it was
-- published until now. What retention let go of is not remembered.

-- depends_on: {{ ref('int_hours_revised') }}
{{ config(tags=['compares']) }}

{% set priced_requests = ref('fct_priced_requests') %}
{% set hours_revised = ref('int_hours_revised') %}

with

changes as (

    select * from {{ ref('stg_ledger__changes') }}
    where is_frozen

),

this_cycle as (

    select max(cycle_id) as cycle_id from changes

),

published as (

    select standing.*

    from {{ source('standing', 'fct_priced_requests') }} as standing

    {% if only_this_cycle() %}
    inner join {{ hours_revised }} as hours_revised
        on
            standing.workspace_id = hours_revised.workspace_id
            and standing.usage_hour = hours_revised.usage_hour
    {% endif %}

),

superseded as (

    select
        published.*,
        this_cycle.cycle_id as known_to_cycle

    from published

    cross join this_cycle

    left join {{ pending(priced_requests) }} as requests
        on
            published.workspace_id = requests.workspace_id
            and published.request_id = requests.request_id

    where
        (
            requests.request_id is not null
            and not ({{ is_as_published('requests') }})
        )
        or (
            requests.request_id is null
            and not exists (
                select 1 from changes
                where
                    changes.cause = 'retention'
                    and published.workspace_id = changes.workspace_id
                    and published.requested_at >= changes.since
                    and published.requested_at < changes.until
            )
        )

)

select * from superseded
