"""Count the lines of a file that are no records: `meta.loads.passed_over`."""

from alembic import op
from sqlalchemy import BigInteger, Column

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column; a load of an earlier release passed over none."""
    op.add_column("loads", Column("passed_over", BigInteger, server_default="0"), schema="meta")
