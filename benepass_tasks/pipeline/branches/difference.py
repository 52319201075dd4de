"""What an environment differs in from another: of a branch, what its change would do."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from sqlalchemy import Connection

from benepass_tasks.catalog import Catalog, Table
from benepass_tasks.engine.attached import place_of, within
from benepass_tasks.engine.exchange import drop_small, make_small
from benepass_tasks.engine.quoting import quote_name, quote_relation
from benepass_tasks.engine.tables import engine_of
from benepass_tasks.pipeline.past import MonthChange, by_month
from benepass_tasks.quality.data_tests.results import read_latest
from benepass_tasks.state.descriptions import Described, Descriptions, read_descriptions
from benepass_tasks.state.history.materializations import last_bytes
from benepass_tasks.state.history.read import newest_figures
from benepass_tasks.state.markers import Materialization, Snapshot, snapshot_of

K = TypeVar("K")
V = TypeVar("V")

WENT, CAME = "diff_went", "diff_came"
"""The small tables of the rows that only the other environment has, and only this one."""

PAIR = "diff_pair"
"""The small table of those of them that have the same key."""

SHOWN_KEYS = 5

SAME_ROWS = "edited, with the same rows"
"""How a table differs whose SQL alone does."""

AS_FILES_ARE = ("raw", "base")
"""The layers in which a column carries what its file has, so that nothing gets anywhere new."""

SOURCE_FIGURES = (
    *("records", "clean", "flagged", "quarantined", "rejected", "uncounted", "clean_rate"),
    *("accepted_rate", "accepted_money_rate"),
)


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two environments, as a session has it.

    Attributes:
        known: Its records.
        columns: What its columns are said to hold.
        tests: The status of each test, by what is said of it.
        figures: The figures of its sources, by source and name.
        bytes: The bytes that each table takes.
    """

    known: Snapshot
    columns: Descriptions
    tests: Mapping[str, str]
    figures: Mapping[tuple[str, str], float | None]
    bytes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ModelChange:
    """A table or view that is not built as in the other environment, or holds something else."""

    relation: str
    how: str
    seconds: float | None
    seconds_before: float | None
    bytes: int | None
    bytes_before: int | None


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """A column of which something else is said; None where there is none."""

    relation: str
    column: str
    before: Described | None
    now: Described | None

    @property
    def leak(self) -> str | None:
        """What of a person gets where it was not; None where nothing does."""
        now, before = self.now, self.before
        if now is None or not now.carries or self.relation.split(".")[0] in AS_FILES_ARE:
            return None
        if before is None or before.rank < now.rank:
            return f"newly carries {now.carries}"
        if now.is_published and not before.is_published:
            return f"is newly published, with {now.carries}"
        if before.treatment not in (None, "plaintext", now.treatment):
            return f"loses its treatment ({before.treatment}), with {now.carries}"
        return None

    @property
    def breaks(self) -> bool:
        """Whether somebody who reads what is published may miss it, or find another type."""
        is_read = self.before is not None and self.before.is_published
        return is_read and (
            self.now is None
            or not self.now.is_published
            or (self.before is not None and self.now.type != self.before.type)
        )


@dataclass(frozen=True, slots=True)
class RowChange:
    """What differs in the rows of a table.

    Attributes:
        relation: The table.
        added: Rows whose key only this environment has; without a key, rows.
        removed: The same of the other.
        changed: Rows with the same key and other values.
        columns: By column, in how many of these it differs.
        keys: Examples by `added`, `removed` and `changed`, as texts; none that are personal.
        months: Rows and money by month.
    """

    relation: str
    added: int
    removed: int
    changed: int
    columns: Mapping[str, int]
    keys: Mapping[str, Sequence[str]]
    months: Sequence[MonthChange]


@dataclass(frozen=True, slots=True)
class TestChange:
    """A test with another status than in the other environment; None where there is none."""

    test: str
    before: str | None
    now: str | None

    @property
    def breaks(self) -> bool:
        """Whether it fails now and did not before."""
        return self.now == "failed" and self.before != "failed"


@dataclass(frozen=True, slots=True)
class FigureChange:
    """A figure of a source that is another."""

    source: str
    figure: str
    before: float | None
    now: float | None


@dataclass(frozen=True)
class Comparison:
    """All that two environments differ in.

    Attributes:
        name: This environment.
        other: The other one.
        is_described: Whether the other one says what its columns hold.
        models: The tables and views that are not built alike, or hold something else.
        columns: The columns of which something else is said.
        rows: What differs in tables that both have.
        tests: The tests with another status.
        figures: The figures of sources that are others.
        gone: The published tables that this one has no more.
    """

    name: str
    other: str
    is_described: bool
    models: Sequence[ModelChange] = ()
    columns: Sequence[ColumnChange] = ()
    rows: Sequence[RowChange] = ()
    tests: Sequence[TestChange] = ()
    figures: Sequence[FigureChange] = ()
    gone: Sequence[str] = ()

    @property
    def leaks(self) -> Sequence[ColumnChange]:
        """The columns in which something of a person gets where it was not."""
        return [it for it in self.columns if it.leak]

    @property
    def verdict(self) -> str:
        """`leaking`, `breaking` or `safe`: the worst that was found."""
        if self.leaks:
            return "leaking"
        of_columns, of_tests = (it.breaks for it in self.columns), (it.breaks for it in self.tests)
        return "breaking" if self.gone or any(of_columns) or any(of_tests) else "safe"


def side_of(connection: Connection, columns: Descriptions | None = None) -> Side:
    """What is known of the environment that a session is in.

    Args:
        connection: The session.
        columns: What its columns are said to hold, where its last run has not said it.
    """
    sources = newest_figures(connection)
    return Side(
        snapshot_of(connection),
        read_descriptions(connection) if columns is None else columns,
        {f"{it.place}: {it.named}": it.status for it in read_latest(connection)},
        {(it.source, name): getattr(it, name) for it in sources for name in SOURCE_FIGURES},
        last_bytes(connection),
    )


def compare_environments(
    connection: Connection, catalog: Catalog, mine: Side, names: tuple[str, str], database: str
) -> Comparison:
    """Tell what an environment differs in from another one.

    Args:
        connection: A session that reads it, with the other one attached.
        catalog: What its tables are declared to be.
        mine: What is known of it.
        names: What it is called, and the other one.
        database: The name of the attached database of the other one.
    """
    with within(connection, database):
        theirs = side_of(connection)
    models = list(_model_changes(mine, theirs))
    differing = [it.relation for it in models if it.how != SAME_ROWS]
    compared = [it for it in differing if it in catalog.tables and _are_tables(it, mine, theirs)]
    published = {it.relation for it in theirs.columns.values() if it.is_published}
    return Comparison(
        *names,
        bool(theirs.columns),
        models,
        [
            ColumnChange(*place, before, now)
            for place, before, now in _changed(theirs.columns, mine.columns)
            if theirs.columns
        ],
        [_RowComparison(connection, catalog.tables[it], database).made(theirs) for it in compared],
        [TestChange(*it) for it in _changed(theirs.tests, mine.tests)],
        [
            FigureChange(source, figure, before, now)
            for (source, figure), before, now in _changed(theirs.figures, mine.figures)
        ],
        sorted(published - catalog.tables.keys()),
    )


def _relations(mine: Side, theirs: Side) -> list[str]:
    names = mine.known.records_of("relation") | theirs.known.records_of("relation")
    order = {name: at for at, name in enumerate(mine.known.materializations)}
    return sorted(names, key=lambda it: (order.get(it, len(order)), it))


def _model_changes(mine: Side, theirs: Side) -> Iterator[ModelChange]:
    for relation in _relations(mine, theirs):
        now, before = (it.known.materializations.get(relation) for it in (mine, theirs))
        how = _how(now, before)
        if how is not None:
            yield ModelChange(
                relation,
                how,
                now.seconds if now else None,
                before.seconds if before else None,
                mine.bytes.get(relation),
                theirs.bytes.get(relation),
            )


def _how(now: Materialization | None, before: Materialization | None) -> str | None:
    """How a table differs; None where it does not."""
    if now is None or before is None:
        return "new" if before is None else "removed"
    if now.code_version != before.code_version:
        return "edited" if now.data_hash != before.data_hash else SAME_ROWS
    return "affected" if now.data_hash != before.data_hash else None


def _are_tables(relation: str, mine: Side, theirs: Side) -> bool:
    """Whether both have a table of that name."""
    return {it.known.kind_of(relation) for it in (mine, theirs)} == {"table"}


def _changed(before: Mapping[K, V], now: Mapping[K, V]) -> Iterator[tuple[K, V | None, V | None]]:
    """What two mappings differ in: the keys, and what each has."""
    for it in dict.fromkeys((*before, *now)):
        if before.get(it) != now.get(it):
            yield it, before.get(it), now.get(it)


@dataclass(frozen=True)
class _RowComparison:
    """Compares a table in a session with that of its name in an attached database."""

    connection: Connection
    table: Table
    database: str

    def made(self, theirs: Side) -> RowChange:
        """What differs."""
        there, here = self._place, quote_relation(self.table.relation)
        went = make_small(self.connection, WENT, self._surplus(there, here))
        came = make_small(self.connection, CAME, self._surplus(here, there))
        try:
            changed, columns = self._pairs() if self._key else (0, {})
            return RowChange(
                self.table.relation,
                came - changed,
                went - changed,
                changed,
                {name: rows for name, rows in columns.items() if rows},
                self._keys() if self._may_show(theirs) else {},
                self._months(),
            )
        finally:
            drop_small(self.connection, [WENT, CAME, PAIR])

    @property
    def _place(self) -> str:
        return place_of(self.database, self.table.relation)

    @cached_property
    def _columns(self) -> Sequence[str]:
        """The columns that both have with the same type."""
        here = engine_of(self.connection).columns(self.table.relation)
        with within(self.connection, self.database):
            there = engine_of(self.connection).columns(self.table.relation)
        return [name for name, kind in here.items() if there.get(name) == kind]

    @cached_property
    def _key(self) -> Sequence[str]:
        key = self.table.key
        return key if set(key) <= set(self._columns) else ()

    def _may_show(self, theirs: Side) -> bool:
        """Whether the values of the key are nobody's, in either environment."""
        there = (theirs.columns.get((self.table.relation, it)) for it in self._key)
        is_known = all(it is not None and not it.carries for it in there)
        return bool(self._key) and set(self._key) <= self.table.impersonal and is_known

    def _surplus(self, one: str, other: str) -> str:
        names = ", ".join(map(quote_name, self._columns))
        return f"select {names} from {one} except all select {names} from {other}"  # noqa: S608

    def _pairs(self) -> tuple[int, Mapping[str, int]]:
        """How many rows have the same key on both sides, and in how many each column differs."""
        same = " and ".join(f"o.{it} is not distinct from n.{it}" for it in self._key_names)
        others = [it for it in self._columns if it not in self._key]
        differs = [f"o.{it} is distinct from n.{it} as {it}" for it in map(quote_name, others)]
        listed = ", ".join([*(f"n.{it}" for it in self._key_names), *differs])
        pairs = make_small(
            self.connection,
            PAIR,
            f"select distinct on ({', '.join(f'n.{it}' for it in self._key_names)}) {listed} "  # noqa: S608
            f"from {WENT} as o join {CAME} as n on {same}",
        )
        sums = ", ".join([f"count_if({quote_name(it)})" for it in others] or ["0"])
        (found,) = self.connection.exec_driver_sql(f"select {sums} from {PAIR}")  # noqa: S608
        return pairs, dict(zip(others, found, strict=False))

    @property
    def _key_names(self) -> Sequence[str]:
        return [quote_name(it) for it in self._key]

    def _keys(self) -> Mapping[str, Sequence[str]]:
        names = ", ".join(self._key_names)
        queries = {
            "added": f"select {names} from {CAME} anti join {PAIR} using ({names})",  # noqa: S608
            "removed": f"select {names} from {WENT} anti join {PAIR} using ({names})",  # noqa: S608
            "changed": f"select {names} from {PAIR}",  # noqa: S608
        }
        found = {}
        for what, query in queries.items():
            some = f"select distinct * from ({query}) order by all limit {SHOWN_KEYS}"  # noqa: S608
            rows = self.connection.exec_driver_sql(some)
            found[what] = [" ".join(map(str, row)) for row in rows]
        return {what: keys for what, keys in found.items() if keys}

    def _months(self) -> Sequence[MonthChange]:
        months = self.table.months
        if months is None or not {months.column, months.money or months.column} <= {*self._columns}:
            return ()
        went, came = (f"select * from {it}" for it in (WENT, CAME))  # noqa: S608
        return by_month(self.connection, self.table, went, came)
