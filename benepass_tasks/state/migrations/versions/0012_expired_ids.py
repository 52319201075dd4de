"""Keep which charges are past their retention, as digests."""

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Change nothing that there is; the table is made as any one that is missing."""
