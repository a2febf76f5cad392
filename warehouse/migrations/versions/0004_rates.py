"""Rates that people and operators state, and who stated them."""

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003f"


def upgrade() -> None:
    """Run the SQL beside this file."""
    statements = Path(__file__).with_suffix(".sql").read_text("utf-8")
    op.get_bind().connection.cursor().execute(statements)
