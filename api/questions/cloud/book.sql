-- The last cycle published by a moment, and the time zone that the workspace reported
-- in by then. No row where that moment is not remembered.

with

published as (

    select
        cycle_id,
        published_at
    from raw.cycles
    where
        published_at is not null
        and is_remembered
        and (
            published_at <= cast(%(known_at)s as timestamptz)
            or cast(%(known_at)s as timestamptz) is null
        )
    order by published_at desc
    limit 1

)

select
    published.cycle_id,
    published.published_at,
    coalesce(
        (
            select changes.time_zone
            from raw.changes as changes
            where
                changes.kind = 'revision'
                and changes.cause = 'time_zone'
                and changes.time_zone is not null
                and changes.published_at is not null
                and changes.cycle_id <= published.cycle_id
            order by changes.change_id desc
            limit 1
        ),
        'UTC'
    ) as time_zone

from published
