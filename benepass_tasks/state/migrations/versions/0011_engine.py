"""Let the history say what computed the rows of a table."""

from alembic import op
from sqlalchemy import Column, String

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the column; what was built before was built by DuckDB, and says nothing."""
    op.add_column("materializations", Column("engine", String), schema="meta")
