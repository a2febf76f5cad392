-- One row per department, department above it (itself included) and stretch of days.
-- A tree with history: a parent's figure of a day adds up what was below it that day.

with recursive

departments as (

    select * from {{ source('directory', 'departments') }}

),

parents as (

    select * from {{ source('directory', 'department_parents') }}

),

climbed as (

    select
        workspace_id,
        department_id,
        department_id as ancestor_id,
        0 as depth,
        date '1970-01-01' as first_date,
        date '9999-12-31' as end_date
    from departments

    union all

    select
        climbed.workspace_id,
        climbed.department_id,
        parents.parent_id as ancestor_id,
        climbed.depth + 1 as depth,
        greatest(climbed.first_date, parents.valid_from) as first_date,
        least(climbed.end_date, coalesce(parents.valid_to, climbed.end_date))
            as end_date

    from climbed

    inner join parents
        on
            climbed.workspace_id = parents.workspace_id
            and climbed.ancestor_id = parents.department_id
            and climbed.end_date > parents.valid_from
            and (
                climbed.first_date < parents.valid_to
                or parents.valid_to is null
            )

)

select * from climbed
