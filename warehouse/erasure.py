"""Somebody or some machine is forgotten; what was spent stays to the picodollar."""

from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection
from psycopg.errors import CheckViolation

from models.trouble import Trouble

BATCH = 10_000


def erase_person(owner: Connection[Any], email: str) -> UUID:
    """Forget who somebody was; return the id that stays in the audit log.

    Their sessions and keys end at once. Raises Trouble where they are the last owner
    of a workspace: somebody else has to own it first, or it is deleted.
    """
    try:
        with owner.transaction():
            erased = owner.execute(
                """
                update app.users set
                    email = 'erased-' || user_id || '@erased.invalid',
                    subject = 'gone_' || %s
                where email = lower(%s)
                returning user_id
                """,
                [uuid4().hex, email],
            ).fetchone()
            if erased is None:
                raise Trouble(f"nobody here has the address {email}")
            (user_id,) = erased
            owner.execute("delete from app.members where user_id = %s", [user_id])
            owner.execute(
                """
                update app.api_keys set revoked_at = now()
                where created_by = %s and revoked_at is null
                """,
                [user_id],
            )
            owner.execute(
                """
                update app.invitations set
                    email = 'erased-' || invitation_id || '@erased.invalid',
                    revoked_at = coalesce(revoked_at, now())
                where email = lower(%s)
                """,
                [email],
            )
            owner.execute(
                """
                select app.append_event(
                    null, 'users.erased', 'users', %s, null, null
                )
                """,
                [str(user_id)],
            )
    except CheckViolation:
        raise Trouble(
            f"{email} is the last owner of a workspace; make somebody else one first"
        ) from None
    return user_id


def erase_machine(owner: Connection[Any], workspace_id: UUID, machine_id: UUID) -> int:
    """Forget which machine it was and where it worked; return how many rows said it.

    Its keys end; captured bodies and what could not land go. Requests stay, with
    their money.
    """
    asked = {
        "workspace_id": workspace_id,
        "machine_id": machine_id,
        "batch": BATCH,
    }
    with owner.transaction():
        erased = owner.execute(
            """
            update app.machines set hostname = 'erased', fingerprint = null
            where workspace_id = %(workspace_id)s and machine_id = %(machine_id)s
            """,
            asked,
        )
        if erased.rowcount == 0:
            raise Trouble(f"there is no machine {machine_id} in this workspace")
        owner.execute(
            """
            update app.sync_keys set revoked_at = now()
            where
                workspace_id = %(workspace_id)s
                and machine_id = %(machine_id)s
                and revoked_at is null
            """,
            asked,
        )
        owner.execute(
            """
            delete from app.pairings
            where workspace_id = %(workspace_id)s and machine_id = %(machine_id)s
            """,
            asked,
        )
        owner.execute(
            """
            delete from raw.rejected_records
            where workspace_id = %(workspace_id)s and machine_id = %(machine_id)s
            """,
            asked,
        )
        owner.execute(
            """
            delete from raw.request_bodies
            where workspace_id = %(workspace_id)s and machine_id = %(machine_id)s
            """,
            asked,
        )
        owner.execute(
            """
            select app.append_event(
                %s, 'machines.erased', 'machines', %s, null, null
            )
            """,
            [workspace_id, str(machine_id)],
        )
    rows = 0
    while count := _forget_where(owner, asked):
        rows += count
    return rows


def _forget_where(owner: Connection[Any], asked: dict[str, Any]) -> int:
    return owner.execute(
        """
        update raw.requests set source_workdir = null, source_machine = null
        where workspace_id = %(workspace_id)s and request_id in (
            select request_id from raw.requests
            where
                workspace_id = %(workspace_id)s
                and machine_id = %(machine_id)s
                and (source_workdir is not null or source_machine is not null)
            limit %(batch)s
        )
        """,
        asked,
    ).rowcount
