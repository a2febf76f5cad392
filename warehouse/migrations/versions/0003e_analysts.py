"""Logins of analysts: each reads the marts of one workspace."""

from pathlib import Path

from alembic import op

revision = "0003e"
down_revision = "0003d"


def upgrade() -> None:
    """Run the SQL beside this file."""
    statements = Path(__file__).with_suffix(".sql").read_text("utf-8")
    op.get_bind().connection.cursor().execute(statements)
