"""Building a table or view together with the marker that vouches for it."""

import time
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from benepass_tasks.catalog import Table
from benepass_tasks.errors import ModelError
from benepass_tasks.models import Model, ModelGraph
from benepass_tasks.plan import Status
from benepass_tasks.warehouse import Marker, Warehouse
from benepass_tasks.warehouse.failures import explain
from benepass_tasks.warehouse.markers import write_marker
from benepass_tasks.warehouse.measure import Measure, measure_table
from benepass_tasks.warehouse.session import quote_name


def build_model(
    warehouse: Warehouse, graph: ModelGraph, model: Model, table: Table, status: Status
) -> Marker:
    """Make the model's table or view and its marker, in one transaction.

    Args:
        warehouse: Where it is made.
        graph: All models, for the macros.
        model: What is made.
        table: What the catalog declares it to be.
        status: Its fingerprint from the plan, computed from inputs that are up to date.

    Returns:
        The marker that was written.

    Raises:
        ModelError: DuckDB refuses the SQL; the message names the file.
    """
    if status.fingerprint is None:
        raise ModelError(f"{model.relation}: an input is not up to date")
    started = time.perf_counter()
    with warehouse.write() as connection:
        _create(connection, graph, model, table)
        if table.materialized == "view":
            measure = Measure(None, status.fingerprint)
        else:
            measure = measure_table(connection, model.relation)
        marker = Marker.of_this_run(
            model.relation, status.recipe, status.fingerprint, measure, started
        )
        write_marker(connection, marker)
    return marker


def _create(connection: Connection, graph: ModelGraph, model: Model, table: Table) -> None:
    layer, _, name = model.relation.partition(".")
    relation = quote_name(layer, name)
    connection.exec_driver_sql(f"create schema if not exists {quote_name(layer)}")
    _drop_other_kind(connection, relation, layer, name, table.materialized)
    for macro in graph.macros_of(model):
        _execute(connection, macro.path, macro.sql)
    _execute(
        connection,
        model.path,
        f"create or replace {table.materialized} {relation} as\n{model.sql}",
    )


def _execute(connection: Connection, path: Path, sql: str) -> None:
    try:
        connection.exec_driver_sql(sql)
    except DBAPIError as error:
        # Without the cause: its text may quote a value of the data.
        raise ModelError(f"{path}: {explain(error)}") from None


def _drop_other_kind(
    connection: Connection, relation: str, layer: str, name: str, kind: str
) -> None:
    other = "view" if kind == "table" else "table"
    found = connection.exec_driver_sql(
        f"select 1 from duckdb_{other}s() where database_name = current_database() "  # noqa: S608
        f"and schema_name = ? and {other}_name = ?",
        (layer, name),
    ).first()
    if found:
        connection.exec_driver_sql(f"drop {other} {relation}")
