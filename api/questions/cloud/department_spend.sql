-- Every department over a period, what is unallocated last: of its own, its shares of
-- pools, and with all that was below it day by day. Metered, and imputed beside it.

with

department_days as (

    select
        department_id,
        sum(request_count) as request_count,
        sum(unpriced_count) as unpriced_count,
        sum(unpriced_tokens) as unpriced_tokens,
        sum(case when pool_id is null then cost_pico else 0 end) as own_pico,
        sum(case when pool_id is null then 0 else cost_pico end) as shared_pico,
        sum(cost_pico) as cost_pico,
        billing_basis

    from fct_department_days

    where
        usage_date >= %(since)s
        and usage_date <= %(until)s

    group by
        department_id,
        billing_basis

),

with_below as (

    select
        subject,
        billing_basis,
        sum(cost_pico) as cost_pico

    from fct_spend_days

    where
        scope = 'department'
        and usage_date >= %(since)s
        and usage_date <= %(until)s

    group by
        subject,
        billing_basis

),

named as (

    select
        dim_departments.department_id,
        dim_departments.name,
        dim_departments.opened_on,
        dim_departments.retired_on,
        ancestors.ancestor_id as parent_id

    from dim_departments

    left join dim_department_ancestors as ancestors
        on
            dim_departments.department_id = ancestors.department_id
            and ancestors.depth = 1
            and ancestors.first_date <= %(until)s
            and ancestors.end_date > %(until)s

    where
        dim_departments.kind = 'department'
        and (
            dim_departments.retired_on > %(since)s
            or dim_departments.retired_on is null
        )

    union all

    select
        cast(null as uuid) as department_id,
        cast(null as varchar) as name,
        cast(null as date) as opened_on,
        cast(null as date) as retired_on,
        cast(null as uuid) as parent_id

)

select
    named.department_id,
    named.name,
    named.parent_id,
    named.opened_on,
    named.retired_on,
    cast(coalesce(metered.request_count, 0) as bigint) as request_count,
    cast(coalesce(metered.unpriced_count, 0) as bigint) as unpriced_count,
    cast(coalesce(metered.unpriced_tokens, 0) as bigint) as unpriced_tokens,
    cast(coalesce(metered.own_pico, 0) as numeric(38, 0)) as own_pico,
    cast(coalesce(metered.shared_pico, 0) as numeric(38, 0)) as shared_pico,
    cast(coalesce(metered.cost_pico, 0) as numeric(38, 0)) as cost_pico,
    cast(
        case
            when named.department_id is null then coalesce(metered.cost_pico, 0)
            else coalesce(metered_below.cost_pico, 0)
        end
        as numeric(38, 0)
    ) as with_below_pico,
    cast(coalesce(imputed.request_count, 0) as bigint) as imputed_request_count,
    cast(coalesce(imputed.cost_pico, 0) as numeric(38, 0)) as imputed_pico,
    cast(
        case
            when named.department_id is null then coalesce(imputed.cost_pico, 0)
            else coalesce(imputed_below.cost_pico, 0)
        end
        as numeric(38, 0)
    ) as imputed_with_below_pico

from named

left join department_days as metered
    on
        named.department_id is not distinct from metered.department_id
        and metered.billing_basis = 'api'

left join department_days as imputed
    on
        named.department_id is not distinct from imputed.department_id
        and imputed.billing_basis = 'subscription_imputed'

left join with_below as metered_below
    on
        cast(named.department_id as varchar) = metered_below.subject
        and metered_below.billing_basis = 'api'

left join with_below as imputed_below
    on
        cast(named.department_id as varchar) = imputed_below.subject
        and imputed_below.billing_basis = 'subscription_imputed'

order by
    named.department_id is null asc,
    with_below_pico desc,
    named.name asc
