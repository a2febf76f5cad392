-- The cycle that readers see, the last look at the data, and since when something of
-- this workspace waits for the next cycle. Not how long the cycle took, which would
-- tell how much the others send.

select
    cycles.published_at,
    cycles.build,
    (
        select min(changes.created_at) from raw.changes
        where changes.published_at is null
    ) as waiting_since,
    looks.finished_at as looked_at,
    looks.engine as looked_with,
    (select max(documentation.made_at) from raw.documentation) as documented_at

from raw.cycles

left join raw.quality_runs as looks
    on looks.run_id = (
        select max(runs.run_id) from raw.quality_runs as runs
        where runs.finished_at is not null
    )

where cycles.published_at is not null

order by cycles.published_at desc

limit 1
