"""Comparing tables with full builds of them, row by row and by their digests."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from benepass_tasks.catalog import Table
from benepass_tasks.engine.quoting import quote_name, quote_relation
from benepass_tasks.engine.tables import engine_of
from benepass_tasks.pipeline.making import make
from benepass_tasks.pipeline.nodes.model import ModelNode
from benepass_tasks.state.markers import forget_materializations
from benepass_tasks.state.run import Run

FULL = "verified"
"""The small table that a full build goes to."""

SHOWN_KEYS = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of comparing a table with a full build of it.

    Attributes:
        relation: The table.
        rows: The rows of the full build.
        surplus: How many rows of the table are not in it.
        missing: How many of its rows are not in the table.
        is_digest_right: Whether the record of the table has the digest of the full build.
        keys: The keys of some of these rows; never personal ones.
    """

    relation: str
    rows: int
    surplus: int
    missing: int
    is_digest_right: bool
    keys: tuple[str, ...] = ()

    @property
    def is_right(self) -> bool:
        """Whether the table is what a full build makes."""
        return not self.surplus and not self.missing and self.is_digest_right

    def __str__(self) -> str:
        """For people."""
        if self.is_right:
            return f"{self.rows:,} rows, as in a full build"
        if not self.surplus and not self.missing:
            return f"{self.rows:,} rows, as in a full build, but another digest"
        where = f", such as {', '.join(self.keys)}" if self.keys else ""
        return f"{self.surplus:,} rows too many, {self.missing:,} missing{where}"


def tables_to_verify(run: Run, wanted: Sequence[str]) -> list[ModelNode]:
    """The tables of the project that are up to date, each after those that it reads.

    Args:
        run: The run that verifies.
        wanted: Those that are asked for; none for all of them.
    """
    plan, nodes = run.plan(), run.nodes()
    return [
        node
        for name, status in plan.items()
        if isinstance(node := nodes.get(name), ModelNode)
        and node.table.materialized == "table"
        and status.is_current
        and (not wanted or name in wanted)
    ]


def verify(run: Run, node: ModelNode) -> Verdict:
    """Compare a table with a full build of it, which takes its place where they differ.

    Only then it is a run that the history knows. What is made of the table follows in the next.

    Raises:
        BenepassError: the full build fails; the table stays as it is.
    """
    with run.warehouse.exclusive():
        record = run.known().materializations[node.name]
        with run.warehouse.write() as connection:
            verdict = compare(connection, node, record.data_hash)
            if not verdict.is_right:
                forget_materializations(connection, [node.name])
        run.remember(None)
    if not verdict.is_right:
        run.asked.add(node.name)
        make(run, node.name)
    return verdict


def compare(connection: Connection, node: ModelNode, data_hash: str) -> Verdict:
    """Compare a table with a full build of it.

    Args:
        connection: A session that may write.
        node: The table.
        data_hash: What its record says.
    """
    engine, relation = engine_of(connection), node.name
    for macro in node.upkeep.macros(node.model):
        engine.define(macro.sql)
    engine.make_small(FULL, node.model.sql)
    try:
        columns = engine.columns(relation)
        table, names = quote_relation(relation), ", ".join(map(quote_name, columns))
        surplus = f"select {names} from {table} except all select {names} from {FULL}"  # noqa: S608
        missing = f"select {names} from {FULL} except all select {names} from {table}"  # noqa: S608
        measure = engine.measure(FULL, columns)
        return Verdict(
            relation,
            measure.row_count or 0,
            _count(connection, surplus),
            _count(connection, missing),
            measure.data_hash == data_hash,
            tuple(_keys(connection, node.table, f"({surplus}) union all ({missing})")),
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
