-- What a request was published as, newest first: since when, at which price, for whom.

with

versions as (

    select
        known_from_cycle,
        rate_id,
        cost_pico,
        department_id,
        allocation_rule_id
    from fct_priced_requests
    where request_id = %(request_id)s

    union all

    select
        known_from_cycle,
        rate_id,
        cost_pico,
        department_id,
        allocation_rule_id
    from raw.superseded_requests
    where request_id = %(request_id)s

)

select
    cycles.published_at,
    versions.rate_id,
    versions.cost_pico,
    versions.department_id,
    versions.allocation_rule_id

from versions

left join raw.cycles as cycles
    on versions.known_from_cycle = cycles.cycle_id

order by versions.known_from_cycle desc
