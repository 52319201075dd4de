"""Count the records that are not kept since they are past their retention."""

from alembic import op
from sqlalchemy import BigInteger, Column

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the count; nothing was past a retention so far."""
    op.add_column("loads", Column("expired", BigInteger, server_default="0"), schema="meta")
