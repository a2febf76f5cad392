"""What models say of a row and what SQL makes of it are the same columns."""

from pathlib import Path

import psycopg
import pytest
import yaml
from pydantic import AliasChoices, BaseModel

from api.questions import HERE, question
from models.answers.books import Book, Decided
from models.answers.budgets import (
    Anomaly,
    AnomalyDriver,
    Budget,
    BudgetAlert,
    BudgetMonth,
    MonthForecast,
)
from models.answers.departments import DepartmentSpend, PoolSpend
from models.answers.executive import ExecutiveMonth
from models.answers.explaining import (
    DriftCause,
    FigurePart,
    PublishedChange,
    RateBelief,
)
from models.answers.health import (
    Arrival,
    LastBuild,
    MartSize,
    Outcome,
    QualityFinding,
    RecentQuality,
)
from models.answers.optimisation import Finding, FindingRequest, IdleSubscription
from models.answers.pricing import PricingRate, UnpricedModel
from models.answers.reconciliation import (
    CloseAdjustment,
    CloseModel,
    InvoiceReconciliation,
    MonthClose,
)
from models.answers.reports import PersonalUsage
from models.answers.traces import Receipt, ReceiptVersion, Trace
from models.answers.usage import UsageDay, UsageKey

ROOT = Path(__file__).parents[2]
# Ephemeral; and what a cycle alone builds, which a first one need not have been.
NOT_BUILT = {
    "int_requests_touched",
    "int_requests_booked",
    "int_requests_judged",
    "int_hours_revised",
    "int_calendars_revised",
    "int_requests_superseded",
}
ASKED_OF_THE_CLOUD: list[type[BaseModel]] = [
    UsageDay,
    UsageKey,
    Trace,
    InvoiceReconciliation,
    CloseAdjustment,
    CloseModel,
    MonthClose,
    PricingRate,
    UnpricedModel,
    Book,
    Decided,
    DriftCause,
    FigurePart,
    PublishedChange,
    RateBelief,
    Receipt,
    ReceiptVersion,
    Arrival,
    LastBuild,
    MartSize,
    QualityFinding,
    RecentQuality,
    Outcome,
    DepartmentSpend,
    PoolSpend,
    Budget,
    BudgetAlert,
    BudgetMonth,
    MonthForecast,
    Anomaly,
    AnomalyDriver,
    Finding,
    FindingRequest,
    IdleSubscription,
    ExecutiveMonth,
    PersonalUsage,
]
PARAMETERS = {
    "calendar": "utc",
    "grouping": "total",
    "since": "2026-01-01",
    "until": "2026-01-02",
    "cursor_at": "2026-01-02",
    "cursor_id": "00000000-0000-0000-0000-000000000000",
    "provider": None,
    "model": None,
    "project": None,
    "status": None,
    "machine_id": None,
    "limit": 1,
    "known_at": "2026-01-01",
    "valid_at": None,
    "request_id": "00000000-0000-0000-0000-000000000000",
    "rate_ids": [1],
    "from_cycle": 0,
    "to_cycle": 1,
    "billing_basis": "api",
    "department_id": None,
    "floor": 1,
    "scopes": ["workspace"],
    "subjects": [""],
    "billing_bases": ["api"],
    "usage_dates": ["2026-01-01"],
    "week_counts": [8],
    "finding_id": "0" * 32,
    "user_id": "00000000-0000-0000-0000-000000000000",
    "quiet_since": "2026-01-01",
}


def columns_of(answer: type[BaseModel]) -> set[str]:
    names: set[str] = set()
    for name, field in answer.model_fields.items():
        alias = field.validation_alias
        names.add(str(alias.choices[0]) if isinstance(alias, AliasChoices) else name)
    return names


@pytest.mark.parametrize("answer", ASKED_OF_THE_CLOUD)
def test_an_answer_has_the_columns_of_its_question(
    answer: type[BaseModel], owner: psycopg.Connection
) -> None:
    owner.execute("set search_path = marts")
    found = owner.execute(question(answer), PARAMETERS)  # type: ignore[arg-type]
    assert found.description is not None
    assert {column.name for column in found.description} == columns_of(answer)


@pytest.mark.parametrize("layer", ["staging", "intermediate", "marts"])
def test_every_model_has_the_columns_that_it_states(
    layer: str, owner: psycopg.Connection
) -> None:
    stated = {
        model["name"]: [column["name"] for column in model["columns"]]
        for path in (ROOT / "dbt_project/models" / layer).rglob("_*__models.yml")
        for model in yaml.safe_load(path.read_text("utf-8"))["models"]
    }
    built = owner.execute(
        "select table_name from information_schema.tables where table_schema = %s",
        [layer],
    ).fetchall()
    assert set(stated) - NOT_BUILT == {name for (name,) in built} - NOT_BUILT
    for name, columns in stated.items():
        found = owner.execute(
            """
            select column_name from information_schema.columns
            where table_schema = %s and table_name = %s
            order by ordinal_position
            """,
            [layer, name],
        ).fetchall()
        ordered = [column for (column,) in found]
        assert ordered == columns or name in NOT_BUILT, name


def test_every_sql_file_opens_with_its_grain() -> None:
    for path in [*(ROOT / "dbt_project/models").rglob("*.sql"), *HERE.rglob("*.sql")]:
        assert path.read_text("utf-8").startswith("-- "), path


def test_there_are_at_most_as_many_macros_as_can_be_known_by_heart() -> None:
    macros = list((ROOT / "dbt_project/macros").glob("*.sql"))
    assert len(macros) <= 6
    assert all(path.read_text("utf-8").startswith("{#") for path in macros)
