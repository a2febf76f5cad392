"""What daemons in the field rely on: whose pairing a key is of."""

from pathlib import Path

from alembic import op

revision = "0008"
down_revision = "0004"


def upgrade() -> None:
    """Run the SQL beside this file."""
    statements = Path(__file__).with_suffix(".sql").read_text("utf-8")
    op.get_bind().connection.cursor().execute(statements)
