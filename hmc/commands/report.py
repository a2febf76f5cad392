"""What calls cost, from the daemon's file on this machine."""

import json
from pathlib import Path
from typing import Annotated

import typer

from api.local.asked import By, Period, last_days
from hmc.commands.asking import again_and_again, day_of, days_of, project_slugs
from hmc.commands.options import Db, NoColor, Watch
from models.trouble import Usage

DAYS = 30
INCOMPLETE = 3
MAKES_INCOMPLETE = {"unpriced", "incomplete", "unreadable"}


def report(
    project: Annotated[
        str | None,
        typer.Option(help="One project, by its slug.", autocompletion=project_slugs),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="N|Nd", help="The last N days.")
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="First day, UTC.")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="Last day, UTC.")
    ] = None,
    vs_previous: Annotated[
        bool, typer.Option("--vs-previous", help="Show the days before beside them.")
    ] = False,
    by: Annotated[By | None, typer.Option(help="What a row stands for.")] = None,
    drift: Annotated[
        bool, typer.Option("--drift", help="Price again, and compare with the daemon.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the envelope hmc.report/1.")
    ] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the rows.")] = False,
    db: Db = None,
    watch: Watch = False,
    no_color: NoColor = False,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="End with 3 where a cost or a count is missing."),
    ] = False,
) -> None:
    """Report what calls on this machine cost, from the daemon's file alone."""
    if as_json and as_csv:
        raise Usage("--json and --csv: one of them")
    _period(since, from_, to)  # a mistake is told before a file is opened

    missing: list[str] = []

    def once() -> str:
        return _written(
            missing,
            db,
            _period(since, from_, to),
            project,
            by,
            as_json=as_json,
            as_csv=as_csv,
            vs_previous=vs_previous,
            drift=drift,
            no_color=no_color,
        )

    again_and_again(once, watch=watch)
    if strict and missing:
        raise typer.Exit(INCOMPLETE)


def _written(
    missing: list[str],
    db: Path | None,
    period: Period,
    project: str | None,
    by: By | None,
    *,
    as_json: bool,
    as_csv: bool,
    vs_previous: bool,
    drift: bool,
    no_color: bool,
) -> str:
    from api.local import report as reports
    from api.local.laptop import opened
    from hmc.report_sheet import csv_of, sheet

    wanted = [by] if by else [By.PROJECT, By.MODEL]
    with opened(db, project, reports.reach(period)) as laptop:
        if project is not None:
            reports.require_project(laptop, project)
        made = reports.reports(
            laptop, period, wanted[:1] if as_json or as_csv else wanted, has_drift=drift
        )
    missing[:] = [
        warning["code"]
        for warning in made[0]["warnings"]
        if warning["code"] in MAKES_INCOMPLETE
    ]
    if as_json:
        return json.dumps(made[0], ensure_ascii=False) + "\n"
    if as_csv:
        return csv_of(made[0])
    return sheet(made, vs_previous=vs_previous, drift=drift, no_color=no_color)


def _period(since: str | None, from_: str | None, to: str | None) -> Period:
    if since is not None:
        if from_ or to:
            raise Usage("--since counts days; --from and --to name them: one of both")
        return days_of(since, DAYS)
    last = day_of(to, "--to") if to else None
    if from_ is None:
        return last_days(DAYS, last)
    period = Period(day_of(from_, "--from"), last or last_days(1).until)
    if period.since > period.until:
        raise Usage(f"--from {period.since} lies after --to {period.until}")
    return period
