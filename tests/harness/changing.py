"""Models over tables that change: kept up to date by their changes, and built in full beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benepass_tasks.engine import key_hashes
from benepass_tasks.engine.dialect import create_memory_engine
from benepass_tasks.engine.exchange import (
    drop_small,
    exchange,
    make_small,
    net,
    put_in,
)
from benepass_tasks.engine.measure import signed, tally
from benepass_tasks.engine.quoting import quote_name
from benepass_tasks.engine.tables import engine_of
from benepass_tasks.sqlmodels.changes import Basis, ByChanges, InFull, Maintenance, Storage
from benepass_tasks.sqlmodels.graph import ModelGraph
from benepass_tasks.sqlmodels.statements import make_model
from benepass_tasks.sqlmodels.syntax import Reader

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy import Connection

READER = Reader()


def connected() -> Connection:
    connection = create_memory_engine({"threads": 1}).connect()
    for layer in ("raw", "marts", "changes"):
        connection.exec_driver_sql(f"create schema {layer}")
    return connection


def graph_of(models: Mapping[str, str]) -> ModelGraph:
    """A graph of models, each after those that it reads."""
    made = {
        name: make_model(READER, name, Path(f"{name}.sql"), sql, {}) for name, sql in models.items()
    }
    return ModelGraph(made, {}, {})


class DiffersError(AssertionError):
    """A table is not what a full build of it is."""


@dataclass
class Changing:
    """Some tables and a model over them.

    Attributes:
        connection: Where they are.
        tables: The columns with their types of each table.
        models: The SQL of the views, and last that of the model.
        keys: The keys to try first.
        settings: Those that the models read, as literals.
        is_hashed: Whether rows are looked up by stored hashes of texts.
    """

    connection: Connection
    tables: Mapping[str, Mapping[str, str]]
    models: Mapping[str, str]
    keys: Sequence[tuple[str, ...]] = ()
    settings: dict[str, str] = field(default_factory=dict)
    is_hashed: bool = False
    maintenance: Maintenance = field(init=False)

    def __post_init__(self) -> None:
        *views, self.model = self.models
        columns = {name: list(it) for name, it in self.tables.items()}
        self.maintenance = Maintenance(graph_of(self.models), frozenset(views), columns, READER)
        self.move()
        for view in views:
            self.run(f"create or replace view {view} as {self.models[view]}")
        self.run(f"create or replace table {self.model} as {self.models[self.model]}")
        self.columns = engine_of(self.connection).columns(self.model)
        if self.is_hashed:
            model = self.maintenance.graph.models[self.model]
            starred = self.maintenance.look_ups(model, self.keys).starred
            for table in (self.model, *self.tables):
                if starred is not None and table not in starred:
                    self._store_hashes(table)
        self.tally = tally(self.connection, self.model, self.columns)
        self.figures = self._told()

    def _store_hashes(self, table: str) -> None:
        """Store the hash of each column of text in a table."""
        engine, rows = engine_of(self.connection), f"select * from {table}"
        texts = [name for name, kind in engine.columns(table).items() if kind == "VARCHAR"]
        self.run(f"create or replace table {table} as {key_hashes.with_hashes(rows, texts)}")

    def move(self, **settings: str) -> None:
        """Give settings other values, as literals."""
        self.moved = {name: self.settings[name] for name in settings}
        self.settings |= settings
        for name, literal in self.settings.items():
            self.run(f"set variable {name} = {literal}")

    def _told(self) -> dict[str, str]:
        """What each figure of the model is now."""
        figures = self.maintenance.figures(self.maintenance.graph.models[self.model])
        engine = engine_of(self.connection)
        return {name: engine.value_of(sql) for name, sql in figures.items()}

    def run(self, sql: str) -> list[tuple[object, ...]]:
        found = self.connection.exec_driver_sql(sql)
        return [tuple(row) for row in found] if found.returns_rows else []

    def touch(self, relation: str, gone: str, come: str) -> str:
        """Exchange rows of a table, by a condition and a SELECT; returns the table of them all."""
        columns, touched = self.tables[relation], f"changes.{relation.replace('.', '_')}"
        self.run(f"create or replace temp table come as {come}")
        went = f"select {', '.join(columns)} from {relation} where {gone}"
        self.run(f"create or replace table {touched} as {signed(went, 'from come')}")
        self.run(f"delete from {relation} where {gone}")
        put_in(self.connection, relation, columns, "come")
        return touched

    def plan(self, touched: Mapping[str, str], small: Collection[str] = ()) -> ByChanges | InFull:
        model = self.maintenance.graph.models[self.model]
        needed = self.maintenance.needed(model)
        differing = {
            it: net(self.connection, f"net_{it.replace('.', '_')}", [table], needed.get(it, ()))
            for it, table in touched.items()
        }
        told = self._told()
        moved = {it: then for it, then in self.figures.items() if told[it] != then}
        basis = Basis(self.moved | moved, told)
        read = {it: table for it, table in differing.items() if table}
        engine = engine_of(self.connection)
        hashes = {it: engine.hashes(it) for it in (self.model, *self.tables)}
        storage = Storage(small, hashes, self.columns)
        return self.maintenance.plan(model, self.keys, read, storage, basis)

    def refresh(self, plan: ByChanges) -> str | None:
        """Bring the model up to date; returns why that is not to be had by its changes."""
        connection = self.connection
        for step in (*plan.finding, *plan.computing):
            rows = make_small(connection, step.name, step.sql)
            if rows and step.must_be_empty:
                return step.must_be_empty
        done = exchange(connection, self.model, self.columns, plan.old, plan.new)
        self.tally, self.figures = self.tally - done.gone + done.come, self._told()
        drop_small(connection, [it.name for it in (*plan.finding, *plan.computing)])
        return None

    def compare(self) -> None:
        """Raise where the model is not what a full build of it is, in rows or in its digest."""
        sql, table = self.models[self.model], self.model
        rows = f"select {', '.join(map(quote_name, self.columns))} from {table}"
        more = self.run(f"{rows} except all ({sql})")
        less = self.run(f"select * from ({sql}) except all {rows}")
        if more or less:
            raise DiffersError(f"too much: {more[:3]}, missing: {less[:3]}")
        whole = tally(self.connection, table, self.columns)
        if whole != self.tally:
            raise DiffersError(f"the digest is {self.tally}, not {whole}")
        for text, stored in engine_of(self.connection).hashes(table).items():
            hashed = key_hashes.hash_of_text(quote_name(text))
            wrong = f"{quote_name(stored)} is distinct from {hashed}"
            if self.run(f"from {table} where {wrong}"):
                raise DiffersError(f"a stored hash is not that of its {text}")
