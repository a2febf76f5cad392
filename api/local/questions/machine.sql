-- One row per machine that made calls, by the id that questions know it by.

select
    machine_id,
    any_value(source_machine) as source_machine
from machines
group by machine_id
order by source_machine nulls last
