"""Say how many rows of what a table reads had changed when it was built by changes."""

from alembic import op
from sqlalchemy import BigInteger, Column

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the column; of what was built so far it is not known."""
    op.add_column("materializations", Column("changed_rows", BigInteger), schema="meta")
