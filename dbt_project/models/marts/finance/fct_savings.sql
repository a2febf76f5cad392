-- One row per request and reason for which less could have been paid.
-- Only realised usage, each reason on its own: a request can be in several, so reasons
-- are never added up. Repeats, retries and cache reads are looked for within the UTC
-- day, so that a period reads its own days and no others.

with

requests as (

    select * from {{ ref('fct_priced_requests') }}
    where cost_pico > 0

),

rates as (

    select * from {{ ref('dim_rates') }}
    where known_to is null

),

usage_days as (

    select * from {{ ref('fct_usage_days') }}
    where calendar = 'utc' and grouping_name = 'provider_model'

),

-- What a model that the workspace uses costs today, by its own price if it has one.
priced_today as (

    select
        used.workspace_id,
        used.provider,
        used.model,
        rates.input_rate,
        rates.output_rate,
        rates.thinking_rate,
        rates.cache_read_rate,
        rates.cache_write_rate,
        row_number() over (
            partition by used.workspace_id, used.provider, used.model
            order by rates.workspace_id nulls last
        ) as rank_of_price

    from (
        select distinct
            workspace_id,
            provider,
            model
        from usage_days
    ) as used

    inner join rates
        on
            used.provider = rates.provider
            and used.model = rates.model
            and (
                used.workspace_id = rates.workspace_id
                or rates.workspace_id is null
            )
            and rates.prompt_tokens_above = 0
            and rates.valid_from <= now()
            and (rates.valid_to > now() or rates.valid_to is null)

),

-- The next step down: of the models that cost no more of anything and a tenth less of
-- a token in and a token out, the dearest. One that bills no output is another trade.
stepped_down as (

    select
        dearer.workspace_id,
        dearer.provider,
        dearer.model,
        cheaper.model as sibling,
        cheaper.input_rate,
        cheaper.output_rate,
        cheaper.thinking_rate,
        cheaper.cache_read_rate,
        cheaper.cache_write_rate,
        coalesce((
            select min(rates.prompt_tokens_above) from rates
            where
                rates.provider = cheaper.provider
                and rates.model = cheaper.model
                and rates.prompt_tokens_above > 0
        ), 9000000000) as base_price_until,
        row_number() over (
            partition by dearer.workspace_id, dearer.provider, dearer.model
            order by
                cheaper.input_rate + cheaper.output_rate desc,
                cheaper.model asc
        ) as rank_of_step

    from priced_today as dearer

    inner join priced_today as cheaper
        on
            dearer.workspace_id = cheaper.workspace_id
            and dearer.provider = cheaper.provider
            and dearer.input_rate >= cheaper.input_rate
            and dearer.output_rate >= cheaper.output_rate
            and dearer.thinking_rate >= cheaper.thinking_rate
            and dearer.cache_read_rate >= cheaper.cache_read_rate
            and dearer.cache_write_rate >= cheaper.cache_write_rate
            and (dearer.input_rate + dearer.output_rate) * 9
            >= (cheaper.input_rate + cheaper.output_rate) * 10
            and (cheaper.output_rate > 0 or dearer.output_rate = 0)

    where dearer.rank_of_price = 1 and cheaper.rank_of_price = 1

),

cheaper_elsewhere as (

    select
        requests.*,
        'cheaper_sibling' as reason,
        stepped_down.sibling,
        requests.cost_pico - (
            requests.input_tokens * stepped_down.input_rate
            + requests.output_tokens * stepped_down.output_rate
            + requests.thinking_tokens * stepped_down.thinking_rate
            + requests.cached_tokens * stepped_down.cache_read_rate
            + requests.cache_write_tokens * stepped_down.cache_write_rate
        ) as saving_pico

    from requests

    inner join stepped_down
        on
            requests.workspace_id = stepped_down.workspace_id
            and requests.provider = stepped_down.provider
            and requests.model = stepped_down.model
            and stepped_down.rank_of_step = 1
            and cast(requests.input_tokens as bigint)
            + requests.cached_tokens
            + requests.cache_write_tokens
            <= stepped_down.base_price_until

),

-- What was put in a cache and not read by the same machine, project and model within
-- the hour that caches live at most. The day's last hour is not judged.
cached as (

    select
        *,
        min(case when cached_tokens > 0 then requested_at end) over (
            partition by
                workspace_id, usage_date, provider, model, project, machine_id
            order by requested_at, request_id
            rows between 1 following and unbounded following
        ) as read_at
    from requests
    where cached_tokens > 0 or cache_write_tokens > 0

),

written_in_vain as (

    select
        cached.*,
        'cache_never_read' as reason,
        cast(null as varchar) as sibling,
        cached.cache_write_tokens * (rates.cache_write_rate - rates.input_rate)
            as saving_pico

    from cached

    inner join rates
        on cached.rate_id = rates.rate_id

    where
        cached.cache_write_tokens > 0
        and (
            cached.read_at > cached.requested_at + interval '1 hour'
            or cached.read_at is null
        )
        and cached.requested_at
        < cast(cached.usage_date + 1 as timestamp) at time zone 'UTC'
        - interval '1 hour'

),

-- The same prompt to the same model on the same day.
prompted as (

    select
        *,
        sum(case when is_failed then 0 else 1 end) over (
            partition by workspace_id, usage_date, provider, model, prompt_hash
            order by requested_at, request_id
            rows between unbounded preceding and 1 preceding
        ) as answered_before,
        lead(requested_at) over (
            partition by workspace_id, usage_date, provider, model, prompt_hash
            order by requested_at, request_id
        ) as prompted_again_at
    from requests
    where prompt_hash is not null

),

answered_again as (

    select
        prompted.*,
        'repeated_prompt' as reason,
        cast(null as varchar) as sibling,
        prompted.cost_pico as saving_pico
    from prompted
    where not prompted.is_failed and prompted.answered_before > 0

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
        cast(null as varchar) as sibling,
        requests.cost_pico as saving_pico

    from requests

    left join prompted
        on
            requests.workspace_id = prompted.workspace_id
            and requests.usage_date = prompted.usage_date
            and requests.request_id = prompted.request_id
            and prompted.is_failed

    where requests.is_failed

),

-- What the same tokens would have cost if the prompt had stayed below the threshold.
surcharged as (

    select
        requests.*,
        'long_context_surcharge' as reason,
        cast(null as varchar) as sibling,
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
            paid.workspace_id is not distinct from base.workspace_id
            and paid.provider = base.provider
            and paid.model = base.model
            and base.prompt_tokens_above = 0
            and requests.requested_at >= base.valid_from
            and (
                requests.requested_at < base.valid_to
                or base.valid_to is null
            )

),

avoidable as (

    select
        workspace_id,
        request_id,
        usage_date,
        requested_at,
        reason,
        billing_basis,
        provider,
        model,
        sibling,
        project,
        machine_id,
        total_tokens,
        cost_pico,
        cast(saving_pico as bigint) as saving_pico
    from cheaper_elsewhere
    where saving_pico > 0

    union all

    select
        workspace_id,
        request_id,
        usage_date,
        requested_at,
        reason,
        billing_basis,
        provider,
        model,
        sibling,
        project,
        machine_id,
        total_tokens,
        cost_pico,
        cast(saving_pico as bigint) as saving_pico
    from written_in_vain
    where saving_pico > 0

    union all

    select
        workspace_id,
        request_id,
        usage_date,
        requested_at,
        reason,
        billing_basis,
        provider,
        model,
        sibling,
        project,
        machine_id,
        total_tokens,
        cost_pico,
        cast(saving_pico as bigint) as saving_pico
    from answered_again
    where saving_pico > 0

    union all

    select
        workspace_id,
        request_id,
        usage_date,
        requested_at,
        reason,
        billing_basis,
        provider,
        model,
        sibling,
        project,
        machine_id,
        total_tokens,
        cost_pico,
        cast(saving_pico as bigint) as saving_pico
    from failed
    where saving_pico > 0

    union all

    select
        workspace_id,
        request_id,
        usage_date,
        requested_at,
        reason,
        billing_basis,
        provider,
        model,
        sibling,
        project,
        machine_id,
        total_tokens,
        cost_pico,
        cast(saving_pico as bigint) as saving_pico
    from surcharged
    where saving_pico > 0

),

named as (

    select
        *,
        md5(
            reason || '/' || billing_basis || '/' || provider || '/' || model
            || '/' || coalesce(sibling, '') || '/' || coalesce(project, '')
        ) as finding_id
    from avoidable

)

select * from named
