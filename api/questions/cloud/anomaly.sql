-- Days on which somebody or something spent otherwise than on that weekday before:
-- more than four times the median deviation from the median of up to eight weeks, at
-- least four, and at least the floor in money. Metered and imputed apart.

with

spend_days as (

    select
        scope,
        subject,
        billing_basis,
        usage_date,
        cost_pico,
        min(usage_date) over (
            partition by scope, subject, billing_basis
        ) as first_date

    from fct_spend_days

    where usage_date <= %(until)s

),

subjects as (

    select distinct
        scope,
        subject,
        billing_basis,
        first_date
    from spend_days

),

days as (

    select distinct usage_date
    from spend_days
    where scope = 'workspace' and usage_date >= %(since)s

),

weeks as (

    select back.week
    from (values (1), (2), (3), (4), (5), (6), (7), (8)) as back (week)

),

looked_back as (

    select
        subjects.scope,
        subjects.subject,
        subjects.billing_basis,
        days.usage_date,
        coalesce(spend_days.cost_pico, 0) as cost_pico

    from subjects

    cross join days

    cross join weeks

    left join spend_days
        on
            subjects.scope = spend_days.scope
            and subjects.subject = spend_days.subject
            and subjects.billing_basis = spend_days.billing_basis
            and days.usage_date - 7 * weeks.week = spend_days.usage_date

    where subjects.first_date <= days.usage_date - 7 * weeks.week

),

usual as (

    select
        scope,
        subject,
        billing_basis,
        usage_date,
        count(*) as week_count,
        percentile_disc(0.5) within group (order by cost_pico) as median_pico

    from looked_back

    group by
        scope,
        subject,
        billing_basis,
        usage_date

    having count(*) >= 4

),

spread as (

    select
        usual.scope,
        usual.subject,
        usual.billing_basis,
        usual.usage_date,
        usual.week_count,
        usual.median_pico,
        percentile_disc(0.5) within group (
            order by abs(looked_back.cost_pico - usual.median_pico)
        ) as deviation_pico

    from usual

    inner join looked_back
        on
            usual.scope = looked_back.scope
            and usual.subject = looked_back.subject
            and usual.billing_basis = looked_back.billing_basis
            and usual.usage_date = looked_back.usage_date

    group by
        usual.scope,
        usual.subject,
        usual.billing_basis,
        usual.usage_date,
        usual.week_count,
        usual.median_pico

),

compared as (

    select
        spread.*,
        coalesce(spend_days.cost_pico, 0) as cost_pico,
        coalesce(spend_days.cost_pico, 0) - spread.median_pico as change_pico

    from spread

    left join spend_days
        on
            spread.scope = spend_days.scope
            and spread.subject = spend_days.subject
            and spread.billing_basis = spend_days.billing_basis
            and spread.usage_date = spend_days.usage_date

),

unusual as (

    select * from compared
    where
        abs(change_pico) > 4 * deviation_pico
        and abs(change_pico) >= %(floor)s

)

select
    unusual.scope,
    unusual.subject,
    dim_departments.name as department,
    unusual.billing_basis,
    unusual.usage_date,
    unusual.week_count,
    cast(unusual.cost_pico as numeric(38, 0)) as cost_pico,
    cast(unusual.median_pico as numeric(38, 0)) as usual_pico,
    cast(unusual.deviation_pico as numeric(38, 0)) as deviation_pico,
    cast(unusual.change_pico as numeric(38, 0)) as change_pico

from unusual

left join dim_departments
    on
        unusual.scope = 'department'
        and unusual.subject = cast(dim_departments.department_id as varchar)

order by
    abs(unusual.change_pico) desc,
    unusual.usage_date desc,
    unusual.scope asc,
    unusual.subject asc

limit %(limit)s
