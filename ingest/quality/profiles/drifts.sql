-- One row per workspace and model of the fresh rows that are published: by how many
-- millionths what daemons submitted differs from what was recomputed. Less than twenty
-- requests, or less than a cent of difference, is rounding.

select
    fresh.workspace_id,
    fresh.provider,
    fresh.model,
    count(*) as request_count,
    case
        when count(*) < 20 or abs(sum(priced.drift_millicents)) < 1000 then 0
        else
            cast(
                trunc(
                    sum(priced.drift_millicents) * 1000000
                    / greatest(sum(priced.submitted_millicents), 1)
                ) as bigint
            )
    end as drift_ppm

from staging.stg_daemon__requests as fresh

inner join marts.fct_priced_requests as priced
    on
        fresh.workspace_id = priced.workspace_id
        and fresh.request_id = priced.request_id

where
    fresh.change_id > %(since_change_id)s
    and priced.drift_millicents is not null

group by
    fresh.workspace_id,
    fresh.provider,
    fresh.model
