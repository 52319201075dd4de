"""Say how tables were built: `meta.markers.hash_sum`, and how a materialization came about."""

from alembic import op
from sqlalchemy import BigInteger, Column, String

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the columns; of what an earlier release built, none of this is known."""
    op.add_column("markers", Column("hash_sum", String), schema="meta")
    for column in (
        Column("how", String),
        Column("touched_rows", BigInteger),
        Column("why_full", String),
    ):
        op.add_column("materializations", column, schema="meta")
