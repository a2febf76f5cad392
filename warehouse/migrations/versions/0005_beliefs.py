"""What was known when: superseded requests, zones and documents in the ledger."""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0008"


def upgrade() -> None:
    """Run the SQL beside this file."""
    statements = Path(__file__).with_suffix(".sql").read_text("utf-8")
    op.get_bind().connection.cursor().execute(statements)
