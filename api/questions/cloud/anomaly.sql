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

days as (

    select distinct usage_date
    from spend_days
    where scope = 'workspace' and usage_date >= %(since)s

),

weeks as (

    select ahead.week
    from (
        values (0), (1), (2), (3), (4), (5), (6), (7), (8)
    ) as ahead (week)

),

-- Every day is told to the days by which it is looked back at: no join compares days.
looked_back as (

    select
        spend_days.scope,
        spend_days.subject,
        spend_days.billing_basis,
        days.usage_date,
        least(div(days.usage_date - spend_days.first_date, 7), 8) as week_count,
        sum(case when weeks.week = 0 then spend_days.cost_pico else 0 end)
            as cost_pico,
        coalesce(
            array_agg(spend_days.cost_pico) filter (where weeks.week > 0), '{}'
        ) as weeks_pico

    from spend_days

    cross join weeks

    inner join days
        on spend_days.usage_date + 7 * weeks.week = days.usage_date

    group by
        spend_days.scope,
        spend_days.subject,
        spend_days.billing_basis,
        spend_days.first_date,
        days.usage_date

),

-- A week without a call is a week in which nothing was spent.
filled as (

    select
        scope,
        subject,
        billing_basis,
        usage_date,
        week_count,
        cost_pico,
        weeks_pico || array_fill(
            cast(0 as numeric(38, 0)),
            array[cast(week_count as int) - cardinality(weeks_pico)]
        ) as weeks_pico

    from looked_back

    where week_count >= 4

),

usual as (

    select
        filled.*,
        median.median_pico

    from filled

    cross join
        lateral (
            select
                percentile_disc(0.5) within group (order by looked_at.week_pico)
                    as median_pico
            from unnest(filled.weeks_pico) as looked_at (week_pico)
        ) as median

),

worth_a_word as (

    select * from usual
    where abs(cost_pico - median_pico) >= %(floor)s

),

spread as (

    select
        worth_a_word.*,
        deviation.deviation_pico,
        worth_a_word.cost_pico - worth_a_word.median_pico as change_pico

    from worth_a_word

    cross join lateral (
        select
            percentile_disc(0.5) within group (
                order by abs(looked_at.week_pico - worth_a_word.median_pico)
            ) as deviation_pico
        from unnest(worth_a_word.weeks_pico) as looked_at (week_pico)
    ) as deviation

),

unusual as (

    select * from spread
    where abs(change_pico) > 4 * deviation_pico

)

select
    unusual.scope,
    unusual.subject,
    dim_departments.name as department,
    unusual.billing_basis,
    unusual.usage_date,
    cast(unusual.week_count as bigint) as week_count,
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
