"""Which department spent it: a tree with history, and pools that are split over it."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter
from psycopg.errors import CheckViolation, UniqueViolation
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.cloud.allocating import end_rules_of, midnight, open_department
from api.cloud.asking import card_of
from api.cloud.books import DecidedBooks
from api.cloud.callers import permits, requires
from api.cloud.periods import Asked, today
from api.cloud.routes.overview import IMPUTED, SPEND, totals_of
from api.cloud.sessions import OpenDoors
from models.answers.departments import (
    Department,
    DepartmentParent,
    Departments,
    DepartmentSpend,
    DepartmentTree,
    PoolShare,
    PoolSpend,
    PoolSplit,
)
from models.plans import Permission, Surface
from models.refusals import Conflict, Malformed, NotRemembered, refusing
from models.tenancy import Caller
from warehouse.cluster import composed
from warehouse.doors import Warehouse

router = APIRouter(prefix="/v1/workspaces/{slug}/departments", tags=["departments"])

Editor = Annotated[Caller, permits(Permission.EDIT_PROJECTS)]
Reader = Annotated[Caller, requires(Surface.EXECUTIVE, Permission.READ_FINANCE)]
Words = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]+$")
]
OPENED = "department_id, kind, name, opened_on, retired_on"


class Asks(BaseModel):
    """A change that somebody asks for: closed and immutable."""

    model_config = ConfigDict(frozen=True)


class NewDepartment(Asks):
    """A department to be; unsaid, it opens today."""

    name: Words
    parent_id: UUID | None = None
    opened_on: date | None = None


class Renamed(Asks):
    """What a department is called from now on, in its past too."""

    name: Words


class Moved(Asks):
    """Under which parent a department is from a UTC day on; null is a root."""

    parent_id: UUID | None
    since: date


class Retired(Asks):
    """From which UTC day on a department is no more."""

    on: date


class Share(Asks):
    """A department that a pool is split over."""

    department_id: UUID
    weight: Annotated[int, Field(ge=1, le=1_000_000_000)] = 1


class Split(Asks):
    """How a pool is split, from a UTC day on.

    In proportion to what each department spent itself that day, evenly, or by fixed
    weights; over the departments named, or over all that are open that day.
    """

    split: Literal["proportional", "even", "fixed"] = "proportional"
    shares: Annotated[list[Share], Field(max_length=200)] = []
    since: date | None = None


class NewPool(Split):
    """A shared cost to be, and how it is split from its first day on."""

    name: Words


@router.get("", responses=refusing(NotRemembered))
async def departments(
    caller: Reader, asked: Asked, which: DecidedBooks, doors: OpenDoors
) -> Departments:
    """Metered spend by department; with what is unallocated it is the total.

    As known now, or at `known_at`: with the departments, pools and rules of then.
    """
    async with doors.reading_as(caller) as warehouse:
        books = await which.opened(warehouse)
        period = asked.clamped(Surface.EXECUTIVE, caller, books.today)
        between = {"since": period.since, "until": period.until}
        totals = await totals_of(warehouse, period, books)
        *spent, unallocated = await books.ask(warehouse, DepartmentSpend, **between)
        return Departments(
            workspace=card_of(caller),
            as_of=books.as_of,
            period=period,
            total=totals[SPEND],
            imputed=totals[IMPUTED],
            departments=spent,
            unallocated=unallocated,
            pools=await books.ask(warehouse, PoolSpend, **between),
        )


@router.get("/tree")
async def tree(caller: Reader, doors: OpenDoors) -> DepartmentTree:
    """Who is and was below whom, and how pools are and were split."""
    async with doors.reading_as(caller) as warehouse:
        return DepartmentTree(
            workspace=card_of(caller),
            departments=[
                Department.model_validate(row)
                for row in await _rows(
                    warehouse, f"select {OPENED} from app.departments order by name"
                )
            ],
            parents=[
                DepartmentParent.model_validate(row)
                for row in await _rows(
                    warehouse,
                    """
                    select department_id, parent_id, valid_from, valid_to
                    from app.department_parents order by valid_from, department_id
                    """,
                )
            ],
            splits=[
                PoolSplit.model_validate(row)
                for row in await _rows(
                    warehouse,
                    """
                    select pool_id, split, valid_from, valid_to
                    from app.pool_splits order by valid_from, pool_id
                    """,
                )
            ],
            shares=[
                PoolShare.model_validate(row)
                for row in await _rows(
                    warehouse,
                    """
                    select pool_id, department_id, weight, valid_from, valid_to
                    from app.pool_shares order by valid_from, pool_id, department_id
                    """,
                )
            ],
        )


@router.post("", status_code=201)
async def add_department(
    caller: Editor, doors: OpenDoors, new: NewDepartment
) -> Department:
    """Add a department, under a parent if one is named."""
    opened_on = new.opened_on or today()
    try:
        async with doors.deciding_as(caller) as warehouse:
            if new.parent_id:
                await open_department(warehouse, new.parent_id, kind="department")
            made = await _opened(warehouse, caller, "department", new.name, opened_on)
            if new.parent_id:
                moved = Moved(parent_id=new.parent_id, since=opened_on)
                await _move(warehouse, caller, made.department_id, moved)
    except UniqueViolation:
        raise Conflict(f"There is a department named {new.name} already.") from None
    return made


@router.post("/pools", status_code=201)
async def add_pool(caller: Editor, doors: OpenDoors, new: NewPool) -> Department:
    """Add a shared pool: rules give to it as to a department, and it is split."""
    since = new.since or today()
    try:
        async with doors.deciding_as(caller) as warehouse:
            made = await _opened(warehouse, caller, "pool", new.name, since)
            await _split(warehouse, caller, made.department_id, new, since)
    except UniqueViolation:
        raise Conflict(f"There is a department named {new.name} already.") from None
    return made


@router.put("/pools/{department_id}/split")
async def split_pool(
    caller: Editor, doors: OpenDoors, department_id: UUID, split: Split
) -> PoolSplit:
    """Split a pool in another way from a day on; earlier days stay as they were."""
    since = split.since or today()
    async with doors.deciding_as(caller) as warehouse:
        await open_department(warehouse, department_id, kind="pool")
        await _split(warehouse, caller, department_id, split, since)
    return PoolSplit(
        pool_id=department_id, split=split.split, valid_from=since, valid_to=None
    )


@router.patch("/{department_id}")
async def rename_department(
    caller: Editor, doors: OpenDoors, department_id: UUID, renamed: Renamed
) -> Department:
    """Call a department or pool by another name."""
    try:
        async with doors.deciding_as(caller) as warehouse:
            await open_department(warehouse, department_id)
            (row,) = await _rows(
                warehouse,
                f"""
                update app.departments set name = %s where department_id = %s
                returning {OPENED}
                """,
                [renamed.name, department_id],
            )
    except UniqueViolation:
        raise Conflict(f"There is a department named {renamed.name} already.") from None
    return Department.model_validate(row)


@router.put("/{department_id}/parent")
async def move_department(
    caller: Editor, doors: OpenDoors, department_id: UUID, moved: Moved
) -> Department:
    """Put a department below another from a day on: it takes only its future along."""
    try:
        async with doors.deciding_as(caller) as warehouse:
            row = await open_department(warehouse, department_id, kind="department")
            if moved.parent_id:
                await open_department(warehouse, moved.parent_id, kind="department")
            await _move(warehouse, caller, department_id, moved)
    except CheckViolation:
        raise Conflict("A department cannot be below itself.") from None
    return Department.model_validate(row)


@router.post("/{department_id}/retire")
async def retire_department(
    caller: Editor, doors: OpenDoors, department_id: UUID, retired: Retired
) -> Department:
    """End a department or pool, with the rules that give to it; its past stays."""
    async with doors.deciding_as(caller) as warehouse:
        row = await open_department(warehouse, department_id)
        if retired.on < row["opened_on"]:
            raise Malformed(f"It opened on {row['opened_on']}.")
        below = await _rows(
            warehouse,
            """
            select departments.name from app.department_parents
            inner join app.departments using (workspace_id, department_id)
            where
                department_parents.parent_id = %(department_id)s
                and (valid_to > %(on)s or valid_to is null)
                and retired_on is null
            """,
            {"department_id": department_id, "on": retired.on},
        )
        if below:
            names = ", ".join(sorted(each["name"] for each in below))
            raise Conflict(f"Move what is below it first: {names}.")
        await end_rules_of(warehouse, caller, department_id, midnight(retired.on))
        (row,) = await _rows(
            warehouse,
            f"""
            update app.departments set retired_on = %s where department_id = %s
            returning {OPENED}
            """,
            [retired.on, department_id],
        )
    return Department.model_validate(row)


async def _rows(
    warehouse: Warehouse, statement: Any, values: Any = None
) -> list[dict[str, Any]]:
    found = await warehouse.execute(statement, values)
    return await found.fetchall()


async def _opened(
    warehouse: Warehouse, caller: Caller, kind: str, name: str, opened_on: date
) -> Department:
    (row,) = await _rows(
        warehouse,
        f"""
        insert into app.departments (workspace_id, kind, name, opened_on)
        values (%s, %s, %s, %s)
        returning {OPENED}
        """,
        [caller.workspace_id, kind, name, opened_on],
    )
    return Department.model_validate(row)


async def _move(
    warehouse: Warehouse, caller: Caller, department_id: UUID, moved: Moved
) -> None:
    values = {
        "workspace_id": caller.workspace_id,
        "department_id": department_id,
        "parent_id": moved.parent_id,
        "since": moved.since,
    }
    await _end(warehouse, "department_parents", "department_id", values)
    if moved.parent_id == department_id:
        raise Conflict("A department cannot be below itself.")
    if moved.parent_id:
        await warehouse.execute(
            """
            insert into app.department_parents (
                workspace_id, department_id, parent_id, valid_from
            )
            values (%(workspace_id)s, %(department_id)s, %(parent_id)s, %(since)s)
            """,
            values,
        )


async def _split(
    warehouse: Warehouse, caller: Caller, pool_id: UUID, split: Split, since: date
) -> None:
    named = [share.department_id for share in split.shares]
    if len(set(named)) < len(named):
        raise Malformed("A department stands in `shares` once.")
    if split.split == "fixed" and not named:
        raise Malformed("A fixed split names its departments and their weights.")
    for department_id in named:
        await open_department(warehouse, department_id, kind="department")
    values = {
        "workspace_id": caller.workspace_id,
        "pool_id": pool_id,
        "since": since,
        "split": split.split,
        "departments": named,
        "weights": [share.weight for share in split.shares],
    }
    for table in ("pool_splits", "pool_shares"):
        await _end(warehouse, table, "pool_id", values)
    await warehouse.execute(
        """
        insert into app.pool_splits (workspace_id, pool_id, split, valid_from)
        values (%(workspace_id)s, %(pool_id)s, %(split)s, %(since)s)
        """,
        values,
    )
    await warehouse.execute(
        """
        insert into app.pool_shares (
            workspace_id, pool_id, department_id, weight, valid_from
        )
        select %(workspace_id)s, %(pool_id)s, listed.department_id, listed.weight,
            %(since)s
        from unnest(%(departments)s::uuid [], %(weights)s::bigint [])
            as listed (department_id, weight)
        """,
        values,
    )


async def _end(
    warehouse: Warehouse, table: str, column: str, values: dict[str, Any]
) -> None:
    """End what holds of one thing at `since`, and drop what was to hold later."""
    which = f"from app.{table} where {column} = %({column})s"
    await warehouse.execute(
        composed(f"delete {which} and valid_from >= %(since)s"), values
    )
    await warehouse.execute(
        composed(
            f"""
            update app.{table} set valid_to = %(since)s
            where
                {column} = %({column})s
                and (valid_to > %(since)s or valid_to is null)
            """
        ),
        values,
    )
