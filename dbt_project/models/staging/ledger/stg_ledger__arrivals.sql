-- One row per landing: the cycle that published it or is about to, and which version
-- of the daemon sent it. One select, so that Postgres looks into it.

select
    change_id,
    daemon_version,
    cycle_id,
    published_at is not null as is_published,
    published_at is null and cycle_id is null as is_waiting

from {{ source('ledger', 'changes') }}

where kind = 'arrival'
