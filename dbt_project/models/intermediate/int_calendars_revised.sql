-- One row per workspace whose reporting time zone this cycle changes: the days of that
-- calendar are booked anew.

{{ config(tags=['cycle_only']) }}

select distinct
    workspace_id,
    'reporting' as calendar

from {{ ref('stg_ledger__changes') }}

where cause = 'time_zone' and is_frozen
