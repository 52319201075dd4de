"""What DuckDB makes of the models before there are any rows: the types of their columns."""

from collections.abc import Mapping

import duckdb

from benepass_tasks.config.errors import ModelError
from benepass_tasks.config.project import LAYERS
from benepass_tasks.engine.failures import explain
from benepass_tasks.sqlmodels.graph import ModelGraph

_VARIABLES = "set variable as_of_date = date '2000-01-01'; set variable pii_masking = true"


def bind(raw: Mapping[str, Mapping[str, str]], graph: ModelGraph) -> dict[str, dict[str, str]]:
    """Make every model as an empty table, in memory.

    Args:
        raw: The columns of the raw tables with their types.
        graph: The models.

    Returns:
        The columns of each model with their types, as DuckDB spells them.

    Raises:
        ModelError: DuckDB refuses a model or a macro.
    """
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(f"set TimeZone = 'UTC'; {_VARIABLES}")
        for layer in ("raw", *LAYERS):
            connection.execute(f"create schema {layer}")
        for relation, columns in raw.items():
            listed = ", ".join(f'"{name}" {type_}' for name, type_ in columns.items())
            connection.execute(f"create table {relation} ({listed})")
        for model in graph.models.values():
            for macro in graph.macros_of(model):
                _execute(connection, str(macro.path), macro.sql)
            sql = f"create table {model.relation} as\n{model.sql}\nwith no data"
            _execute(connection, str(model.path), sql)
        found: dict[str, dict[str, str]] = {name: {} for name in graph.models}
        for relation, column, type_ in connection.execute(
            "select schema_name || '.' || table_name, column_name, data_type "
            "from duckdb_columns() where not internal order by column_index"
        ).fetchall():
            if relation in found:
                found[relation][column] = type_
    return found


def _execute(connection: duckdb.DuckDBPyConnection, path: str, sql: str) -> None:
    try:
        connection.execute(sql)
    except duckdb.Error as error:
        # Without the cause: its text may quote a value.
        raise ModelError(f"{path}: {explain(error)}") from None
