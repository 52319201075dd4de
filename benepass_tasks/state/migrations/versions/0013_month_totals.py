"""Say of each month how many rows it has, and of which state of its table that is so."""

from alembic import op
from sqlalchemy import BigInteger, Column, String

revision = "0013"
down_revision = "0012"

IS_THERE = (
    "select count(*) from information_schema.tables "
    "where table_schema = 'meta' and table_name = 'month_totals'"
)


def upgrade() -> None:
    """Add the columns; nothing is known of the months so far, which are added up anew.

    The table is younger than some warehouses, and made with the columns where it is missing.
    """
    if op.get_bind().exec_driver_sql(IS_THERE).scalar_one():
        for column in (Column("row_count", BigInteger), Column("content", String)):
            op.add_column("month_totals", column, schema="meta")
