"""How long a workspace keeps its data, where it says so itself."""

from pathlib import Path

from alembic import op

revision = "0003f"
down_revision = "0003e"


def upgrade() -> None:
    """Run the SQL beside this file."""
    statements = Path(__file__).with_suffix(".sql").read_text("utf-8")
    op.get_bind().connection.cursor().execute(statements)
