-- One row per request and reason for which less could have been paid for it.
-- Only realised usage, each reason on its own: a request can be in several, so reasons
-- are never added up. Repeats and retries are looked for within the UTC day.
-- Merge joins are off: of columns that go together, as machine and project do, Postgres
-- takes too few to be alike, and would compare 24 million pairs of 124,000 requests.

-- depends_on: {{ ref('int_requests_judged') }}
{{
    config(
        published_by='replacing',
        unit=['workspace_id', 'request_id'],
        units='int_requests_judged',
        published_indexes=[
            {'columns': ['workspace_id', 'finding_id', 'usage_date']},
            {
                'columns': ['workspace_id', 'machine_id', 'requested_at'],
                'where': "reason = 'cache_never_read'",
            },
        ],
        pre_hook='set local enable_mergejoin = off',
    )
}}

{% set priced_requests = ref('fct_priced_requests') %}
{% set hours_revised = ref('int_hours_revised') %}
{% set judged = ref('int_requests_judged') %}

with

rates as (

    select * from {{ ref('dim_rates') }}

),

{% set columns %}
        standing.workspace_id,
        standing.request_id,
        standing.usage_date,
        standing.usage_hour,
        standing.requested_at,
        standing.billing_basis,
        standing.provider,
        standing.model,
        standing.project,
        standing.machine_id,
        standing.prompt_hash,
        standing.is_failed,
        standing.input_tokens,
        standing.output_tokens,
        standing.thinking_tokens,
        standing.cached_tokens,
        standing.cache_write_tokens,
        standing.total_tokens,
        standing.rate_id,
        standing.cost_pico
{% endset %}

requests_booked as (

    select
        {{ columns | trim }}
    from {{ pending(priced_requests) }} as standing

),

{% if only_this_cycle() %}
-- As they will stand once this cycle is published.
requests as (

    select * from requests_booked

    union all

    select
        {{ columns | trim }}

    from {{ judged }} as judged

    inner join {{ source('standing', 'fct_priced_requests') }} as standing
        on
            judged.workspace_id = standing.workspace_id
            and judged.request_id = standing.request_id

    left join {{ hours_revised }} as hours_revised
        on
            standing.workspace_id = hours_revised.workspace_id
            and standing.usage_hour = hours_revised.usage_hour

    where hours_revised.usage_hour is null

),
{% else %}
requests as (

    select * from requests_booked

),
{% endif %}

hours_written as (

    select distinct
        workspace_id,
        provider,
        model,
        project,
        machine_id,
        usage_hour
    from requests
    where cache_write_tokens > 0

),

-- Caches live for an hour at most.
hours_looked_through as (

    select
        workspace_id,
        provider,
        model,
        project,
        machine_id,
        usage_hour
    from hours_written

    union distinct

    select
        workspace_id,
        provider,
        model,
        project,
        machine_id,
        usage_hour + interval '1 hour' as usage_hour
    from hours_written

),

cached as (

    select
        requests.*,
        true as is_judged

    from requests

    inner join hours_looked_through
        on
            requests.workspace_id = hours_looked_through.workspace_id
            and requests.usage_hour = hours_looked_through.usage_hour
            and requests.provider = hours_looked_through.provider
            and requests.model = hours_looked_through.model
            and coalesce(requests.project, '')
            = coalesce(hours_looked_through.project, '')
            and requests.machine_id = hours_looked_through.machine_id

    where requests.cached_tokens > 0 or requests.cache_write_tokens > 0

    {% if only_this_cycle() %}
    union all

    -- Not judged themselves, they may have read what is.
    select
        {{ columns | trim }},
        false as is_judged

    from hours_looked_through

    inner join {{ source('standing', 'fct_priced_requests') }} as standing
        on
            hours_looked_through.workspace_id = standing.workspace_id
            and hours_looked_through.usage_hour = standing.usage_hour
            and hours_looked_through.provider = standing.provider
            and hours_looked_through.model = standing.model
            and coalesce(hours_looked_through.project, '')
            = coalesce(standing.project, '')
            and hours_looked_through.machine_id = standing.machine_id
            and standing.cached_tokens > 0

    left join {{ hours_revised }} as hours_revised
        on
            standing.workspace_id = hours_revised.workspace_id
            and standing.usage_hour = hours_revised.usage_hour

    left join {{ judged }} as judged
        on
            standing.workspace_id = judged.workspace_id
            and standing.request_id = judged.request_id

    where
        hours_revised.usage_hour is null
        and judged.request_id is null
    {% endif %}

),

-- What was put in a cache, and when the same machine, project and model read from it.
cached_in_order as (

    select
        *,
        min(case when cached_tokens > 0 then requested_at end) over (
            partition by workspace_id, provider, model, project, machine_id
            order by requested_at desc, request_id desc
            rows between unbounded preceding and 1 preceding
        ) as read_at
    from cached

),

written_in_vain as (

    select
        cached_in_order.*,
        'cache_never_read' as reason,
        cached_in_order.cache_write_tokens
        * (rates.cache_write_rate - rates.input_rate) as saving_pico

    from cached_in_order

    inner join rates
        on cached_in_order.rate_id = rates.rate_id

    where
        cached_in_order.is_judged
        and cached_in_order.cost_pico > 0
        and cached_in_order.cache_write_tokens > 0
        and (
            cached_in_order.read_at
            > cached_in_order.requested_at + interval '1 hour'
            or cached_in_order.read_at is null
        )

),

-- The same prompt to the same model on the same day: judged all together.
prompts_repeated as (

    select
        workspace_id,
        usage_date,
        provider,
        model,
        prompt_hash

    from requests

    where prompt_hash is not null

    group by
        workspace_id,
        usage_date,
        provider,
        model,
        prompt_hash

    having count(*) > 1

),

prompted as (

    select
        requests.*,
        sum(case when requests.is_failed then 0 else 1 end) over (
            same_prompt rows between unbounded preceding and 1 preceding
        ) as answered_before,
        lead(requests.requested_at) over same_prompt as prompted_again_at

    from requests

    inner join prompts_repeated
        on
            requests.workspace_id = prompts_repeated.workspace_id
            and requests.usage_date = prompts_repeated.usage_date
            and requests.provider = prompts_repeated.provider
            and requests.model = prompts_repeated.model
            and requests.prompt_hash = prompts_repeated.prompt_hash

    window same_prompt as (
        partition by
            requests.workspace_id,
            requests.usage_date,
            requests.provider,
            requests.model,
            requests.prompt_hash
        order by requests.requested_at, requests.request_id
    )

),

answered_again as (

    select
        *,
        'repeated_prompt' as reason,
        cost_pico as saving_pico
    from prompted
    where not is_failed and answered_before > 0

),

failed as (

    select
        requests.*,
        case
            when
                prompted.prompted_again_at
                <= requests.requested_at + interval '10 minutes'
                then 'retried_call'
            else 'failed_call'
        end as reason,
        requests.cost_pico as saving_pico

    from requests

    left join prompted
        on
            requests.workspace_id = prompted.workspace_id
            and requests.request_id = prompted.request_id

    where requests.is_failed

),

-- What the same tokens would have cost if the prompt had stayed below the threshold.
surcharged as (

    select
        requests.*,
        'long_context_surcharge' as reason,
        requests.cost_pico - (
            requests.input_tokens * base.input_rate
            + requests.output_tokens * base.output_rate
            + requests.thinking_tokens * base.thinking_rate
            + requests.cached_tokens * base.cache_read_rate
            + requests.cache_write_tokens * base.cache_write_rate
        ) as saving_pico

    from requests

    inner join rates as paid
        on
            requests.rate_id = paid.rate_id
            and paid.prompt_tokens_above > 0

    inner join rates as base
        on
            coalesce(cast(paid.workspace_id as varchar), '')
            = coalesce(cast(base.workspace_id as varchar), '')
            and paid.provider = base.provider
            and paid.model = base.model
            and base.prompt_tokens_above = 0
            and base.known_to is null
            and requests.requested_at >= base.valid_from
            and (
                requests.requested_at < base.valid_to
                or base.valid_to is null
            )

),

{% set told %}
        workspace_id,
        request_id,
        reason,
        usage_date,
        requested_at,
        billing_basis,
        provider,
        model,
        project,
        machine_id,
        total_tokens,
        cost_pico,
        cast(saving_pico as bigint) as saving_pico
{% endset %}

avoidable as (

    select
        {{ told | trim }}
    from written_in_vain
    where saving_pico > 0

    union all

    select
        {{ told | trim }}
    from answered_again
    where saving_pico > 0

    union all

    select
        {{ told | trim }}
    from failed
    where saving_pico > 0

    union all

    select
        {{ told | trim }}
    from surcharged
    where saving_pico > 0

),

named as (

    select
        *,
        md5(
            reason || '/' || billing_basis || '/' || provider || '/' || model
            || '//' || coalesce(project, '')
        ) as finding_id
    from avoidable

)

select * from named
