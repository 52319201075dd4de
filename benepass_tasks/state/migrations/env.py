"""Runs the revisions on the connection that `upgrade` was given."""

from alembic import context
from alembic.ddl.impl import DefaultImpl


class DuckDBImpl(DefaultImpl):
    """Tells Alembic of DuckDB, which not every release of duckdb-sqlalchemy does."""

    __dialect__ = "duckdb"
    transactional_ddl = True


context.configure(
    connection=context.config.attributes["connection"],
    version_table_schema="meta",
)
with context.begin_transaction():
    context.run_migrations()
