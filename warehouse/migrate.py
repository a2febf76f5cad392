"""Bring the schemas `app` and `raw` to the version that this code knows."""

from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from models.trouble import Trouble
from warehouse.cluster import Role, composed, connect, sqlalchemy_url

ROLES = Path(__file__).with_name("roles.sql").read_text("utf-8")
MIGRATING = 7_201  # any number; advisory locks of this product start with 72


class SchemaUnknown(Trouble):
    """The database was migrated by another version of this software."""


def migrate() -> str:
    """Create the roles and apply what is missing; return the version reached."""
    with connect(Role.OWNER) as owner:
        owner.execute("select pg_advisory_lock(%s)", [MIGRATING])
        owner.execute(composed(ROLES))
        command.upgrade(_configuration(), "head")
    return newest()


def newest() -> str:
    """Return the version that this code knows."""
    head = ScriptDirectory.from_config(_configuration()).get_current_head()
    assert head is not None  # noqa: S101  the first migration is part of the code
    return head


def current(owner: psycopg.Connection) -> str | None:
    """Return the version that the database is at, None before the first migration."""
    if owner.execute("select to_regclass('public.alembic_version')").fetchone() == (
        None,
    ):
        return None
    found = owner.execute("select version_num from public.alembic_version").fetchone()
    return found[0] if found else None


def _configuration() -> Config:
    configuration = Config()
    here = Path(__file__).parent / "migrations"
    configuration.set_main_option("script_location", str(here))
    url = sqlalchemy_url(Role.OWNER).replace("%", "%%")
    configuration.set_main_option("sqlalchemy.url", url)
    return configuration


def require_current() -> None:
    """Raise SchemaUnknown unless the database is at the version of this code."""
    with connect(Role.OWNER) as owner:
        found = current(owner)
    if found is None:
        raise SchemaUnknown("the database is empty; run `hmc migrate` (or `hmc up`)")
    if found != newest():
        raise SchemaUnknown(
            f"the database is at schema {found}, this version knows {newest()};"
            " run `hmc migrate`, or the version that wrote it"
        )
