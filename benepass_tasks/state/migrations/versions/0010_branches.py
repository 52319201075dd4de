"""Let a branch say what it has of its parent, and a warehouse what its columns are said to hold."""

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Change nothing that there is; both tables are made as any one that is missing."""
