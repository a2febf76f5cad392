"""Logins of analysts: read-only, of one workspace, until a day.

What a login sees hangs on its name, which it cannot change, and not on a setting,
which it could.
"""

import secrets
from datetime import datetime, timedelta
from uuid import UUID

from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier, Literal

from models.tenancy import Frozen
from models.trouble import Trouble
from warehouse.cluster import Role, conninfo
from warehouse.workspaces import workspace_of

GROUP = "hmc_analyst_login"
CONNECTIONS = 5
WHERE = ("host", "hostaddr", "port", "dbname", "sslmode")
# An open snapshot holds up the next full refresh.
LIMITS = {
    "search_path": "marts",
    "timezone": "UTC",
    "statement_timeout": "5min",
    "idle_in_transaction_session_timeout": "10min",
    "default_transaction_read_only": "on",
}


class AnalystLogin(Frozen):
    """A login, whose it is and until when; `address` connects, shown this once."""

    workspace_id: UUID
    login: str
    label: str
    expires_at: datetime
    address: str


def grant_login(owner: Connection, slug: str, label: str, days: int) -> AnalystLogin:
    """Make a login that reads the marts of one workspace.

    Raises Trouble while a mart stands that was built before logins were bound to
    workspaces.
    """
    workspace_id = workspace_of(owner, slug)
    _refuse_unbound_marts(owner)
    login, password = f"hmc_analyst_{secrets.token_hex(6)}", secrets.token_urlsafe(24)
    with owner.transaction():
        row = owner.execute(
            """
            insert into app.analyst_logins (workspace_id, login, label, expires_at)
            values (%s, %s, %s, now() + %s)
            returning expires_at
            """,
            [workspace_id, login, label, timedelta(days=days)],
        ).fetchone()
        assert row is not None  # noqa: S101  an insert that returns, returns
        name = Identifier(login)
        owner.execute(
            SQL(
                "create role {} login nosuperuser nocreatedb nocreaterole noreplication"
                " nobypassrls connection limit {} password {} valid until {}"
                " in role {}"
            ).format(
                name,
                Literal(CONNECTIONS),
                Literal(password),
                Literal(row[0].isoformat()),
                Identifier(GROUP),
            )
        )
        for setting, value in LIMITS.items():
            owner.execute(
                SQL("alter role {} set {} = {}").format(
                    name, Identifier(setting), Literal(value)
                )
            )
    at = conninfo_to_dict(conninfo(Role.OWNER))
    where = {part: str(at[part]) for part in WHERE if at.get(part) is not None}
    address = make_conninfo("", **where, user=login, password=password)
    return AnalystLogin(
        workspace_id=workspace_id,
        login=login,
        label=label,
        expires_at=row[0],
        address=address,
    )


def revoke_login(owner: Connection, login: str) -> None:
    """End a login: what is open under it sees nothing from its next statement on."""
    with owner.transaction():
        revoked = owner.execute(
            """
            update app.analyst_logins set revoked_at = now()
            where login = %s and revoked_at is null
            """,
            [login],
        )
        if revoked.rowcount == 0:
            raise Trouble(f"there is no login {login}")
        owner.execute(
            SQL("alter role {} nologin password null").format(Identifier(login))
        )


def _refuse_unbound_marts(owner: Connection) -> None:
    """Refuse a mart that a login could read more of than its workspace.

    A table is bound by a policy of its own. A view has none: it has to be read with the
    reader's rights, and every table under it has to be bound.
    """
    unbound = owner.execute(
        """
        with recursive reached as (
            select pg_class.oid from pg_class
            inner join pg_namespace on relnamespace = pg_namespace.oid
            where
                nspname = 'marts'
                and relkind in ('r', 'p', 'v', 'm')
                and has_table_privilege('hmc_analyst', pg_class.oid, 'select')
            union
            select refobjid from reached
            inner join pg_rewrite on ev_class = reached.oid
            inner join pg_depend
                on
                    classid = 'pg_rewrite'::regclass
                    and objid = pg_rewrite.oid
                    and refclassid = 'pg_class'::regclass
        )

        select nspname || '.' || relname from reached
        inner join pg_class using (oid)
        inner join pg_namespace on relnamespace = pg_namespace.oid
        where case
            when relkind = 'v'
                then not coalesce('security_invoker=true' = any(reloptions), false)
            else not exists (
                select 1 from pg_policy
                where polrelid = pg_class.oid and polname = 'login_reads_no_other'
            )
        end
        """
    ).fetchall()
    if unbound:
        raise Trouble(
            f"{unbound[0][0]} was built before logins were bound to workspaces;"
            " run `hmc rebuild --full-refresh`"
        )
