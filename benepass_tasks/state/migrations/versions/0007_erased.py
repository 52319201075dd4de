"""Count the records of a file that are left out since their people are erased."""

from alembic import op
from sqlalchemy import BigInteger, Column

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the count; nobody was erased so far."""
    op.add_column("loads", Column("erased", BigInteger, server_default="0"), schema="meta")
