"""Count the lines of a file that are no records: `meta.loads.passed_over`."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column; a load of an earlier release passed over none."""
    op.execute("alter table meta.loads add column if not exists passed_over bigint default 0")
