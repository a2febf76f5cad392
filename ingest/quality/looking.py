"""Great Expectations over profiles of the fresh rows: what is not as expected.

It runs in Postgres, as the owner, one temporary table per profile. Importing it takes
seconds, so nothing that answers a request or runs a cycle does.
"""

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from models.quality import Expectation, expectations
from models.tenancy import Frozen
from models.trouble import Trouble
from warehouse.cluster import Role, sqlalchemy_url

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation as Expected

PROFILES = Path(__file__).with_name("profiles")
MOST_FINDINGS = 1_000_000


class LookFailed(Trouble):
    """An expectation could not be looked at."""


class Unexpected(Frozen):
    """A row of a profile that is outside of an expectation's bounds."""

    workspace_id: UUID
    expectation: str
    subject: dict[str, str]
    observed: int
    least: int | None
    most: int | None
    request_count: int


def engine() -> str:
    """Name what looks, with its version."""
    try:
        import great_expectations
    except ModuleNotFoundError as missing:
        raise LookFailed(
            "what looks is not installed: the extra `quality`"
        ) from missing

    return f"Great Expectations {great_expectations.__version__}"


def unexpected(since_change_id: int) -> Iterator[Unexpected]:
    """Yield what of the rows that landed after a change is not as expected."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    with warnings.catch_warnings():
        # It would rather have its own Postgres source, which cannot reach a socket.
        warnings.simplefilter("ignore")
        source = context.data_sources.add_sql(
            name="warehouse",
            connection_string=sqlalchemy_url(Role.OWNER),
            create_temp_table=True,
        )
    try:
        yield from _looked_at(context, source, since_change_id)
    finally:
        source.get_execution_engine().close()


def _looked_at(context: Any, source: Any, since_change_id: int) -> Iterator[Unexpected]:
    import great_expectations as gx

    for profile in dict.fromkeys(each.profile for each in expectations()):
        asset = source.add_query_asset(
            name=profile, query=_profile(profile, since_change_id)
        )
        of_profile = [each for each in expectations() if each.profile == profile]
        columns = {column for each in of_profile for column in _columns(each)}
        suite = gx.ExpectationSuite(
            name=profile,
            expectations=[one for each in of_profile for one in _expected(each)],
        )
        result = context.validation_definitions.add(
            gx.ValidationDefinition(
                name=profile,
                data=asset.add_batch_definition_whole_table(profile),
                suite=context.suites.add(suite),
            )
        ).run(
            result_format={
                "result_format": "COMPLETE",
                "unexpected_index_column_names": sorted(columns),
                "include_unexpected_rows": False,
                # Twenty unless said: one workspace's would hide another's.
                "partial_unexpected_count": MOST_FINDINGS,
            }
        )
        for looked in result.results:
            yield from _found(looked)


def _profile(name: str, since_change_id: int) -> str:
    sql = (PROFILES / f"{name}.sql").read_text("utf-8")
    told = sql % {"since_change_id": int(since_change_id)}
    return f"select * from (\n{told}) as {name}"  # it takes no other first word


def _expected(expectation: Expectation) -> Iterator["Expected"]:
    """Say in the words of Great Expectations what is expected."""
    import great_expectations

    ge: Any = great_expectations.expectations
    named = {"meta": {"name": expectation.name}}
    pair = {"or_equal": True, "ignore_row_if": "either_value_is_missing"} | named
    observed, least, most = expectation.observed, expectation.least, expectation.most
    if isinstance(least, str):
        yield ge.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A=observed, column_B=least, **pair
        )
    if isinstance(most, str):
        yield ge.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A=most, column_B=observed, **pair
        )
    if isinstance(least, int) or isinstance(most, int):
        yield ge.ExpectColumnValuesToBeBetween(
            column=observed,
            min_value=least if isinstance(least, int) else None,
            max_value=most if isinstance(most, int) else None,
            **named,
        )


def _columns(expectation: Expectation) -> Iterator[str]:
    yield from ("workspace_id", "request_count", expectation.observed)
    yield from expectation.subject
    bounds = (expectation.least, expectation.most)
    yield from (bound for bound in bounds if isinstance(bound, str))


def _found(looked: Any) -> Iterator[Unexpected]:
    name = looked.expectation_config.meta["name"]
    (expectation,) = (each for each in expectations() if each.name == name)
    if looked.exception_info.get("raised_exception", True):
        said = " ".join(str(looked.exception_info.get("exception_message")).split())
        raise LookFailed(f"{name}: {said}")
    for row in looked.result.get("unexpected_index_list") or []:
        yield Unexpected(
            workspace_id=row["workspace_id"],
            expectation=name,
            subject={column: str(row[column]) for column in expectation.subject},
            observed=row[expectation.observed],
            least=_bound(expectation.least, row),
            most=_bound(expectation.most, row),
            request_count=row["request_count"],
        )


def _bound(bound: int | str | None, row: dict[str, Any]) -> int | None:
    return row[bound] if isinstance(bound, str) else bound
