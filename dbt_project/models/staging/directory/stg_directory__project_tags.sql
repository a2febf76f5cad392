-- One row per label and stretch of time over which a project carries it.

select
    workspace_id,
    project,
    tag,
    valid_from,
    valid_to

from {{ source('directory', 'project_tags') }}
