-- One row per workspace, scope, subject and billing basis: what this UTC month will be.
-- Closed days as they are, and for every day that is left, today too, the mean of the
-- same weekday over the last 28 closed days; the range takes their least and greatest.
-- Younger than a week: the mean, least and greatest of all closed days.

{% set today = var('today', "cast(now() at time zone 'UTC' as date)") %}

with

-- Every subject's history, so that a week without calls counts as nothing spent.
spend_days as (

    select * from {{ ref('fct_spend_days') }}
    where
        scope in ('workspace', 'department', 'project')
        and usage_date <= {{ today }}

),

summed as (

    select
        workspace_id,
        scope,
        subject,
        billing_basis,
        min(usage_date) as first_date,
        coalesce(sum(cost_pico) filter (
            where
            usage_date >= date_trunc('month', {{ today }})
            and usage_date < {{ today }}
        ), 0) as closed_pico,
        coalesce(sum(cost_pico) filter (where usage_date = {{ today }}), 0)
            as today_pico,
        coalesce(sum(unpriced_count) filter (
            where usage_date >= date_trunc('month', {{ today }})
        ), 0) as unpriced_count

    from spend_days

    group by
        workspace_id,
        scope,
        subject,
        billing_basis

    having max(usage_date) >= least(
        cast(date_trunc('month', {{ today }}) as date), {{ today }} - 28
    )

),

looked_back as (

    select
        summed.workspace_id,
        summed.scope,
        summed.subject,
        summed.billing_basis,
        extract(isodow from {{ today }} - back.days) as weekday,
        coalesce(spend_days.cost_pico, 0) as cost_pico

    from summed

    cross join generate_series(1, 28) as back (days)

    left join spend_days
        on
            summed.workspace_id = spend_days.workspace_id
            and summed.scope = spend_days.scope
            and summed.subject = spend_days.subject
            and summed.billing_basis = spend_days.billing_basis
            and spend_days.usage_date = {{ today }} - back.days

    where summed.first_date <= {{ today }} - back.days

),

by_weekday as (

    select
        workspace_id,
        scope,
        subject,
        billing_basis,
        weekday,
        count(*) as day_count,
        sum(cost_pico) as cost_pico,
        min(cost_pico) as least_pico,
        max(cost_pico) as greatest_pico

    from looked_back

    group by
        workspace_id,
        scope,
        subject,
        billing_basis,
        weekday

),

by_subject as (

    select
        workspace_id,
        scope,
        subject,
        billing_basis,
        count(*) as day_count,
        sum(cost_pico) as cost_pico,
        min(cost_pico) as least_pico,
        max(cost_pico) as greatest_pico

    from looked_back

    group by
        workspace_id,
        scope,
        subject,
        billing_basis

),

days_left as (

    select
        extract(isodow from {{ today }} + ahead.days) as weekday,
        count(*) as day_count

    from generate_series(0, 30) as ahead (days)

    where
        {{ today }} + ahead.days
        < date_trunc('month', {{ today }}) + interval '1 month'

    group by extract(isodow from {{ today }} + ahead.days)

),

-- Of a weekday there are one to four days, so that twelfths hold every mean exactly.
expected as (

    select
        summed.workspace_id,
        summed.scope,
        summed.subject,
        summed.billing_basis,
        sum(days_left.day_count) as day_count,
        count(*) = count(by_weekday.weekday) as has_every_weekday,
        sum(
            days_left.day_count * by_weekday.cost_pico * (
                case by_weekday.day_count
                    when 1 then 12
                    when 2 then 6
                    when 3 then 4
                    when 4 then 3
                end
            )
        ) as twelfths_pico,
        sum(days_left.day_count * by_weekday.least_pico) as least_pico,
        sum(days_left.day_count * by_weekday.greatest_pico) as greatest_pico

    from summed

    cross join days_left

    left join by_weekday
        on
            summed.workspace_id = by_weekday.workspace_id
            and summed.scope = by_weekday.scope
            and summed.subject = by_weekday.subject
            and summed.billing_basis = by_weekday.billing_basis
            and days_left.weekday = by_weekday.weekday

    group by
        summed.workspace_id,
        summed.scope,
        summed.subject,
        summed.billing_basis

),

forecast as (

    select
        summed.workspace_id,
        summed.scope,
        summed.subject,
        summed.billing_basis,
        summed.unpriced_count,
        cast(date_trunc('month', {{ today }}) as date) as period_month,
        case
            when expected.has_every_weekday then 'same_weekday_mean_28_days'
            when by_subject.day_count is not null then 'mean_of_closed_days'
        end as forecast_method,
        summed.closed_pico,
        summed.closed_pico + summed.today_pico as spent_pico,
        summed.closed_pico + case
            when expected.has_every_weekday then div(expected.twelfths_pico, 12)
            else
                div(
                    expected.day_count * by_subject.cost_pico, by_subject.day_count
                )
        end as forecast_pico,
        summed.closed_pico + case
            when expected.has_every_weekday then expected.least_pico
            else expected.day_count * by_subject.least_pico
        end as low_pico,
        summed.closed_pico + case
            when expected.has_every_weekday then expected.greatest_pico
            else expected.day_count * by_subject.greatest_pico
        end as high_pico

    from summed

    inner join expected
        on
            summed.workspace_id = expected.workspace_id
            and summed.scope = expected.scope
            and summed.subject = expected.subject
            and summed.billing_basis = expected.billing_basis

    left join by_subject
        on
            summed.workspace_id = by_subject.workspace_id
            and summed.scope = by_subject.scope
            and summed.subject = by_subject.subject
            and summed.billing_basis = by_subject.billing_basis

),

-- What is spent is spent: no month ends below it.
kept_to_what_is_spent as (

    select
        workspace_id,
        scope,
        subject,
        billing_basis,
        period_month,
        cast(unpriced_count as bigint) as unpriced_count,
        cast(closed_pico as numeric(38, 0)) as closed_pico,
        cast(spent_pico as numeric(38, 0)) as spent_pico,
        forecast_method,
        cast(
            case
                when forecast_pico is not null then greatest(forecast_pico, spent_pico)
            end as numeric(38, 0)
        ) as forecast_pico,
        cast(
            case
                when low_pico is not null then greatest(low_pico, spent_pico)
            end as numeric(38, 0)
        ) as low_pico,
        cast(
            case
                when high_pico is not null then greatest(high_pico, spent_pico)
            end as numeric(38, 0)
        ) as high_pico

    from forecast

)

select * from kept_to_what_is_spent
