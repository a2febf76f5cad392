-- How many rows of each mart are this workspace's, as last counted.

select
    mart,
    row_count,
    counted_at

from raw.mart_sizes

order by mart asc
