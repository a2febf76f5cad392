"""More questions about this machine's calls: the dearest, the newest, the unpriced."""

import json
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from api.local.asked import By
from hmc.commands.asking import Since, again_and_again, days_of, project_slugs
from hmc.commands.options import AsCsv, Db, Json, NoColor, Watch
from models.trouble import Usage

Project = Annotated[
    str | None,
    typer.Option(help="One project, by its slug.", autocompletion=project_slugs),
]
FORMATS = ("csv", "parquet")


def top(
    by: Annotated[By, typer.Option(help="What to rank.")] = By.MODEL,
    since: Since = None,
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 10,
    project: Project = None,
    as_json: Json = False,
    as_csv: AsCsv = False,
    db: Db = None,
    watch: Watch = False,
    no_color: NoColor = False,
) -> None:
    """Rank what costs most."""

    def once() -> str:
        from api.local import report
        from api.local.laptop import opened
        from hmc import lists_sheet

        period = days_of(since, 1)
        with opened(db, project, report.reach(period)) as laptop:
            if project is not None:
                report.require_project(laptop, project)
            made = report.report(laptop, period, by)
        made |= {"schema": "hmc.top/1", "rows": made["rows"][:limit]}
        if as_json:
            return _json(made)
        return lists_sheet.top(made, as_csv=as_csv, no_color=no_color)

    again_and_again(once, watch=watch)


def calls(
    since: Since = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many.")] = 20,
    project: Project = None,
    provider: Annotated[str | None, typer.Option(help="One provider.")] = None,
    model: Annotated[str | None, typer.Option(help="One model.")] = None,
    status: Annotated[str | None, typer.Option(help="Such as error.")] = None,
    as_json: Json = False,
    as_csv: AsCsv = False,
    db: Db = None,
    watch: Watch = False,
    no_color: NoColor = False,
) -> None:
    """List the newest calls, each with its cost."""

    def once() -> str:
        from api.local.calls import bounds, newest_calls, project_id
        from api.local.laptop import opened
        from api.local.moments import written
        from api.local.report import envelope
        from hmc import lists_sheet

        period = days_of(since, 30)
        filters: dict[str, Any] = {
            "provider": provider,
            "model": model,
            "status": status,
        }
        with opened(db, within=period) as laptop:
            wanted = project_id(laptop, project) if project else None
            found = newest_calls(
                laptop, limit, **bounds(period), **filters, project_id=wanted
            )
            made = envelope(laptop, "hmc.calls/1", period, **filters, project=project)
        made["rows"] = [
            call
            | {
                "requested_at": written(call["requested_at"]),
                "cost_millicents": call.pop("cost_usd_minor_units"),
            }
            for call in found
        ]
        if as_json:
            return _json(made)
        return lists_sheet.calls(made, as_csv=as_csv, no_color=no_color)

    again_and_again(once, watch=watch)


def unpriced(
    since: Since = None,
    project: Project = None,
    as_json: Json = False,
    as_csv: AsCsv = False,
    db: Db = None,
    no_color: NoColor = False,
) -> None:
    """List models that the daemon had no price for, most requests first."""
    from api.local.laptop import opened
    from api.local.report import envelope, require_project
    from hmc import lists_sheet

    period = days_of(since, 30)
    with opened(db, project, period) as laptop:
        if project is not None:
            require_project(laptop, project)
        found = laptop.ask("unpriced", since=period.since, until=period.until)
        made = envelope(laptop, "hmc.unpriced/1", period)
    rows = [_unpriced_row(row) for row in found]
    made["rows"] = [row for row in rows if row["key"]["model"] is not None]
    made["totals"] = _unpriced_total(rows)
    if as_json:
        sys.stdout.write(_json(made))
    else:
        sys.stdout.write(lists_sheet.unpriced(made, as_csv=as_csv, no_color=no_color))


def export(
    to: Annotated[
        Path | None, typer.Option("--out", help="The file; CSV goes to stdout without.")
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option("--format", help="csv or parquet; by the file's name, unsaid."),
    ] = None,
    since: Since = None,
    project: Project = None,
    db: Db = None,
) -> None:
    """Write every call of a period, without bodies, as CSV or Parquet."""
    from api.local.calls import export_parquet, exported_rows
    from api.local.laptop import opened_to_copy
    from api.local.report import require_project

    named = to.suffix.removeprefix(".") if to else "csv"
    chosen = kind or (named if named in FORMATS else "csv")
    if chosen not in FORMATS:
        raise Usage(f"--format {chosen}: csv or parquet")
    if chosen == "parquet" and to is None:
        raise Usage("--format parquet: name the file with --out")
    if to is not None and not to.parent.is_dir():
        raise Usage(f"--out {to}: there is no folder {to.parent}")
    period = days_of(since, 30)
    with opened_to_copy(db, to) as laptop:
        if project is not None:
            require_project(laptop, project)
        if chosen == "parquet" and to is not None:
            export_parquet(laptop, period, project, to)
        else:
            _as_csv(exported_rows(laptop, period, project), to)
    if to is not None:
        sys.stderr.write(f"{to}\n")


def _as_csv(chunks: Iterator[list[Any]], to: Path | None) -> None:
    from api.csv_text import csv_text

    names = next(chunks)
    stream = to.open("w", encoding="utf-8", newline="") if to else sys.stdout
    try:
        stream.write(csv_text(names, []))
        for rows in chunks:
            told = ([_told(cell) for cell in row] for row in rows)
            _, text = csv_text(names, told).split("\n", 1)
            stream.write(text)
    finally:
        if to:
            stream.close()


def _told(cell: Any) -> Any:
    from api.local.moments import written

    return written(cell) if isinstance(cell, datetime) else cell


def _unpriced_row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "key": {"provider": row["provider"], "model": row["model"]},
        "requests": row["unpriced_count"],
        "tokens": row["unpriced_tokens"],
        "requests_without_rate": row["missing_rate_count"],
        "first_date": row["first_date"].isoformat(),
        "last_date": row["last_date"].isoformat(),
    }


def _unpriced_total(rows: list[dict[str, Any]]) -> dict[str, Any]:
    total = next((row for row in rows if row["key"]["model"] is None), None)
    names = ("requests", "tokens", "requests_without_rate")
    return {name: total[name] if total else 0 for name in names}


def _json(made: dict[str, Any]) -> str:
    return json.dumps(made, ensure_ascii=False) + "\n"
