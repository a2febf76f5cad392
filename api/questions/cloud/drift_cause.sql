-- What daemons said against what it costs, by machine, daemon version, model and day,
-- with the likely cause. An exact one goes first: of the rates that this warehouse
-- knows or knew, the one at which the daemon's figure is right to the millicent.

with

requests as (

    select * from fct_priced_requests
    where
        usage_date >= %(since)s
        and usage_date <= %(until)s
        and usage_hour >= cast(%(since)s as timestamp) at time zone 'UTC'

),

agreed as (

    select distinct
        provider,
        model,
        machine_id
    from requests
    where drift_millicents = 0

),

-- The nearest explanation first: another row of the same moment, then one believed
-- once, then one of another time.
explained as (

    select
        requests.request_id,
        rates.rate_id,
        case
            when
                requests.requested_at < rates.valid_from
                or requests.requested_at >= rates.valid_to
                then 'rate_of_another_time'
            when
                ours.prompt_tokens_above <> rates.prompt_tokens_above
                and rates.known_to is null
                then 'long_context_tier'
            when
                (ours.workspace_id is null) <> (rates.workspace_id is null)
                and rates.known_to is null
                then 'negotiated_rate'
            else 'rate_corrected'
        end as cause

    from requests

    inner join dim_rates as ours
        on requests.rate_id = ours.rate_id

    inner join dim_rates as rates
        on
            requests.provider = rates.provider
            and requests.model = rates.model
            and requests.rate_id <> rates.rate_id

    where
        requests.drift_millicents <> 0
        and requests.submitted_millicents
        = floor(
            (
                requests.input_tokens * rates.input_rate
                + requests.output_tokens * rates.output_rate
                + requests.thinking_tokens * rates.thinking_rate
                + requests.cached_tokens * rates.cache_read_rate
                + requests.cache_write_tokens * rates.cache_write_rate
            )
            * 0.0000001
        )

),

nearest as (

    select
        request_id,
        rate_id,
        cause,
        row_number() over (
            partition by request_id
            order by
                case cause
                    when 'long_context_tier' then 1
                    when 'negotiated_rate' then 2
                    when 'rate_corrected' then 3
                    else 4
                end,
                rate_id desc
        ) as place
    from explained

),

caused as (

    select
        requests.usage_date,
        requests.machine_id,
        requests.daemon_version,
        requests.billing_basis,
        requests.provider,
        requests.model,
        requests.rate_id,
        nearest.rate_id as daemons_rate_id,
        requests.cost_pico,
        requests.submitted_millicents,
        requests.drift_millicents,
        case
            when requests.drift_millicents = 0 then 'agreed'
            when
                requests.submitted_millicents is null
                and requests.cost_pico is null
                then 'priced_nowhere'
            when requests.submitted_millicents is null then 'priced_here_only'
            when requests.cost_pico is null then 'priced_there_only'
            when nearest.cause is not null then nearest.cause
            when not requests.is_complete then 'tokens_incomplete'
            when
                exists (
                    select 1 from agreed
                    where
                        agreed.provider = requests.provider
                        and agreed.model = requests.model
                        and agreed.machine_id <> requests.machine_id
                )
                then 'machine_override'
            else 'rate_unknown_here'
        end as cause

    from requests

    left join nearest
        on
            requests.request_id = nearest.request_id
            and nearest.place = 1

)

select
    usage_date,
    machine_id,
    daemon_version,
    billing_basis,
    provider,
    model,
    cause,
    rate_id,
    daemons_rate_id,
    count(*) as request_count,
    cast(sum(cost_pico) as numeric(38, 0)) as cost_pico,
    cast(sum(submitted_millicents) as bigint) as submitted_millicents,
    cast(sum(drift_millicents) as bigint) as drift_millicents

from caused

where
    cast(%(machine_id)s as uuid) is null
    or machine_id = cast(%(machine_id)s as uuid)

group by
    usage_date,
    machine_id,
    daemon_version,
    billing_basis,
    provider,
    model,
    cause,
    rate_id,
    daemons_rate_id

order by
    abs(sum(drift_millicents)) desc nulls last,
    usage_date desc,
    provider asc,
    model asc,
    machine_id asc,
    daemon_version asc nulls last,
    billing_basis asc,
    cause asc,
    rate_id asc nulls last,
    daemons_rate_id asc nulls last
