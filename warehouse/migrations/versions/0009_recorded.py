"""Daemon totals by an index: what a machine recorded in some days."""

from pathlib import Path

from alembic import op

revision = "0009"
down_revision = "0010"


def upgrade() -> None:
    """Run the SQL beside this file."""
    statements = Path(__file__).with_suffix(".sql").read_text("utf-8")
    op.get_bind().connection.cursor().execute(statements)
