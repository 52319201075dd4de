"""Say of each profile how many rows were touched since its distinct values were estimated."""

from alembic import op
from sqlalchemy import BigInteger, Column

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column; all profiles so far were taken of whole tables."""
    op.add_column(
        "column_profiles",
        Column("touched_rows", BigInteger, server_default="0"),
        schema="meta",
    )
