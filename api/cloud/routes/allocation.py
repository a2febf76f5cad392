"""What goes to which department: rules, labels of projects, and whose machine it is."""

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from psycopg.errors import ExclusionViolation, UniqueViolation
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from api.cloud.allocating import (
    Matching,
    allocate_again,
    end_rule,
    matched_value,
    open_department,
)
from api.cloud.callers import permits, requires
from api.cloud.sessions import OpenDoors
from models.answers.departments import AllocationRule, MachineOwner, ProjectTag
from models.plans import Permission, Surface
from models.refusals import Conflict, NotThere
from models.tenancy import Caller

router = APIRouter(prefix="/v1/workspaces/{slug}", tags=["departments"])

Editor = Annotated[Caller, permits(Permission.EDIT_PROJECTS)]
Manager = Annotated[Caller, permits(Permission.MANAGE_MEMBERS)]
Reader = Annotated[Caller, requires(Surface.EXECUTIVE, Permission.READ_FINANCE)]
Words = Annotated[
    str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00]+$")
]
Label = Annotated[
    str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00]+$")
]
# The rules of a relation, each with the hostname or address that its id stands for.
NAMED = """
    select
        rules.rule_id,
        rules.priority,
        rules.match_on,
        rules.match_value,
        coalesce(machines.hostname, users.email) as match_name,
        rules.department_id,
        rules.valid_from,
        rules.valid_to
    from {rules} as rules
    left join app.machines
        on
            rules.match_on = 'machine'
            and rules.match_value = machines.machine_id::text
    left join app.users
        on
            rules.match_on = 'member'
            and rules.match_value = users.user_id::text
"""


class Stretch(BaseModel):
    """Something that holds over [valid_from, valid_to)."""

    model_config = ConfigDict(frozen=True)

    valid_from: AwareDatetime
    valid_to: AwareDatetime | None = None

    @model_validator(mode="after")
    def _runs_forward(self) -> "Stretch":
        if self.valid_to is not None and self.valid_to <= self.valid_from:
            raise ValueError("`valid_to` lies before `valid_from`")
        return self


class NewAllocationRule(Stretch):
    """What is to go to a department or pool, over [valid_from, valid_to).

    With `replaces`, rules for the same value give way to it for that stretch.
    """

    department_id: UUID
    priority: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    match_on: Literal["project", "tag", "machine", "member", "provider"]
    match_value: Words
    replaces: bool = False


class NewTag(Stretch):
    """A label that a project is to carry."""

    project: Words
    tag: Label


class EndedTag(BaseModel):
    """Which label comes off which project, and when; unsaid, now."""

    model_config = ConfigDict(frozen=True)

    project: Words
    tag: Label
    at: AwareDatetime | None = None


class NewOwner(BaseModel):
    """Whose a machine is from a moment on; unsaid, from now."""

    model_config = ConfigDict(frozen=True)

    user_id: UUID
    since: AwareDatetime | None = None


@router.get("/departments/rules")
async def rules(caller: Reader, doors: OpenDoors) -> list[AllocationRule]:
    """Every rule, in the order in which they are tried."""
    async with doors.reading_as(caller) as warehouse:
        found = await warehouse.execute(
            f"""
            {NAMED.format(rules="app.allocation_rules")}
            order by
                priority,
                array_position(
                    array ['project', 'tag', 'machine', 'member', 'provider'], match_on
                ),
                match_value,
                valid_from
            """
        )
        return [AllocationRule.model_validate(row) for row in await found.fetchall()]


@router.post("/departments/rules", status_code=201)
async def add_rule(
    caller: Editor, doors: OpenDoors, new: NewAllocationRule
) -> AllocationRule:
    """Give a project, tag, machine, member or provider to a department.

    What it touches is allocated again by the next rebuild. Raises Conflict when it
    overlaps a rule for the same value and does not replace it.
    """
    value = matched_value(new.match_on, new.match_value)
    try:
        async with doors.deciding_as(caller) as warehouse:
            await open_department(warehouse, new.department_id)
            if new.replaces:
                await warehouse.execute(
                    "select app.clear_rules(%s, %s, %s, %s, %s)",
                    [
                        caller.workspace_id,
                        new.match_on,
                        value,
                        new.valid_from,
                        new.valid_to,
                    ],
                )
            made = await warehouse.execute(
                f"""
                with made as (
                    insert into app.allocation_rules (
                        workspace_id, priority, match_on, match_value, department_id,
                        valid_from, valid_to, created_by
                    )
                    values (%s, %s, %s, %s, %s, %s, %s, %s)
                    returning
                        rule_id, priority, match_on, match_value, department_id,
                        valid_from, valid_to
                )
                {NAMED.format(rules="made")}
                """,
                [
                    caller.workspace_id,
                    new.priority,
                    new.match_on,
                    value,
                    new.department_id,
                    new.valid_from,
                    new.valid_to,
                    caller.user_id,
                ],
            )
            row = await made.fetchone()
            matching = Matching(new.match_on, value, new.valid_from, new.valid_to)
            await allocate_again(warehouse, caller, matching)
    except ExclusionViolation:
        raise Conflict(
            f"Another rule for {new.match_on} {new.match_value} is in force then."
        ) from None
    return AllocationRule.model_validate(row)


@router.delete("/departments/rules/{rule_id}", status_code=204)
async def end_a_rule(
    caller: Editor,
    doors: OpenDoors,
    rule_id: UUID,
    at: Annotated[AwareDatetime | None, Query()] = None,
) -> None:
    """End a rule at a moment, now when unsaid; what it gave before stays given."""
    async with doors.deciding_as(caller) as warehouse:
        await end_rule(warehouse, caller, rule_id, at or datetime.now(UTC))


@router.get("/departments/tags")
async def tags(caller: Reader, doors: OpenDoors) -> list[ProjectTag]:
    """Every label that a project carries or carried."""
    async with doors.reading_as(caller) as warehouse:
        found = await warehouse.execute(
            """
            select project, tag, valid_from, valid_to from app.project_tags
            order by project, tag, valid_from
            """
        )
        return [ProjectTag.model_validate(row) for row in await found.fetchall()]


@router.post("/departments/tags", status_code=201)
async def tag_project(caller: Editor, doors: OpenDoors, new: NewTag) -> ProjectTag:
    """Put a label on a project; rules on the label hold for it over that stretch."""
    try:
        async with doors.deciding_as(caller) as warehouse:
            await warehouse.execute(
                """
                insert into app.project_tags (
                    workspace_id, project, tag, valid_from, valid_to
                )
                values (%s, %s, %s, %s, %s)
                """,
                [
                    caller.workspace_id,
                    new.project,
                    new.tag,
                    new.valid_from,
                    new.valid_to,
                ],
            )
            matching = Matching("project", new.project, new.valid_from, new.valid_to)
            await allocate_again(warehouse, caller, matching)
    except (ExclusionViolation, UniqueViolation):
        raise Conflict(f"{new.project} carries {new.tag} then.") from None
    return ProjectTag.model_validate(new.model_dump())


@router.post("/departments/tags/end", status_code=204)
async def untag_project(caller: Editor, doors: OpenDoors, ended: EndedTag) -> None:
    """Take a label off a project from a moment on; its past keeps it."""
    at = ended.at or datetime.now(UTC)
    which = {"project": ended.project, "tag": ended.tag, "at": at}
    async with doors.deciding_as(caller) as warehouse:
        gone = await warehouse.execute(
            """
            delete from app.project_tags
            where project = %(project)s and tag = %(tag)s and valid_from >= %(at)s
            """,
            which,
        )
        cut = await warehouse.execute(
            """
            update app.project_tags set valid_to = %(at)s
            where
                project = %(project)s
                and tag = %(tag)s
                and (valid_to > %(at)s or valid_to is null)
            """,
            which,
        )
        if not gone.rowcount + cut.rowcount:
            raise NotThere(f"{ended.project} does not carry {ended.tag} then.")
        matching = Matching("project", ended.project, at, None)
        await allocate_again(warehouse, caller, matching)


@router.put("/machines/{machine_id}/owner")
async def own_machine(
    caller: Manager, doors: OpenDoors, machine_id: UUID, new: NewOwner
) -> MachineOwner:
    """Say whose a machine is from a moment on; rules on a member follow.

    Until somebody says otherwise it is whose pairing they approved.
    """
    since = new.since or datetime.now(UTC)
    async with doors.deciding_as(caller) as warehouse:
        known = await warehouse.execute(
            """
            select
                exists (
                    select 1 from app.machines where machine_id = %s
                ) as has_machine,
                exists (select 1 from app.members where user_id = %s) as is_member
            """,
            [machine_id, new.user_id],
        )
        row = await known.fetchone()
        if row is None or not row["has_machine"]:
            raise NotThere("There is no such machine.")
        if not row["is_member"]:
            raise NotThere("Nobody of that id is a member here.")
        await warehouse.execute(
            "select app.own_machine(%s, %s, %s, %s)",
            [caller.workspace_id, machine_id, new.user_id, since],
        )
        found = await warehouse.execute(
            """
            select machine_id, user_id, valid_from, valid_to from app.machine_owners
            where machine_id = %s
            order by valid_from desc limit 1
            """,
            [machine_id],
        )
        owner = await found.fetchone()
    return MachineOwner.model_validate(owner)
