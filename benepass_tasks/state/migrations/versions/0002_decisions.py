"""Keep what somebody decided about the data: `meta.decisions`."""

from alembic import op
from sqlalchemy import Column, DateTime, String

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "decisions",
        Column("decision", String, nullable=False),
        Column("source", String, nullable=False),
        Column("file", String),
        Column("guard", String),
        Column("sha256", String),
        Column("detail", String, nullable=False),
        Column("decided_at", DateTime(timezone=True), nullable=False),
        Column("run_id", String),
        schema="meta",
    )
