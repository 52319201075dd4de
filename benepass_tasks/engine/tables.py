"""What is done with tables in an open session, whatever engine they live in.

Queries over the tables are the same for all engines and go through the session itself.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from sqlalchemy import Connection

from benepass_tasks.config.digests import digest
from benepass_tasks.engine.exchange import (
    differing,
    drop_small,
    exchange,
    make_small,
    net,
)
from benepass_tasks.engine.key_hashes import stored_hashes, with_hashes
from benepass_tasks.engine.measure import (
    NOTHING_ELSE,
    Measure,
    Profiling,
    Tally,
    Touched,
    columns_of,
    is_number,
    measure_table,
)
from benepass_tasks.engine.profiling import measure_touched
from benepass_tasks.engine.quoting import quote_name, quote_relation, quote_text
from benepass_tasks.engine.session import seen_in

Kind = Literal["table", "view"]


class Engine(Protocol):
    """Where tables live. Relations are `layer.table`; SQL that is refused raises DBAPIError."""

    def relations(self) -> dict[str, Kind]:
        """What there is, by relation."""

    def columns(self, relation: str) -> dict[str, str]:
        """The columns of a table or view with their types, in its order."""

    def columns_of_query(self, query: str) -> dict[str, str]:
        """The columns that a query returns with their types."""

    def value_of(self, query: str) -> str:
        """The value that a query returns: a literal of a number or a time, a digest of another."""

    def define(self, name: str, macro: str) -> None:
        """Make a macro, for the queries of this session and the views of the warehouse."""

    def define_here(self, macro: str) -> None:
        """Make a macro for this session alone, which may be one that only reads."""

    def name(self, name: str, query: str) -> None:
        """Give a query a name, for the queries of this session."""

    def hold(self, name: str, query: str) -> None:
        """Keep what a query returns, for the queries of this session."""

    def create(
        self,
        relation: str,
        kind: str,
        select: str,
        present: str | None,
        hashed: Collection[str] = (),
    ) -> None:
        """Make a table or view of a query, in place of the `present` kind that has its name.

        Rows of the table can be looked up by the hashes of its `hashed` columns of text.
        """

    def hashes(self, relation: str) -> dict[str, str]:
        """The columns by whose hashes rows of a table can be looked up, with the names of these."""

    def create_brief(self, relation: str, query: str) -> int:
        """Make a table of a query that is dropped before long; returns its rows."""

    def extend(self, relation: str, columns: Mapping[str, str]) -> None:
        """Make an empty table of columns with types, or add those that one lacks."""

    def drop(self, relation: str, kind: str) -> None:
        """Remove a table or view."""

    def set_aside(self, relation: str) -> str:
        """Give a table another name, so that one can be made in its place; returns the name."""

    def measure(
        self,
        relation: str,
        columns: Mapping[str, str],
        profiling: Profiling = NOTHING_ELSE,
        known: Tally | None = None,
    ) -> Measure:
        """Count and digest the rows of a table over some columns, and profile what is asked for."""

    def measure_touched(
        self, relation: str, profiling: Profiling, before: Measure, touched: Touched
    ) -> Measure:
        """Measure a table from what it was before some rows came and went."""

    def make_small(self, name: str, query: str) -> int:
        """Make a table of a query for this session alone; returns its rows."""

    def drop_small(self, names: Iterable[str]) -> None:
        """Drop tables of this session alone."""

    def differing(self, went: str, came: str, columns: Iterable[str]) -> str:
        """A query of the rows that one query has more often than another, with their signs."""

    def net(self, name: str, tables: Sequence[str], columns: Iterable[str]) -> str | None:
        """The table of what does not cancel out in some columns of signed tables, if anything."""

    def exchange(self, relation: str, columns: Mapping[str, str], old: str, new: str) -> Touched:
        """Turn some rows of a table into others, and touch only those that differ.

        Args:
            relation: The table.
            columns: Its columns.
            old: A query of the rows that are to go, with their row ids first.
            new: A query of those that take their place.
        """

    def sizes(self, relations: Iterable[str]) -> dict[str, int]:
        """The bytes that each committed table takes; the sum may exceed what all take together."""


LITERAL = "cast("
"""How the literal of a value begins, and no digest does."""


def engine_of(session: Connection) -> Engine:
    """The engine of a session: DuckDB, in the file of the warehouse."""
    return _DuckDB(session)


@dataclass(frozen=True, slots=True)
class _DuckDB:
    connection: Connection

    def relations(self) -> dict[str, Kind]:
        rows = self.connection.exec_driver_sql(
            "select schema_name || '.' || table_name, 'table' from duckdb_tables() "
            "where database_name = current_database() "
            "union all "
            "select schema_name || '.' || view_name, 'view' from duckdb_views() "
            "where database_name = current_database() and not internal"
        )
        return {relation: kind for relation, kind in rows}  # noqa: C416 - no pairs to mypy

    def columns(self, relation: str) -> dict[str, str]:
        return columns_of(self.connection, relation)

    def columns_of_query(self, query: str) -> dict[str, str]:
        described = self.connection.exec_driver_sql(f"describe {query}")
        return {column: kind for column, kind, *_ in described}

    def value_of(self, query: str) -> str:
        (row,) = self.connection.exec_driver_sql(
            f"select typeof(value), cast(value as varchar) from ({query}) as it(value)"  # noqa: S608
        )
        kind, text = row
        if not is_number(kind) and kind not in ("DATE", "TIMESTAMP", "BOOLEAN"):
            return digest(kind, repr(text))
        return f"{LITERAL}{'null' if text is None else quote_text(text)} as {kind})"

    def define(self, name: str, macro: str) -> None:
        defined = seen_in(self.connection).setdefault("macros", {})
        if defined.get(name) != macro:
            self.connection.exec_driver_sql(macro)
            defined[name] = macro

    def define_here(self, macro: str) -> None:
        opening = re.compile(r"create or replace macro ", re.IGNORECASE)
        self.connection.exec_driver_sql(
            opening.sub("create or replace temp macro ", macro, count=1)
        )

    def name(self, name: str, query: str) -> None:
        self.connection.exec_driver_sql(
            f"create or replace temp view {quote_name(name)} as\n{query}"
        )

    def hold(self, name: str, query: str) -> None:
        self.connection.exec_driver_sql(
            f"create or replace temp table {quote_name(name)} as\n{query}"
        )

    def create(
        self,
        relation: str,
        kind: str,
        select: str,
        present: str | None,
        hashed: Collection[str] = (),
    ) -> None:
        self._make_layer(relation)
        if hashed:
            select = with_hashes(select, hashed)
        if present not in (None, kind):
            self.drop(relation, str(present))
        self.connection.exec_driver_sql(
            f"create or replace {kind} {quote_relation(relation)} as\n{select}"
        )

    def hashes(self, relation: str) -> dict[str, str]:
        return stored_hashes(self.connection, relation)

    def create_brief(self, relation: str, query: str) -> int:
        self._make_layer(relation)
        # To compress its rows takes as long as all else, and reading them is no faster for it.
        described = (
            f"{quote_name(name)} {kind} using compression uncompressed"
            for name, kind in self.columns_of_query(query).items()
        )
        table = quote_relation(relation)
        self.connection.exec_driver_sql(f"create table {table} ({', '.join(described)})")
        return self.connection.exec_driver_sql(f"insert into {table}\n{query}").rowcount

    def extend(self, relation: str, columns: Mapping[str, str]) -> None:
        self._make_layer(relation)
        described = {name: f"{quote_name(name)} {kind}" for name, kind in columns.items()}
        table = quote_relation(relation)
        self.connection.exec_driver_sql(
            f"create table if not exists {table} ({', '.join(described.values())})"
        )
        present = self.columns(relation)
        for name, column in described.items():
            if name not in present:
                self.connection.exec_driver_sql(f"alter table {table} add column {column}")

    def drop(self, relation: str, kind: str) -> None:
        self.connection.exec_driver_sql(f"drop {kind} {quote_relation(relation)}")

    def set_aside(self, relation: str) -> str:
        layer, _, table = relation.partition(".")
        aside = f"{table}__before"
        self.connection.exec_driver_sql(
            f"alter table {quote_relation(relation)} rename to {quote_name(aside)}"
        )
        return f"{layer}.{aside}"

    def measure(
        self,
        relation: str,
        columns: Mapping[str, str],
        profiling: Profiling = NOTHING_ELSE,
        known: Tally | None = None,
    ) -> Measure:
        return measure_table(self.connection, relation, columns, profiling, known)

    def measure_touched(
        self, relation: str, profiling: Profiling, before: Measure, touched: Touched
    ) -> Measure:
        return measure_touched(self.connection, relation, profiling, before, touched)

    def make_small(self, name: str, query: str) -> int:
        return make_small(self.connection, name, query)

    def drop_small(self, names: Iterable[str]) -> None:
        drop_small(self.connection, names)

    def differing(self, went: str, came: str, columns: Iterable[str]) -> str:
        return differing(went, came, columns)

    def net(self, name: str, tables: Sequence[str], columns: Iterable[str]) -> str | None:
        return net(self.connection, name, tables, columns)

    def exchange(self, relation: str, columns: Mapping[str, str], old: str, new: str) -> Touched:
        return exchange(self.connection, relation, columns, old, new)

    def sizes(self, relations: Iterable[str]) -> dict[str, int]:
        # Counted in blocks, which small tables share.
        asked = [
            f"select {quote_text(relation)}, count(distinct block_id) "  # noqa: S608
            f"from pragma_storage_info({quote_text(relation)}) where persistent"
            for relation in relations
        ]
        if not asked:
            return {}
        block = self.connection.exec_driver_sql(
            "select block_size from pragma_database_size() where database_name = current_database()"
        ).scalar_one()
        found = self.connection.exec_driver_sql("\nunion all ".join(asked))
        return {relation: blocks * block for relation, blocks in found}

    def _make_layer(self, relation: str) -> None:
        layer, _, _ = relation.partition(".")
        made = seen_in(self.connection).setdefault("layers", set())
        if layer not in made:
            self.connection.exec_driver_sql(f"create schema if not exists {quote_name(layer)}")
            made.add(layer)
