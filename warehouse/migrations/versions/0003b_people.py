"""Invitations, slugs that are kept, workspaces that can be restored, the last owner."""

from pathlib import Path

from alembic import op

revision = "0003b"
down_revision = "0003"


def upgrade() -> None:
    """Run the SQL beside this file."""
    statements = Path(__file__).with_suffix(".sql").read_text("utf-8")
    op.get_bind().connection.cursor().execute(statements)
