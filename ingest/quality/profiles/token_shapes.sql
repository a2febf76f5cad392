-- One row per workspace and model of the fresh rows: how its tokens and answers look,
-- and how long its answers were in the four weeks before. Shares are of a million.
-- With fewer than a hundred answers on either side, lengths are not compared.

with

fresh as (

    select
        workspace_id,
        provider,
        model,
        count(*) as request_count,
        count(*) filter (where not is_failed and is_complete) as whole_count,
        count(*) filter (
            where
                not is_failed
                and is_complete
                and prompt_tokens + output_tokens + thinking_tokens = 0
        ) as empty_count,
        count(*) filter (where not is_failed and not is_complete) as cut_count,
        count(*) filter (where time_to_first_token_ms > latency_ms)
            as misordered_count,
        max(prompt_tokens) as longest_prompt_tokens,
        percentile_disc(0.5) within group (order by output_tokens)
        filter (where not is_failed and is_complete) as median_output_tokens

    from staging.stg_daemon__requests

    where change_id > %(since_change_id)s

    group by
        workspace_id,
        provider,
        model

),

earlier as (

    select
        workspace_id,
        provider,
        model,
        count(*) as whole_count,
        percentile_disc(0.5) within group (order by output_tokens)
            as median_output_tokens

    from staging.stg_daemon__requests

    where
        change_id <= %(since_change_id)s
        and requested_at >= now() - interval '28 days'
        and not is_failed
        and is_complete

    group by
        workspace_id,
        provider,
        model

)

select
    fresh.workspace_id,
    fresh.provider,
    fresh.model,
    fresh.request_count,
    fresh.misordered_count,
    fresh.longest_prompt_tokens,
    coalesce(fresh.empty_count * 1000000 / nullif(fresh.whole_count, 0), 0)
        as empty_ppm,
    coalesce(
        fresh.cut_count * 1000000 / nullif(fresh.whole_count + fresh.cut_count, 0), 0
    ) as cut_ppm,
    cast(fresh.median_output_tokens as bigint) as median_output_tokens,
    cast(earlier.median_output_tokens / 4 as bigint) as least_output_tokens,
    cast(earlier.median_output_tokens as bigint) * 4 as most_output_tokens

from fresh

left join earlier
    on
        fresh.workspace_id = earlier.workspace_id
        and fresh.provider = earlier.provider
        and fresh.model = earlier.model
        and fresh.whole_count >= 100
        and earlier.whole_count >= 100
