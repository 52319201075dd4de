"""Building a table or view together with the record that vouches for it."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from benepass_tasks.catalog import Table
from benepass_tasks.catalog.declared import refuse_other_columns
from benepass_tasks.config.errors import ModelError
from benepass_tasks.engine.failures import explain
from benepass_tasks.engine.measure import Measure, Profiling
from benepass_tasks.engine.session import Warehouse
from benepass_tasks.engine.tables import engine_of
from benepass_tasks.sqlmodels import Macro, Model
from benepass_tasks.state.history.materializations import record_built
from benepass_tasks.state.markers import Materialization, write_materialization
from benepass_tasks.state.plan import Status


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be built.

    Attributes:
        model: The SQL.
        macros: The macros it needs, each after those that it calls itself.
        table: What the catalog declares it to be.
        status: Its fingerprint from the plan, computed from inputs that are up to date.
        present: What the warehouse has under its name: table, view or None.
    """

    model: Model
    macros: Sequence[Macro]
    table: Table
    status: Status
    present: str | None


def build_model(warehouse: Warehouse, order: Order) -> Materialization:
    """Make the model's table or view and its record, in one transaction.

    Args:
        warehouse: Where it is made.
        order: What is made.

    Returns:
        The record that was written.

    Raises:
        ModelError: DuckDB refuses the SQL; the message names the file.
        ContractError: the columns are not those that the catalog declares. What was there before
            stays.
    """
    model, status = order.model, order.status
    if status.fingerprint is None:
        raise ModelError(f"{model.relation}: an input is not up to date")
    started = time.perf_counter()
    with warehouse.write() as connection:
        _create(connection, order)
        engine = engine_of(connection)
        columns = engine.columns(model.relation)
        refuse_other_columns(order.table, columns, str(model.path))
        if order.table.materialized == "view":
            measure = Measure(None, status.fingerprint)
        else:
            profiling = Profiling.of(order.table, columns)
            measure = engine.measure(model.relation, columns, profiling)
        record = Materialization.of_this_run(
            model.relation, status.code_version, status.fingerprint, measure, started
        )
        write_materialization(connection, record)
        record_built(connection, record, status.reason, measure.profiles)
    return record


def _create(connection: Connection, order: Order) -> None:
    engine, model = engine_of(connection), order.model
    for macro in order.macros:
        with _explained(macro.path):
            engine.define(macro.sql)
    with _explained(model.path):
        engine.create(model.relation, order.table.materialized, model.sql, order.present)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        # Without the cause: its text may quote a value of the data.
        raise ModelError(f"{path}: {explain(error)}") from None
