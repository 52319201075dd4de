"""Say of each node what it is: `kind` in `meta.markers` and `meta.materializations`."""

from alembic import op
from sqlalchemy import Column, String, case, column, table, update

revision = "0004"
down_revision = "0003"

KINDS = (
    ("books", "reconciliation"),
    ("contracts", "data tests"),
    ("published", "publication"),
    ("site", "site"),
)
PARTS = (("contracts/%", "tests of a table"), ("published:%", "published file"))
"""How the nodes of earlier releases were called, of which only the markers had parts."""


def upgrade() -> None:
    """Add the columns, and tell the kinds of earlier nodes by their names for the last time."""
    _add("markers", "name", PARTS)
    _add("materializations", "node", (("%/%", "source file"),))


def _add(where: str, named: str, patterns: tuple[tuple[str, str], ...]) -> None:
    op.add_column(where, Column("kind", String), schema="meta")
    name = column(named, String)
    whole = [(name == node, kind) for node, kind in KINDS]
    parts = [(name.like(pattern), kind) for pattern, kind in patterns]
    of = table(where, name, column("kind"), schema="meta")
    op.execute(update(of).values(kind=case(*whole, *parts, else_="relation")))
