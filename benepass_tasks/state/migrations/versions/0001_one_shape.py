"""Give all warehouses from before there were versions the same tables.

Each of them has some of these tables, and none has a table that differs by more than a column. They
are all files of DuckDB, and so this is its SQL.
"""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables that are missing, and add the column that may be."""
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
