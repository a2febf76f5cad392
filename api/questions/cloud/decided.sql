-- When something that shows at once was decided last, by a moment: of departments, of
-- budgets, or whose a machine is. And from when on all of it is remembered, null where
-- from the beginning.

select
    max(audit_events.occurred_at) as decided_at,
    (
        select case when firsts.position > 1 then firsts.occurred_at end
        from app.audit_events as firsts
        order by firsts.position asc
        limit 1
    ) as remembered_from

from app.audit_events

where
    audit_events.object_kind in (
        'budget_alerts',
        'budgets',
        'department_parents',
        'departments',
        'machine_owners',
        'pool_shares',
        'pool_splits'
    )
    and (
        audit_events.occurred_at <= cast(%(known_at)s as timestamptz)
        or cast(%(known_at)s as timestamptz) is null
    )
