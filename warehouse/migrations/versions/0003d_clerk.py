"""What Clerk tells us: users, organisations that are workspaces, and plans."""

from pathlib import Path

from alembic import op

revision = "0003d"
down_revision = "0003c"


def upgrade() -> None:
    """Run the SQL beside this file."""
    statements = Path(__file__).with_suffix(".sql").read_text("utf-8")
    op.get_bind().connection.cursor().execute(statements)
