"""What an operator does to workspaces from the command line, as owner."""

import re
from uuid import UUID, uuid4

from psycopg import Connection
from psycopg.errors import UniqueViolation

from models.pairing import typed
from models.plans import Role, Tier
from models.tenancy import Frozen, MachineId, Sender, WorkspaceId
from models.trouble import Trouble

SLUG = r"^[a-z0-9][a-z0-9-]{0,62}$"


class CreatedWorkspace(Frozen):
    """A workspace and its first owner."""

    workspace_id: UUID
    slug: str
    name: str
    tier: Tier
    owner: str


def create_workspace(
    owner: Connection, name: str, tier: Tier, email: str, slug: str | None = None
) -> CreatedWorkspace:
    """Create a workspace with its first owner; Trouble when the slug is taken."""
    slug = slug or slug_of(name)
    if not re.fullmatch(SLUG, slug):
        raise Trouble(f"{slug!r} is no slug: lower-case letters, digits and dashes")
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", email):
        raise Trouble(f"{email!r} is no e-mail address")
    try:
        with owner.transaction():
            (workspace_id,) = owner.execute(
                """
                insert into app.workspaces (slug, name, tier) values (%s, %s, %s)
                returning workspace_id
                """,
                [slug, name, tier],
            ).fetchone() or (None,)
            user_id = user_of(owner, email)
            owner.execute(
                """
                insert into app.members (workspace_id, user_id, role)
                values (%s, %s, %s)
                """,
                [workspace_id, user_id, Role.OWNER],
            )
    except UniqueViolation:
        raise Trouble(f"there is a workspace {slug} already; choose --slug") from None
    return CreatedWorkspace.model_validate(
        {
            "workspace_id": workspace_id,
            "slug": slug,
            "name": name,
            "tier": tier,
            "owner": email.lower(),
        }
    )


def slug_of(name: str) -> str:
    """Make a slug of a name; empty when nothing in it can stand in one."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63]


def choose_tier(owner: Connection, slug: str, tier: Tier) -> None:
    """Put a workspace on another plan, from the next request on."""
    changed = owner.execute(
        "update app.workspaces set tier = %s where slug = %s and deleted_at is null",
        [tier, slug],
    )
    if changed.rowcount == 0:
        raise Trouble(f"there is no workspace {slug}")


def restore_workspace(owner: Connection, slug: str) -> None:
    """Bring a deleted workspace back that was not purged yet."""
    restored = owner.execute(
        """
        update app.workspaces set deleted_at = null
        where slug = %s and deleted_at is not null
        """,
        [slug],
    )
    if restored.rowcount == 0:
        raise Trouble(f"no deleted workspace {slug} waits to be restored")


def user_of(owner: Connection, email: str) -> UUID:
    """Return the user with an e-mail address, made known if need be."""
    (user_id,) = owner.execute(
        """
        insert into app.users (email, subject) values (lower(%s), %s)
        on conflict (email) do update set email = excluded.email
        returning user_id
        """,
        [email, f"local_{uuid4().hex}"],
    ).fetchone() or (None,)
    assert isinstance(user_id, UUID)  # noqa: S101  an insert that returns, returns
    return user_id


def subject_of(owner: Connection, email: str) -> str:
    """Return what sessions call a user; Trouble when nobody has that address."""
    found = owner.execute(
        "select subject from app.users where email = lower(%s)", [email]
    ).fetchone()
    if found is None:
        raise Trouble(f"nobody here has the address {email}")
    return str(found[0])


def workspace_of(owner: Connection, slug: str) -> WorkspaceId:
    """Return the workspace of a slug; Trouble when there is none."""
    found = owner.execute(
        """
        select workspace_id from app.workspaces
        where slug = %s and deleted_at is null
        """,
        [slug],
    ).fetchone()
    if found is None:
        raise Trouble(f"there is no workspace {slug}")
    return WorkspaceId(found[0])


def approve_pairing(owner: Connection, code: str, slug: str) -> str:
    """Approve a pairing into a workspace as operator; return the hostname."""
    workspace_id = workspace_of(owner, slug)
    decided = owner.execute(
        """
        update app.pairings set
            status = 'approved', workspace_id = %s, decided_at = now()
        where pairing_code = %s and status = 'pending' and now() < expires_at
        returning hostname
        """,
        [workspace_id, typed(code)],
    ).fetchone()
    if decided is None:
        raise Trouble(f"no pairing waits under the code {code}: wrong, expired or done")
    return str(decided[0])


def machine_named(owner: Connection, slug: str, hostname: str) -> Sender:
    """Return the machine of a hostname, made known if there is none.

    Trouble when several have it: which one the rows belong to is not to be guessed.
    """
    workspace_id = workspace_of(owner, slug)
    found = owner.execute(
        "select machine_id from app.machines where workspace_id = %s and hostname = %s",
        [workspace_id, hostname],
    ).fetchall()
    if len(found) > 1:
        raise Trouble(f"{len(found)} machines of {slug} are named {hostname}")
    if not found:
        found = owner.execute(
            """
            insert into app.machines (workspace_id, hostname, platform, daemon_version)
            values (%s, %s, 'file', 'unknown')
            returning machine_id
            """,
            [workspace_id, hostname],
        ).fetchall()
    return Sender(workspace_id=workspace_id, machine_id=MachineId(found[0][0]))
