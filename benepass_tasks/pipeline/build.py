"""Building a table or view from its SQL."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from benepass_tasks.catalog import Table
from benepass_tasks.catalog.declared import refuse_other_columns
from benepass_tasks.config.errors import ModelError
from benepass_tasks.engine.failures import explain
from benepass_tasks.engine.measure import Measure, Profiling
from benepass_tasks.engine.tables import engine_of
from benepass_tasks.sqlmodels import Macro, Model


def build_model(
    connection: Connection,
    model: Model,
    macros: Sequence[Macro],
    table: Table,
    present: str | None,
) -> Measure | None:
    """Make a model's table or view in place of what there is under its name.

    Args:
        connection: A session in a transaction.
        model: The SQL.
        macros: The macros it needs, each after those that it calls itself.
        table: What the catalog declares it to be.
        present: What the warehouse has under its name: table, view or None.

    Returns:
        What came out; None of a view, which holds nothing itself.

    Raises:
        ModelError: DuckDB refuses the SQL; the message names the file.
        ContractError: the columns are not those that the catalog declares.
    """
    engine = engine_of(connection)
    for macro in macros:
        with _explained(macro.path):
            engine.define(macro.sql)
    with _explained(model.path):
        engine.create(model.relation, table.materialized, model.sql, present)
    columns = engine.columns(model.relation)
    refuse_other_columns(table, columns, str(model.path))
    if table.materialized == "view":
        return None
    return engine.measure(model.relation, columns, Profiling.of(table, columns))


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        # Without the cause: its text may quote a value of the data.
        raise ModelError(f"{path}: {explain(error)}") from None
