"""Departments, pools, the rules that allocate to them, and what they used."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from models.answers.money import Cost, money
from models.answers.usage import Usage
from models.answers.workspace import Period, WorkspaceCard
from models.money import Pico
from models.tenancy import Frozen


class Department(Frozen):
    """A department, or a shared pool (`kind`), over the UTC days that it is open."""

    department_id: UUID
    kind: str
    name: str
    opened_on: date
    retired_on: date | None


class DepartmentParent(Frozen):
    """Whose child a department is over [valid_from, valid_to), in UTC days."""

    department_id: UUID
    parent_id: UUID
    valid_from: date
    valid_to: date | None


class PoolSplit(Frozen):
    """How a pool is split over [valid_from, valid_to), in UTC days."""

    pool_id: UUID
    split: str
    valid_from: date
    valid_to: date | None


class PoolShare(Frozen):
    """A department that a pool is split over, by weight where the split is fixed."""

    pool_id: UUID
    department_id: UUID
    weight: int
    valid_from: date
    valid_to: date | None


class DepartmentTree(Frozen):
    """All that there is and was: departments, who was below whom, and the pools."""

    workspace: WorkspaceCard
    departments: list[Department]
    parents: list[DepartmentParent]
    splits: list[PoolSplit]
    shares: list[PoolShare]


class AllocationRule(Frozen):
    """What gives requests to a department or pool over [valid_from, valid_to).

    `match_name` is the hostname of a machine or the address of a member.
    """

    rule_id: UUID
    priority: int
    match_on: str
    match_value: str
    match_name: str | None
    department_id: UUID
    valid_from: datetime
    valid_to: datetime | None


class ProjectTag(Frozen):
    """A label that a project carries over [valid_from, valid_to)."""

    project: str
    tag: str
    valid_from: datetime
    valid_to: datetime | None


class MachineOwner(Frozen):
    """Whose a machine is over [valid_from, valid_to)."""

    machine_id: UUID
    user_id: UUID
    valid_from: datetime
    valid_to: datetime | None


class DepartmentSpend(Frozen):
    """A department's metered spend, imputed beside it; without an id: unallocated.

    `cost` is `own` and `shared`, its shares of pools; `with_below` adds the departments
    that were below it on each day. A share of a pool holds no requests.
    """

    department_id: UUID | None
    name: str | None
    parent_id: UUID | None
    opened_on: date | None
    retired_on: date | None
    request_count: int
    unpriced_count: int
    unpriced_tokens: int
    own: Annotated[Pico, money("own")]
    shared: Annotated[Pico, money("shared")]
    cost: Cost
    with_below: Annotated[Pico, money("with_below")]
    imputed_request_count: int
    imputed: Annotated[Pico, money("imputed")]
    imputed_with_below: Annotated[Pico, money("imputed_with_below")]


class PoolSpend(Frozen):
    """What a pool held before it was split: it is in its departments' `shared`."""

    pool_id: UUID
    name: str
    opened_on: date
    retired_on: date | None
    request_count: int
    unpriced_count: int
    cost: Cost
    imputed: Annotated[Pico, money("imputed")]


class Departments(Frozen):
    """Departments and what no rule allocated: together the total, to the picodollar.

    Three things are told apart: `unallocated` was logged and is nobody's; `pools` was
    logged and is split over departments; unlogged is on a bill alone, and stands in
    Reconciliation.
    """

    workspace: WorkspaceCard
    as_of: datetime | None
    period: Period
    total: Usage
    imputed: Usage
    departments: list[DepartmentSpend]
    unallocated: DepartmentSpend
    pools: list[PoolSpend]
