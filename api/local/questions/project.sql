-- One row per project of the file, by its slug.

select
    id,
    name,
    slug,
    created_at,
    archived_at
from daemon_projects
order by slug
