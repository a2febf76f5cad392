-- How each test of the dbt project went last, over the whole warehouse.

select
    test,
    status,
    tested_at

from raw.dbt_tests

order by test asc
