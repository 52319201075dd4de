"""Keep what somebody decided about the data: `meta.decisions`."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the table."""
    op.execute(
        "create table if not exists meta.decisions (decision varchar not null, "
        "source varchar not null, file varchar, guard varchar, sha256 varchar, "
        "detail varchar not null, decided_at timestamptz not null, run_id varchar)"
    )
