-- One row per rule that gives what it matches to a department over
-- [valid_from, valid_to); no two of one value overlap.

with

source as (

    select * from {{ source('directory', 'allocation_rules') }}

),

named as (

    select
        workspace_id,
        rule_id,
        priority,
        match_on,
        case
            when match_on = 'provider' then {{ canonical_provider('match_value') }}
            else match_value
        end as match_value,
        department_id,
        valid_from,
        valid_to

    from source

)

select * from named
