"""Departments, the rules that allocate to them, and what they used."""

from datetime import datetime
from uuid import UUID

from models.answers.usage import Usage, UsageKey
from models.answers.workspace import Period, WorkspaceCard
from models.tenancy import Frozen


class Department(Frozen):
    """A department of the workspace."""

    department_id: UUID
    name: str
    parent_id: UUID | None


class AllocationRule(Frozen):
    """What gives requests to a department over [valid_from, valid_to)."""

    rule_id: UUID
    priority: int
    match_on: str
    match_value: str
    department_id: UUID
    valid_from: datetime
    valid_to: datetime | None


class DepartmentUsage(UsageKey):
    """A department's usage with its name; `department_id` null is unallocated."""

    department: str | None


class Departments(Frozen):
    """Departments and what no rule allocated; together they are the total."""

    workspace: WorkspaceCard
    as_of: datetime | None
    period: Period
    total: Usage
    departments: list[DepartmentUsage]
