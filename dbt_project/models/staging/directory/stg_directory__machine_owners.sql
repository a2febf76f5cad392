-- One row per person and stretch of time over which a machine is theirs.

select
    workspace_id,
    machine_id,
    user_id,
    valid_from,
    valid_to

from {{ source('directory', 'machine_owners') }}
