-- What of a subject moved most on a day, against the median of the same weekday over
-- the weeks before: three projects, three models, three machines at most. Of a
-- department these are its own calls and those of what was below it that day.

with

asked as (

    select cast(%(usage_date)s as date) as usage_date

),

below as (

    select department_id
    from dim_department_ancestors
    where
        cast(ancestor_id as varchar) = %(subject)s
        and first_date <= %(usage_date)s
        and end_date > %(usage_date)s

),

requests as (

    select
        usage_date,
        coalesce(project, '') as project,
        provider || '/' || model as model,
        cast(machine_id as varchar) as machine,
        cost_pico

    from fct_priced_requests

    where
        billing_basis = %(billing_basis)s
        and usage_date >= cast(%(usage_date)s as date) - 7 * 8
        and usage_date <= %(usage_date)s
        and mod(cast(%(usage_date)s as date) - usage_date, 7) = 0
        and cast(%(usage_date)s as date) - usage_date <= 7 * %(week_count)s
        and case %(scope)s
            when 'project' then coalesce(project, '') = %(subject)s
            when 'model' then provider || '/' || model = %(subject)s
            when 'machine' then cast(machine_id as varchar) = %(subject)s
            when 'department'
                then department_id in (select below.department_id from below)
            else true
        end

),

keyed as (

    select
        usage_date,
        'project' as dimension,
        project as moved,
        sum(cost_pico) as cost_pico
    from requests
    group by
        usage_date,
        project

    union all

    select
        usage_date,
        'model' as dimension,
        model as moved,
        sum(cost_pico) as cost_pico
    from requests
    group by
        usage_date,
        model

    union all

    select
        usage_date,
        'machine' as dimension,
        machine as moved,
        sum(cost_pico) as cost_pico
    from requests
    group by
        usage_date,
        machine

),

moving as (

    select distinct
        dimension,
        moved
    from keyed
    where dimension <> %(scope)s

),

weeks as (

    select back.week
    from (values (1), (2), (3), (4), (5), (6), (7), (8)) as back (week)
    where back.week <= %(week_count)s

),

usual as (

    select
        moving.dimension,
        moving.moved,
        percentile_disc(0.5) within group (
            order by coalesce(keyed.cost_pico, 0)
        ) as usual_pico

    from moving

    cross join weeks

    cross join asked

    left join keyed
        on
            moving.dimension = keyed.dimension
            and moving.moved = keyed.moved
            and asked.usage_date - 7 * weeks.week = keyed.usage_date

    group by
        moving.dimension,
        moving.moved

),

compared as (

    select
        usual.dimension,
        usual.moved,
        usual.usual_pico,
        coalesce(keyed.cost_pico, 0) as cost_pico,
        coalesce(keyed.cost_pico, 0) - usual.usual_pico as change_pico

    from usual

    cross join asked

    left join keyed
        on
            usual.dimension = keyed.dimension
            and usual.moved = keyed.moved
            and asked.usage_date = keyed.usage_date

),

ranked as (

    select
        *,
        row_number() over (
            partition by dimension order by abs(change_pico) desc, moved asc
        ) as rank_of_change
    from compared
    where change_pico <> 0

)

select
    dimension,
    moved,
    cast(cost_pico as numeric(38, 0)) as cost_pico,
    cast(usual_pico as numeric(38, 0)) as usual_pico,
    cast(change_pico as numeric(38, 0)) as change_pico

from ranked

where rank_of_change <= 3

order by
    abs(change_pico) desc,
    dimension asc,
    moved asc
