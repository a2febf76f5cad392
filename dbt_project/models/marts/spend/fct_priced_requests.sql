-- One row per request, priced by the rate in force when it was made.
-- A request with no rate keeps a null cost: never a guess, never a zero.

-- depends_on: {{ ref('int_hours_revised') }}
{{
    config(
        published_by='replacing',
        unit=['workspace_id', 'usage_hour'],
        units='int_hours_revised',
        published_indexes=[
            {
                'columns': [
                    'workspace_id', 'usage_hour', 'requested_at', 'request_id',
                ],
            },
            {
                'columns': ['workspace_id', 'provider', 'model'],
                'where': 'rate_id is null',
            },
            {
                'columns': ['workspace_id', 'left(prompt_hash, 12)'],
                'where': 'prompt_hash is not null',
            },
        ],
    )
}}

{% set hours_revised = ref('int_hours_revised') %}
{% set changes = ref('stg_ledger__changes') %}

with

requests as (

    select * from {{ ref('int_requests_touched') }}

),

catalog_rates as (

    select * from {{ ref('int_rates_banded') }}
    where workspace_id is null

),

workspace_rates as (

    select * from {{ ref('int_rates_banded') }}
    where workspace_id is not null

),

allocation_rules as (

    select * from {{ ref('int_allocation_banded') }}

),

rated as (

    select
        requests.*,
        coalesce(workspace_rates.rate_id, catalog_rates.rate_id) as rate_id,
        case
            when workspace_rates.rate_id is not null
                then
                    requests.input_tokens * workspace_rates.input_rate
                    + requests.output_tokens * workspace_rates.output_rate
                    + requests.thinking_tokens * workspace_rates.thinking_rate
                    + requests.cached_tokens * workspace_rates.cache_read_rate
                    + requests.cache_write_tokens * workspace_rates.cache_write_rate
            else
                requests.input_tokens * catalog_rates.input_rate
                + requests.output_tokens * catalog_rates.output_rate
                + requests.thinking_tokens * catalog_rates.thinking_rate
                + requests.cached_tokens * catalog_rates.cache_read_rate
                + requests.cache_write_tokens * catalog_rates.cache_write_rate
        end as rated_pico,
        requests.prompt_tokens
        + requests.output_tokens
        + requests.thinking_tokens as total_tokens

    from requests

    left join workspace_rates
        on
            requests.workspace_id = workspace_rates.workspace_id
            and requests.provider = workspace_rates.provider
            and requests.model = workspace_rates.model
            and requests.requested_at >= workspace_rates.valid_from
            and requests.requested_at < workspace_rates.valid_to
            and requests.prompt_tokens >= workspace_rates.prompt_tokens_from
            and requests.prompt_tokens <= workspace_rates.prompt_tokens_to

    left join catalog_rates
        on
            requests.provider = catalog_rates.provider
            and requests.model = catalog_rates.model
            and requests.requested_at >= catalog_rates.valid_from
            and requests.requested_at < catalog_rates.valid_to
            and requests.prompt_tokens >= catalog_rates.prompt_tokens_from
            and requests.prompt_tokens <= catalog_rates.prompt_tokens_to

),

-- At most one rule wins for a project, a machine or a provider at a moment, so
-- nothing fans out; of those, the one with the lowest precedence allocates.
allocated as (

    select
        rated.*,
        case
            when
                by_project.precedence
                < least(
                    coalesce(by_machine.precedence, 20000000),
                    coalesce(by_provider.precedence, 20000000)
                )
                then by_project.rule_id
            when by_machine.precedence < coalesce(by_provider.precedence, 20000000)
                then by_machine.rule_id
            else by_provider.rule_id
        end as allocation_rule_id,
        case
            when
                by_project.precedence
                < least(
                    coalesce(by_machine.precedence, 20000000),
                    coalesce(by_provider.precedence, 20000000)
                )
                then by_project.department_id
            when by_machine.precedence < coalesce(by_provider.precedence, 20000000)
                then by_machine.department_id
            else by_provider.department_id
        end as department_id

    from rated

    left join allocation_rules as by_project
        on
            rated.workspace_id = by_project.workspace_id
            and by_project.matched_by = 'project'
            and rated.project = by_project.matched_value
            and rated.requested_at >= by_project.valid_from
            and rated.requested_at < by_project.valid_to

    left join allocation_rules as by_machine
        on
            rated.workspace_id = by_machine.workspace_id
            and by_machine.matched_by = 'machine'
            and cast(rated.machine_id as varchar) = by_machine.matched_value
            and rated.requested_at >= by_machine.valid_from
            and rated.requested_at < by_machine.valid_to

    left join allocation_rules as by_provider
        on
            rated.workspace_id = by_provider.workspace_id
            and by_provider.matched_by = 'provider'
            and rated.provider = by_provider.matched_value
            and rated.requested_at >= by_provider.valid_from
            and rated.requested_at < by_provider.valid_to

),

priced as (

    select
        *,
        case
            when is_complete or total_tokens > 0 then rated_pico
        end as cost_pico

    from allocated

),

compared as (

    select
        workspace_id,
        request_id,
        machine_id,
        provider,
        model,
        project,
        billing_basis,
        requested_at,
        recorded_at,
        received_at,
        usage_hour,
        usage_date,
        status,
        error_class,
        http_status,
        request_kind,
        attribution_method,
        prompt_hash,
        input_tokens,
        output_tokens,
        thinking_tokens,
        cached_tokens,
        cache_write_tokens,
        total_tokens,
        is_complete,
        is_failed,
        latency_ms,
        time_to_first_token_ms,
        rate_id,
        cost_pico,
        submitted_millicents,
        submitted_millicents
        - cast(floor(cost_pico * 0.0000001) as bigint) as drift_millicents,
        department_id,
        allocation_rule_id,
        daemon_version,
        known_from_cycle

    from priced

)

{% if only_this_cycle() %}
,

published as (

    select standing.*

    from {{ source('standing', 'fct_priced_requests') }} as standing

    inner join {{ hours_revised }} as hours_revised
        on
            standing.workspace_id = hours_revised.workspace_id
            and standing.usage_hour = hours_revised.usage_hour

),

this_cycle as (

    select max(cycle_id) as cycle_id
    from {{ changes }}
    where is_frozen

),

-- A revised request that means what it meant has been known for as long.
remembered as (

    select
        {{ columns_of('compared') }},
        coalesce(
            compared.known_from_cycle,
            case
                when {{ is_as_published('compared') }}
                    then published.known_from_cycle
            end,
            this_cycle.cycle_id
        ) as known_from_cycle

    from compared

    cross join this_cycle

    left join published
        on
            compared.workspace_id = published.workspace_id
            and compared.request_id = published.request_id

)

select * from remembered
{% else %}
select * from compared
{% endif %}
{{ in_reading_order() }}
