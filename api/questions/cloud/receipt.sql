-- One request, with the arithmetic: each count at its rate, and the row of prices that
-- the rates stand in. A request without a rate has counts and no lines.

with

requests as (

    select * from fct_priced_requests
    where request_id = %(request_id)s

)

select
    requests.request_id,
    requests.requested_at,
    requests.recorded_at,
    requests.received_at,
    requests.machine_id,
    requests.daemon_version,
    requests.provider,
    requests.model,
    requests.project,
    requests.status,
    requests.error_class,
    requests.http_status,
    requests.request_kind,
    requests.attribution_method,
    requests.billing_basis,
    requests.input_tokens,
    requests.output_tokens,
    requests.thinking_tokens,
    requests.cached_tokens,
    requests.cache_write_tokens,
    requests.is_complete,
    requests.latency_ms,
    requests.time_to_first_token_ms,
    requests.cost_pico,
    case
        when requests.cost_pico is not null
            then requests.input_tokens * rates.input_rate
    end as input_pico,
    case
        when requests.cost_pico is not null
            then requests.output_tokens * rates.output_rate
    end as output_pico,
    case
        when requests.cost_pico is not null
            then requests.thinking_tokens * rates.thinking_rate
    end as thinking_pico,
    case
        when requests.cost_pico is not null
            then requests.cached_tokens * rates.cache_read_rate
    end as cache_read_pico,
    case
        when requests.cost_pico is not null
            then requests.cache_write_tokens * rates.cache_write_rate
    end as cache_write_pico,
    requests.rate_id,
    requests.submitted_millicents,
    requests.drift_millicents,
    requests.department_id,
    requests.allocation_rule_id

from requests

left join dim_rates as rates
    on requests.rate_id = rates.rate_id
