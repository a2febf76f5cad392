"""Which department spent it, by rules that hold over a stretch of time."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter
from psycopg.errors import ExclusionViolation, ForeignKeyViolation, UniqueViolation
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from api.cloud.asking import ask, card_of, published_at
from api.cloud.callers import permits, requires
from api.cloud.periods import Asked
from api.cloud.routes.overview import SPEND, spend_of
from api.cloud.sessions import OpenDoors
from models.answers.departments import (
    AllocationRule,
    Department,
    Departments,
    DepartmentUsage,
)
from models.answers.usage import Grouping, UsageKey
from models.plans import Permission, Surface
from models.refusals import Conflict, Malformed, NotThere
from models.tenancy import Caller

router = APIRouter(prefix="/v1/workspaces/{slug}/departments", tags=["departments"])

Editor = Annotated[Caller, permits(Permission.EDIT_PROJECTS)]
Words = StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]+$")


class NewDepartment(BaseModel):
    """A department to be."""

    model_config = ConfigDict(frozen=True)

    name: Annotated[str, Words]
    parent_id: UUID | None = None


class NewAllocationRule(BaseModel):
    """What is to go to a department, over [valid_from, valid_to)."""

    model_config = ConfigDict(frozen=True)

    department_id: UUID
    priority: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    match_on: Literal["project", "machine", "provider"]
    match_value: Annotated[str, Words]
    valid_from: AwareDatetime
    valid_to: AwareDatetime | None = None


@router.get("")
async def departments(
    caller: Annotated[Caller, requires(Surface.EXECUTIVE, Permission.READ_FINANCE)],
    asked: Asked,
    doors: OpenDoors,
) -> Departments:
    """Metered spend by department; with what is unallocated it is the total."""
    period = asked.clamped(Surface.EXECUTIVE, caller)
    async with doors.reading_as(caller) as warehouse:
        keys = await ask(
            warehouse,
            UsageKey,
            grouping=Grouping.DEPARTMENT.value,
            since=period.since,
            until=period.until,
        )
        found = await warehouse.execute(
            "select department_id, name from app.departments"
        )
        names = {row["department_id"]: row["name"] for row in await found.fetchall()}
        return Departments(
            workspace=card_of(caller),
            as_of=await published_at(warehouse),
            period=period,
            total=await spend_of(warehouse, period),
            departments=[
                DepartmentUsage.model_validate(
                    {
                        **key.model_dump(mode="python"),
                        "department": names.get(key.department_id),
                    }
                )
                for key in keys
                if key.billing_basis == SPEND
            ],
        )


@router.post("", status_code=201)
async def add_department(
    caller: Editor, doors: OpenDoors, new: NewDepartment
) -> Department:
    """Add a department, under a parent if one is named."""
    try:
        async with doors.deciding_as(caller) as warehouse:
            made = await warehouse.execute(
                """
                insert into app.departments (workspace_id, name, parent_id)
                values (%s, %s, %s)
                returning department_id, name, parent_id
                """,
                [caller.workspace_id, new.name, new.parent_id],
            )
            row = await made.fetchone()
    except UniqueViolation:
        raise Conflict(f"There is a department named {new.name} already.") from None
    except ForeignKeyViolation:
        raise NotThere("There is no such parent department.") from None
    return Department.model_validate(row)


@router.get("/rules")
async def rules(
    caller: Annotated[Caller, requires(Surface.EXECUTIVE, Permission.READ_FINANCE)],
    doors: OpenDoors,
) -> list[AllocationRule]:
    """Every rule, in the order in which they are tried."""
    async with doors.reading_as(caller) as warehouse:
        found = await warehouse.execute(
            """
            select
                rule_id, priority, match_on, match_value, department_id, valid_from,
                valid_to
            from app.allocation_rules
            order by priority, match_on, match_value, valid_from
            """
        )
        return [AllocationRule.model_validate(row) for row in await found.fetchall()]


@router.post("/rules", status_code=201)
async def add_rule(
    caller: Editor, doors: OpenDoors, new: NewAllocationRule
) -> AllocationRule:
    """Give a project, machine or provider to a department over a stretch of time.

    What it touches is allocated again by the next rebuild. Raises Conflict when it
    overlaps a rule for the same value.
    """
    if new.valid_to is not None and new.valid_to <= new.valid_from:
        raise Malformed("`valid_to` lies before `valid_from`.")
    try:
        async with doors.deciding_as(caller) as warehouse:
            made = await warehouse.execute(
                """
                insert into app.allocation_rules (
                    workspace_id, priority, match_on, match_value, department_id,
                    valid_from, valid_to, created_by
                )
                values (%s, %s, %s, %s, %s, %s, %s, %s)
                returning
                    rule_id, priority, match_on, match_value, department_id,
                    valid_from, valid_to
                """,
                [
                    caller.workspace_id,
                    new.priority,
                    new.match_on,
                    new.match_value,
                    new.department_id,
                    new.valid_from,
                    new.valid_to,
                    caller.user_id,
                ],
            )
            row = await made.fetchone()
            await warehouse.execute(
                """
                insert into raw.changes (
                    kind, cause, workspace_id, project, machine_id, provider, since,
                    until
                )
                values ('revision', 'allocation', %s, %s, %s, %s, %s, %s)
                """,
                [caller.workspace_id, *_touched(new)],
            )
    except ExclusionViolation:
        raise Conflict(
            f"Another rule for {new.match_on} {new.match_value} is in force then."
        ) from None
    except ForeignKeyViolation:
        raise NotThere("There is no such department.") from None
    return AllocationRule.model_validate(row)


def _touched(
    new: NewAllocationRule,
) -> tuple[str | None, UUID | None, str | None, datetime, datetime | None]:
    machine = None
    if new.match_on == "machine":
        try:
            machine = UUID(new.match_value)
        except ValueError:
            raise Malformed("A rule on a machine names its machine_id.") from None
    return (
        new.match_value if new.match_on == "project" else None,
        machine,
        new.match_value if new.match_on == "provider" else None,
        new.valid_from,
        new.valid_to,
    )
