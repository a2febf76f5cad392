"""Reconciliation: what was logged against what is payable."""

from datetime import date, datetime
from typing import Annotated

from models.answers.money import money
from models.answers.workspace import WorkspaceCard
from models.money import Pico
from models.tenancy import Frozen


class InvoiceReconciliation(Frozen):
    """One provider account and month: what was logged against what is payable."""

    provider: str
    account: str
    period_month: date
    request_count: int
    unpriced_count: int
    logged: Annotated[Pico, money("logged")]
    payable: Annotated[Pico | None, money("payable")]
    variance: Annotated[Pico | None, money("variance")]
    tolerance: Annotated[Pico | None, money("tolerance")]
    status: str


class Reconciliation(Frozen):
    """Why does the invoice differ? Provider accounts by month, newest first."""

    workspace: WorkspaceCard
    as_of: datetime | None
    items: list[InvoiceReconciliation]
