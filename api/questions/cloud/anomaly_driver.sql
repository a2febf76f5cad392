-- What of a subject moved most on a day, against the median of the same weekday over
-- the weeks before: three projects, three models, three machines at most, of every day
-- that is asked about. Of a department these are its own calls and those of what was
-- below it that day.

with

asked as (

    select
        subjects.place,
        subjects.scope,
        subjects.subject,
        subjects.billing_basis,
        subjects.usage_date,
        subjects.week_count
    from unnest(
        cast(%(scopes)s as text[]),
        cast(%(subjects)s as text[]),
        cast(%(billing_bases)s as text[]),
        cast(%(usage_dates)s as date[]),
        cast(%(week_counts)s as int[])
    ) with ordinality as subjects (
        scope, subject, billing_basis, usage_date, week_count, place
    )

),

-- By which grouping of the rollups a dimension is told within a scope.
dimensions as (

    select
        told.scope,
        told.dimension,
        told.grouping_name
    from (
        values
        ('workspace', 'project', 'project'),
        ('workspace', 'model', 'provider_model'),
        ('workspace', 'machine', 'machine'),
        ('project', 'model', 'project_model'),
        ('project', 'machine', 'project_machine'),
        ('model', 'project', 'project_model'),
        ('model', 'machine', 'machine_model'),
        ('machine', 'project', 'project_machine'),
        ('machine', 'model', 'machine_model'),
        ('department', 'project', 'department_project'),
        ('department', 'model', 'department_model'),
        ('department', 'machine', 'department_machine')
    ) as told (scope, dimension, grouping_name)

),

below as (

    select
        asked.place,
        ancestors.department_id

    from asked

    inner join dim_department_ancestors as ancestors
        on
            asked.scope = 'department'
            and asked.subject = cast(ancestors.ancestor_id as varchar)
            and asked.usage_date >= ancestors.first_date
            and asked.usage_date < ancestors.end_date

),

weeks as (

    select back.week
    from (
        values (0), (1), (2), (3), (4), (5), (6), (7), (8)
    ) as back (week)

),

days as materialized (

    select
        asked.place,
        asked.scope,
        asked.subject,
        asked.billing_basis,
        asked.week_count,
        weeks.week,
        asked.usage_date - 7 * weeks.week as usage_date,
        dimensions.dimension,
        dimensions.grouping_name

    from asked

    inner join weeks
        on asked.week_count >= weeks.week

    inner join dimensions
        on asked.scope = dimensions.scope

),

-- One lookup in the rollup for each day, grouping and basis.
keyed as (

    select
        days.place,
        days.week,
        days.week_count,
        days.dimension,
        case days.dimension
            when 'project' then coalesce(spend_keys.project, '')
            when 'model' then spend_keys.provider || '/' || spend_keys.model
            else cast(spend_keys.machine_id as varchar)
        end as moved,
        spend_keys.cost_pico

    from days

    cross join
        lateral (
            select
                usage_days.provider,
                usage_days.model,
                usage_days.project,
                usage_days.machine_id,
                usage_days.department_id,
                usage_days.cost_pico
            from fct_usage_days as usage_days
            where
                usage_days.calendar = 'utc'
                and usage_days.grouping_name = days.grouping_name
                and usage_days.usage_date = days.usage_date
                and usage_days.billing_basis = days.billing_basis

            union all

            select
                driver_days.provider,
                driver_days.model,
                driver_days.project,
                driver_days.machine_id,
                driver_days.department_id,
                driver_days.cost_pico
            from fct_driver_days as driver_days
            where
                driver_days.grouping_name = days.grouping_name
                and driver_days.usage_date = days.usage_date
                and driver_days.billing_basis = days.billing_basis
        ) as spend_keys

    where
        case days.scope
            when 'project' then coalesce(spend_keys.project, '') = days.subject
            when 'model'
                then spend_keys.provider || '/' || spend_keys.model = days.subject
            when 'machine'
                then cast(spend_keys.machine_id as varchar) = days.subject
            when 'department'
                then (days.place, spend_keys.department_id) in (
                    select
                        below.place,
                        below.department_id
                    from below
                )
            else true
        end

),

summed as (

    select
        place,
        week,
        week_count,
        dimension,
        moved,
        sum(cost_pico) as cost_pico
    from keyed
    group by
        place,
        week,
        week_count,
        dimension,
        moved

),

-- A week without a call is a week in which nothing was spent.
moving as (

    select
        place,
        dimension,
        moved,
        sum(case when week = 0 then cost_pico else 0 end) as cost_pico,
        coalesce(array_agg(cost_pico) filter (where week > 0), '{}')
        || array_fill(
            cast(0 as numeric(38, 0)),
            array[week_count - cast(count(*) filter (where week > 0) as int)]
        ) as weeks_pico
    from summed
    group by
        place,
        week_count,
        dimension,
        moved

),

compared as (

    select
        moving.place,
        moving.dimension,
        moving.moved,
        moving.cost_pico,
        median.usual_pico,
        moving.cost_pico - median.usual_pico as change_pico

    from moving

    cross join lateral (
        select
            percentile_disc(0.5) within group (order by looked_at.week_pico)
                as usual_pico
        from unnest(moving.weeks_pico) as looked_at (week_pico)
    ) as median

),

ranked as (

    select
        *,
        row_number() over (
            partition by place, dimension order by abs(change_pico) desc, moved asc
        ) as rank_of_change
    from compared
    where change_pico <> 0

)

select
    place,
    dimension,
    moved,
    cast(cost_pico as numeric(38, 0)) as cost_pico,
    cast(usual_pico as numeric(38, 0)) as usual_pico,
    cast(change_pico as numeric(38, 0)) as change_pico

from ranked

where rank_of_change <= 3

order by
    place asc,
    abs(change_pico) desc,
    dimension asc,
    moved asc
