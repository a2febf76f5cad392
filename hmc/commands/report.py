"""What calls cost, from the daemon's file on this machine."""

import json
import re
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from api.local.asked import By, Period, last_days
from hmc.commands.options import Db, NoColor, Watch
from models.trouble import Usage

DAYS = 30
WATCH_SECONDS = 2


def report(
    project: Annotated[
        str | None, typer.Option(help="One project, by its slug.")
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
) -> None:
    """Report what calls on this machine cost, from the daemon's file alone."""
    if as_json and as_csv:
        raise Usage("--json and --csv: one of them")
    _period(since, from_, to)  # a mistake is told before a file is opened

    def once() -> str:
        return _written(
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

    if not watch:
        sys.stdout.write(once())
        return
    try:
        _show_again(once)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _show_again(once: Callable[[], str]) -> None:
    """Draw over what was drawn on a terminal; below it into a pipe."""
    clear = "\x1b[H\x1b[2J\x1b[3J" if sys.stdout.isatty() else ""
    shown = None
    while True:
        text = once()
        if text != shown:
            sys.stdout.write(f"{clear}{text}")
            sys.stdout.flush()
            shown = text
        time.sleep(WATCH_SECONDS)


def _written(
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
    within = Period(period.before().since, period.until)
    with opened(db, project, within) as laptop:
        if project is not None:
            reports.require_project(laptop, project)
        made = reports.reports(
            laptop, period, wanted[:1] if as_json or as_csv else wanted, has_drift=drift
        )
    if as_json:
        return json.dumps(made[0], ensure_ascii=False) + "\n"
    if as_csv:
        return csv_of(made[0])
    return sheet(made, vs_previous=vs_previous, drift=drift, no_color=no_color)


def _period(since: str | None, from_: str | None, to: str | None) -> Period:
    if since is not None:
        if from_ or to:
            raise Usage("--since counts days; --from and --to name them: one of both")
        match = re.fullmatch(r"([1-9]\d{0,4})d?", since.strip())
        if not match:
            raise Usage(f"--since {since}: a number of days, such as 7 or 7d")
        return last_days(int(match[1]))
    last = _date(to, "--to") if to else None
    if from_ is None:
        return last_days(DAYS, last)
    period = Period(_date(from_, "--from"), last or last_days(1).until)
    if period.since > period.until:
        raise Usage(f"--from {period.since} lies after --to {period.until}")
    return period


def _date(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Usage(f"{option} {text}: a date, such as 2026-08-31") from None
