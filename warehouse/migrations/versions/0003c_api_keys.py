"""API keys: what a script may do in one workspace, for as long as it says."""

from pathlib import Path

from alembic import op

revision = "0003c"
down_revision = "0003b"


def upgrade() -> None:
    """Run the SQL beside this file."""
    statements = Path(__file__).with_suffix(".sql").read_text("utf-8")
    op.get_bind().connection.cursor().execute(statements)
