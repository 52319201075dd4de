"""Count the lines of a file that are no records: `meta.loads.passed_over`."""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column; a load of an earlier release passed over none."""
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
