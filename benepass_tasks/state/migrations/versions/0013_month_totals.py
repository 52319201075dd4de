"""Say of each month how many rows it has, and of which state of its table that is so."""

from alembic import op
from sqlalchemy import BigInteger, Column, String, inspect

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the columns; nothing is known of the months so far, which are added up anew.

    The table is younger than some warehouses, and made with the columns where it is missing.
    """
    if "month_totals" in inspect(op.get_bind()).get_table_names(schema="meta"):
        for column in (Column("row_count", BigInteger), Column("content", String)):
            op.add_column("month_totals", column, schema="meta")
