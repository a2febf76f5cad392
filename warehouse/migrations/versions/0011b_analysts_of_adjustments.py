"""Analysts read the journal that a reconciliation shows, of their workspace alone."""

from pathlib import Path

from alembic import op

revision = "0011b"
down_revision = "0011"


def upgrade() -> None:
    """Run the SQL beside this file."""
    statements = Path(__file__).with_suffix(".sql").read_text("utf-8")
    op.get_bind().connection.cursor().execute(statements)
