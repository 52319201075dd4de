"""Keep what somebody decided about the data: `meta.decisions`."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the table."""
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
