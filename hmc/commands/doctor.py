"""What is wrong, and the command that mends it."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import typer

from hmc.commands.options import DataDir, Json


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    is_well: bool
    says: str
    mend: str | None = None


def doctor(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Look at everything that has to hold; say what is wrong and how to mend it."""
    findings = list(_examine())
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings]))
    else:
        for finding in findings:
            mark = "ok   " if finding.is_well else "WRONG"
            typer.echo(f"{mark}  {finding.what:<12} {finding.says}")
            if finding.mend:
                typer.echo(f"       {'':<12} mend it with: {finding.mend}")
    if not all(finding.is_well for finding in findings):
        raise typer.Exit(1)


def _examine() -> Iterator[Finding]:
    from models.trouble import Trouble
    from warehouse.cluster import Role, connect
    from warehouse.migrate import current, newest
    from warehouse.settings import settings

    kind = "external" if settings().database_url else f"embedded in {settings().home}"
    try:
        owner = connect(Role.OWNER)
    except Trouble as trouble:
        mend = "check DATABASE_URL" if settings().database_url else "hmc up"
        yield Finding("database", is_well=False, says=str(trouble), mend=mend)
        return
    with owner:
        number = _one(
            owner, "select current_setting('server_version_num')::int / 10000"
        )
        yield Finding(
            "database",
            is_well=number >= 16,  # noqa: PLR2004  the oldest that is supported
            says=f"PostgreSQL {number}, {kind}",
            mend=None if number >= 16 else "use PostgreSQL 16 or newer",  # noqa: PLR2004
        )
        at = current(owner)
        if at != newest():
            yield Finding(
                "schema",
                is_well=False,
                says=f"at {at}, not {newest()}",
                mend="hmc migrate",
            )
            return
        yield Finding("schema", is_well=True, says=f"at {at}")
        rates = _one(
            owner, "select count(*) from raw.pricing_rates where known_to is null"
        )
        yield Finding(
            "rates",
            is_well=rates > 0,
            says=f"{rates:,} known",
            mend=None if rates else "hmc rates load",
        )
        workspaces = _one(owner, "select count(*) from app.workspaces")
        yield Finding(
            "workspaces",
            is_well=workspaces > 0,
            says=f"{workspaces:,}",
            mend=None
            if workspaces
            else "hmc workspace create NAME --tier solo --owner EMAIL",
        )
        yield from _examine_rebuild(owner)


def _examine_rebuild(owner: Any) -> Iterator[Finding]:
    from ingest.rebuild.cycle import needs_full_refresh

    worker = _one(
        owner,
        "select count(*) from pg_locks where locktype = 'advisory' and objid = 7202",
    )
    yield Finding(
        "worker",
        is_well=worker > 0,
        says="rebuilding" if worker else "none is running",
        mend=None if worker else "hmc up, or hmc worker",
    )
    stale = needs_full_refresh(owner)
    yield Finding(
        "marts",
        is_well=not stale,
        says="not built by this version" if stale else "built by this version",
        mend="hmc rebuild --full-refresh" if stale else None,
    )
    seconds = _one(
        owner,
        """
        select coalesce(extract(epoch from now() - min(created_at)), 0)::int
        from raw.changes where published_at is null
        """,
    )
    is_late = seconds > 60  # noqa: PLR2004  four times the promise
    yield Finding(
        "freshness",
        is_well=not is_late,
        says=f"the oldest unpublished change waits {seconds:,} s"
        if seconds
        else "nothing waits",
        mend="hmc rebuild" if is_late else None,
    )


def _one(owner: Any, query: str) -> int:
    found = owner.execute(query).fetchone()
    return int(found[0]) if found else 0
