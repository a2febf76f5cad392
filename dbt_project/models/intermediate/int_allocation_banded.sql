-- One row per project, machine or provider and stretch of time: the rule that wins.
-- A tag stands for the projects that carry it, a member for the machines that are
-- theirs. The lowest priority number wins; where numbers tie, what says more of a
-- request goes first: project, tag, machine, member, provider.

with

rules as (

    select * from {{ ref('stg_directory__allocation_rules') }}

),

tags as (

    select * from {{ ref('stg_directory__project_tags') }}

),

machine_owners as (

    select * from {{ ref('stg_directory__machine_owners') }}

),

bounded as (

    select
        workspace_id,
        rule_id,
        match_on,
        match_value,
        department_id,
        valid_from,
        coalesce(valid_to, cast('9999-12-31 00:00:00+00' as timestamptz)) as valid_to,
        priority * 10
        + case match_on
            when 'project' then 0
            when 'tag' then 1
            when 'machine' then 2
            when 'member' then 3
            else 4
        end as precedence

    from rules

),

spread as (

    select
        workspace_id,
        rule_id,
        department_id,
        precedence,
        match_on as matched_by,
        match_value as matched_value,
        valid_from,
        valid_to
    from bounded
    where match_on in ('project', 'machine', 'provider')

    union all

    select
        bounded.workspace_id,
        bounded.rule_id,
        bounded.department_id,
        bounded.precedence,
        'project' as matched_by,
        tags.project as matched_value,
        greatest(bounded.valid_from, tags.valid_from) as valid_from,
        least(bounded.valid_to, coalesce(tags.valid_to, bounded.valid_to)) as valid_to

    from bounded

    inner join tags
        on
            bounded.workspace_id = tags.workspace_id
            and bounded.match_on = 'tag'
            and bounded.match_value = tags.tag
            and bounded.valid_to > tags.valid_from
            and (
                bounded.valid_from < tags.valid_to
                or tags.valid_to is null
            )

    union all

    select
        bounded.workspace_id,
        bounded.rule_id,
        bounded.department_id,
        bounded.precedence,
        'machine' as matched_by,
        cast(machine_owners.machine_id as varchar) as matched_value,
        greatest(bounded.valid_from, machine_owners.valid_from) as valid_from,
        least(bounded.valid_to, coalesce(machine_owners.valid_to, bounded.valid_to))
            as valid_to

    from bounded

    inner join machine_owners
        on
            bounded.workspace_id = machine_owners.workspace_id
            and bounded.match_on = 'member'
            and bounded.match_value = cast(machine_owners.user_id as varchar)
            and bounded.valid_to > machine_owners.valid_from
            and (
                bounded.valid_from < machine_owners.valid_to
                or machine_owners.valid_to is null
            )

),

bounds as (

    select
        workspace_id,
        matched_by,
        matched_value,
        valid_from as starts_at
    from spread

    union distinct

    select
        workspace_id,
        matched_by,
        matched_value,
        valid_to as starts_at
    from spread

),

stretches as (

    select
        workspace_id,
        matched_by,
        matched_value,
        starts_at,
        lead(starts_at) over (
            partition by workspace_id, matched_by, matched_value
            order by starts_at
        ) as ends_at
    from bounds

),

ranked as (

    select
        spread.workspace_id,
        spread.matched_by,
        spread.matched_value,
        stretches.starts_at as valid_from,
        stretches.ends_at as valid_to,
        spread.precedence,
        spread.rule_id,
        spread.department_id,
        row_number() over (
            partition by
                spread.workspace_id,
                spread.matched_by,
                spread.matched_value,
                stretches.starts_at
            order by spread.precedence, spread.rule_id
        ) as rank_of_rule

    from spread

    inner join stretches
        on
            spread.workspace_id = stretches.workspace_id
            and spread.matched_by = stretches.matched_by
            and spread.matched_value = stretches.matched_value
            and spread.valid_from <= stretches.starts_at
            and spread.valid_to > stretches.starts_at

),

banded as (

    select
        workspace_id,
        matched_by,
        matched_value,
        valid_from,
        valid_to,
        precedence,
        rule_id,
        department_id

    from ranked

    where rank_of_rule = 1

)

select * from banded
