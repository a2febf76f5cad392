"""What a change of a rule, a tag or an owner touches, written to the ledger."""

from datetime import UTC, date, datetime, time
from typing import Any, NamedTuple
from uuid import UUID

from models.refusals import Conflict, Malformed, NotThere
from models.tenancy import Caller
from warehouse.cluster import composed
from warehouse.doors import Warehouse

# Which old rows a rule may match: the rebuild allocates those again, and no others.
TOUCHED = {
    "project": "select %(value)s, null::uuid, null::text",
    "provider": "select null::text, null::uuid, %(value)s",
    "machine": "select null::text, %(value)s::uuid, null::text",
    "tag": (
        "select distinct project, null::uuid, null::text from app.project_tags"
        " where tag = %(value)s"
    ),
    "member": (
        "select distinct null::text, machine_id, null::text from app.machine_owners"
        " where user_id = %(value)s::uuid"
    ),
}


def matched_value(match_on: str, value: str) -> str:
    """Return the value as rows have it; Malformed where it names no such thing."""
    if match_on not in {"machine", "member"}:
        return value
    try:
        return str(UUID(value))
    except ValueError:
        named = "machine_id" if match_on == "machine" else "user_id"
        raise Malformed(f"A rule on a {match_on} names its {named}.") from None


class Matching(NamedTuple):
    """What a rule matches, over [since, until)."""

    match_on: str
    value: str
    since: datetime
    until: datetime | None


async def allocate_again(
    warehouse: Warehouse, caller: Caller, matching: Matching
) -> None:
    """Have the next rebuild allocate what matches."""
    await warehouse.execute(
        composed(
            f"""
            insert into raw.changes (
                kind, cause, workspace_id, project, machine_id, provider, since, until,
                made_by
            )
            select 'revision', 'allocation', %(workspace_id)s, touched.*,
                %(since)s::timestamptz, %(until)s::timestamptz, %(made_by)s::uuid
            from ({TOUCHED[matching.match_on]})
                as touched (project, machine_id, provider)
            """
        ),
        {
            "workspace_id": caller.workspace_id,
            "made_by": caller.user_id,
            **matching._asdict(),
        },
    )


async def open_department(
    warehouse: Warehouse, department_id: UUID, *, kind: str | None = None
) -> dict[str, Any]:
    """Return a department that stands; NotThere, or Conflict when it is retired."""
    found = await warehouse.execute(
        """
        select department_id, kind, name, opened_on, retired_on
        from app.departments where department_id = %s
        """,
        [department_id],
    )
    row = await found.fetchone()
    if row is None or (kind and row["kind"] != kind):
        raise NotThere(f"There is no such {kind or 'department'}.")
    if row["retired_on"] is not None:
        raise Conflict(f"{row['name']} was retired on {row['retired_on']}.")
    return row


async def end_rule(
    warehouse: Warehouse, caller: Caller, rule_id: UUID, at: datetime
) -> None:
    """End a rule at a moment, or drop it where it was to start no earlier.

    Raises NotThere for no such rule, and for one that has ended by then.
    """
    found = await warehouse.execute(
        """
        select match_on, match_value, valid_from, valid_to from app.allocation_rules
        where rule_id = %s and (valid_to > %s or valid_to is null)
        """,
        [rule_id, at],
    )
    rule = await found.fetchone()
    if rule is None:
        raise NotThere("There is no such rule in force then.")
    await warehouse.execute(
        "delete from app.allocation_rules where rule_id = %s"
        if rule["valid_from"] >= at
        else "update app.allocation_rules set valid_to = %(at)s"
        " where rule_id = %(rule_id)s",
        [rule_id] if rule["valid_from"] >= at else {"rule_id": rule_id, "at": at},
    )
    matching = Matching(
        rule["match_on"],
        rule["match_value"],
        max(at, rule["valid_from"]),
        rule["valid_to"],
    )
    await allocate_again(warehouse, caller, matching)


async def end_rules_of(
    warehouse: Warehouse, caller: Caller, department_id: UUID, at: datetime
) -> None:
    """End every rule that gives to a department, at a moment."""
    found = await warehouse.execute(
        """
        select rule_id from app.allocation_rules
        where department_id = %s and (valid_to > %s or valid_to is null)
        """,
        [department_id, at],
    )
    for row in await found.fetchall():
        await end_rule(warehouse, caller, row["rule_id"], at)


def midnight(day: date) -> datetime:
    """Return the moment at which a UTC day begins."""
    return datetime.combine(day, time(), tzinfo=UTC)
