-- Every shared pool over a period, before it was split over departments; dearest first.

with

usage_days as (

    select
        department_id,
        sum(case when billing_basis = 'api' then request_count else 0 end)
            as request_count,
        sum(case when billing_basis = 'api' then unpriced_count else 0 end)
            as unpriced_count,
        sum(case when billing_basis = 'api' then cost_pico else 0 end) as cost_pico,
        sum(case when billing_basis = 'subscription_imputed' then cost_pico else 0 end)
            as imputed_pico

    from fct_usage_days

    where
        calendar = 'utc'
        and grouping_name = 'department'
        and usage_date >= %(since)s
        and usage_date <= %(until)s

    group by department_id

)

select
    dim_departments.department_id as pool_id,
    dim_departments.name,
    dim_departments.opened_on,
    dim_departments.retired_on,
    cast(coalesce(usage_days.request_count, 0) as bigint) as request_count,
    cast(coalesce(usage_days.unpriced_count, 0) as bigint) as unpriced_count,
    cast(coalesce(usage_days.cost_pico, 0) as numeric(38, 0)) as cost_pico,
    cast(coalesce(usage_days.imputed_pico, 0) as numeric(38, 0)) as imputed_pico

from dim_departments

left join usage_days
    on dim_departments.department_id = usage_days.department_id

where
    dim_departments.kind = 'pool'
    and (
        dim_departments.retired_on > %(since)s
        or dim_departments.retired_on is null
    )

order by
    cost_pico desc,
    dim_departments.name asc
