-- One row per workspace and model of the fresh rows, with how many of its requests no
-- price could be found for: of the catalogue or the workspace's own, at any time.

with

fresh as (

    select
        workspace_id,
        provider,
        model

    from staging.stg_daemon__requests

    where change_id > %(since_change_id)s

),

rates as (

    select distinct
        workspace_id,
        provider,
        model

    from staging.stg_catalog__rates

),

counted as (

    select
        workspace_id,
        provider,
        model,
        count(*) as request_count

    from fresh

    group by
        workspace_id,
        provider,
        model

)

select
    counted.workspace_id,
    counted.provider,
    counted.model,
    counted.request_count,
    case
        when exists (
            select 1 from rates
            where
                rates.provider = counted.provider
                and rates.model = counted.model
                and (
                    rates.workspace_id = counted.workspace_id
                    or rates.workspace_id is null
                )
        ) then 0
        else counted.request_count
    end as unknown_count
from counted
