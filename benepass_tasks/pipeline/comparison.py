"""Comparing a table with a full build of it, row by row and by its digest."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from benepass_tasks.catalog import Table
from benepass_tasks.engine.exchange import surplus
from benepass_tasks.engine.quoting import quote_name
from benepass_tasks.engine.tables import engine_of
from benepass_tasks.state.verifications import Verdict

if TYPE_CHECKING:
    from benepass_tasks.pipeline.nodes.model import ModelNode

FULL = "verified"
"""The small table that a full build goes to."""

SHOWN_KEYS = 5


def compare(connection: Connection, node: "ModelNode", data_hash: str) -> Verdict:
    """Compare a table with a full build of it.

    Args:
        connection: A session that may write.
        node: The table.
        data_hash: What its record says.
    """
    engine, relation = engine_of(connection), node.name
    for macro in node.upkeep.macros(node.model):
        engine.define(macro.name, macro.sql)
    engine.make_small(FULL, node.model.sql)
    try:
        columns = engine.columns(relation)
        more, less = surplus(relation, FULL, columns), surplus(FULL, relation, columns)
        measure = engine.measure(FULL, columns)
        return Verdict(
            relation,
            measure.row_count or 0,
            _count(connection, more),
            _count(connection, less),
            measure.data_hash == data_hash,
            tuple(_keys(connection, node.table, f"({more}) union all ({less})")),
        )
    finally:
        engine.drop_small([FULL])


def _count(connection: Connection, query: str) -> int:
    counted = f"select count(*) from ({query})"  # noqa: S608
    return int(connection.exec_driver_sql(counted).scalar_one())


def _keys(connection: Connection, table: Table, rows: str) -> Iterator[str]:
    key = table.key
    if not key or not set(key) <= set(table.impersonal):
        return
    names = ", ".join(map(quote_name, key))
    query = f"select distinct {names} from ({rows}) order by all limit {SHOWN_KEYS}"  # noqa: S608
    for row in connection.exec_driver_sql(query):
        yield " ".join(map(str, row))
