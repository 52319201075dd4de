"""The tables of schema `meta`, which every warehouse has from its first session on."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Connection,
    DateTime,
    Double,
    MetaData,
    String,
    Table,
    insert,
    select,
)
from sqlalchemy.schema import CreateSchema, CreateTable

METADATA = MetaData(schema="meta")

MARKERS = Table(
    "markers",
    METADATA,
    Column("name", String, primary_key=True),
    Column("recipe", String, nullable=False),
    Column("fingerprint", String, nullable=False),
    Column("content", String, nullable=False),
    Column("row_count", BigInteger),
    Column("seconds", Double, nullable=False),
    Column("run_id", String, nullable=False),
    Column("built_at", DateTime(timezone=True), nullable=False),
)

LOADS = Table(
    "loads",
    METADATA,
    Column("source", String, primary_key=True),
    Column("file", String, primary_key=True),
    Column("recipe", String, nullable=False),
    Column("sha256", String, nullable=False),
    Column("file_state", String, nullable=False),
    Column("load_id", String, nullable=False),
    Column("lines", BigInteger, nullable=False),
    Column("records", BigInteger, nullable=False),
    Column("parsed", BigInteger, nullable=False),
    Column("rejected", BigInteger, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("run_id", String, nullable=False),
    Column("loaded_at", DateTime(timezone=True), nullable=False),
)

CHECK_RESULTS = Table(
    "check_results",
    METADATA,
    Column("run_id", String, nullable=False),
    Column("relation", String, nullable=False),
    Column("column_name", String),
    Column("test", String, nullable=False),
    Column("arguments", String, nullable=False),
    Column("severity", String, nullable=False),
    Column("status", String, nullable=False),
    Column("failing_rows", BigInteger, nullable=False),
    Column("checked_rows", BigInteger, nullable=False),
    Column("sample_keys", ARRAY(String), nullable=False),
    Column("seconds", Double, nullable=False),
    Column("checked_at", DateTime(timezone=True), nullable=False),
)
"""What became of the tests of the catalog, one row per (run, test)."""

PROPERTIES = Table(
    "properties",
    METADATA,
    Column("name", String, primary_key=True),
    Column("value", String, nullable=False),
)
"""What a warehouse was made as, for good: whether its personal data is masked."""

MASKING = "pii_masking"
"""The property of the setting of that name."""


def create_tables(connection: Connection, *, pii_masking: str) -> None:
    """Create schema `meta` and what is missing of its tables.

    Args:
        connection: A session that writes.
        pii_masking: `true` or `false`, remembered unless the warehouse already has an answer.
    """
    connection.execute(CreateSchema("meta", if_not_exists=True))
    for table in METADATA.sorted_tables:
        connection.execute(CreateTable(table, if_not_exists=True))
    known = select(PROPERTIES.c.name).where(PROPERTIES.c.name == MASKING)
    if connection.execute(known).first() is None:
        connection.execute(insert(PROPERTIES), {"name": MASKING, "value": pii_masking})
