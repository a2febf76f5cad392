"""What the commands about this machine's calls ask for alike."""

import re
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from api.local.asked import Period, last_days
from models.trouble import Usage

WATCH_SECONDS = 2

Since = Annotated[str | None, typer.Option(metavar="N|Nd", help="The last N days.")]


def days_of(since: str | None, unsaid: int) -> Period:
    """Read `7` or `7d` as the last seven days, today with them."""
    if since is None:
        return last_days(unsaid)
    match = re.fullmatch(r"([1-9]\d{0,4})d?", since.strip())
    if not match:
        raise Usage(f"--since {since}: a number of days, such as 7 or 7d")
    return last_days(int(match[1]))


def day_of(text: str, option: str) -> date:
    """Read a date; Usage names the option that it was given to."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Usage(f"{option} {text}: a date, such as 2026-08-31") from None


def again_and_again(once: Callable[[], str], *, watch: bool) -> None:
    """Print once; with `watch`, again whenever there is something else to print.

    A terminal is drawn over; into a pipe one goes below the other.
    """
    if not watch:
        sys.stdout.write(once())
        return
    clear = "\x1b[H\x1b[2J\x1b[3J" if sys.stdout.isatty() else ""
    shown = None
    try:
        while True:
            text = once()
            if text != shown:
                sys.stdout.write(f"{clear}{text}")
                sys.stdout.flush()
                shown = text
            time.sleep(WATCH_SECONDS)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def project_slugs(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete a project by the slugs of the file; nothing where it cannot be read."""
    import sqlite3
    from contextlib import closing

    from api.local.daemon_file import daemon_file
    from models.trouble import Trouble

    db = ctx.params.get("db")
    try:
        file = daemon_file(Path(db) if db else None)
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as database:
            found = database.execute("select slug from projects order by slug")
            return [slug for (slug,) in found if slug.startswith(incomplete)]
    except (Trouble, sqlite3.Error):
        return []
