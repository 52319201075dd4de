"""A model over two small tables: what the lineage says of it, and what DuckDB does with it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import duckdb

from benepass_tasks.catalog import Catalog, Column, Pii, Source, Table
from benepass_tasks.config.errors import ModelError
from benepass_tasks.sqlmodels import Macro, Model, ModelGraph
from benepass_tasks.sqlmodels.lineage import ColumnRef, Edge, trace
from benepass_tasks.sqlmodels.macros import read_macros
from benepass_tasks.sqlmodels.syntax import Reader, reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benepass_tasks.sqlmodels.lineage import Lineage, ModelLineage

DIRECT = ("IDENTITY", "TRANSFORMATION", "AGGREGATION")

COLUMNS = {
    "people": {
        "id": "VARCHAR",
        "first_name": "VARCHAR",
        "email": "VARCHAR",
        "boss_id": "VARCHAR",
        "tags": "VARCHAR[]",
        "card": "STRUCT(kind VARCHAR, code VARCHAR)",
    },
    "orders": {"id": "VARCHAR", "person_id": "VARCHAR", "item": "VARCHAR", "note": "VARCHAR"},
}
"""Two sources; the raw tables have the same columns."""

ROWS: dict[str, list[tuple[Any, ...]]] = {
    "people": [
        ("p1", "ann", "ann@x.org", None, ["u", "v"], {"kind": "visa", "code": "c1"}),
        ("p2", "bob", "bob@x.org", "p1", ["v"], {"kind": "visa", "code": "c2"}),
        ("p3", "cyd", "cyd@y.org", "p1", ["w", "w"], {"kind": "amex", "code": "c3"}),
    ],
    "orders": [
        ("p1", "p1", "pen", "n1"),
        ("o2", "p1", "ink", "n2"),
        ("o3", "p2", "pen", "n3"),
    ],
}

MACROS = {
    "mask_email": "create or replace macro mask_email(value) as '***' || length(value)",
    "shout": "create or replace macro shout(value) as upper(value) || '!'",
}
MASKS = {"mask_email"}


@dataclass(frozen=True)
class Case:
    """A SELECT and its lineage.

    Attributes:
        name: What is shown.
        sql: The SELECT, over raw.people and raw.orders.
        columns: For each column the edges, as `people.email TRANSFORMATION mask_email`, with
            commas between them.
        rows: The same for the rows.
    """

    name: str
    sql: str
    columns: Mapping[str, str] = field(default_factory=dict)
    rows: str = ""


def catalog() -> Catalog:
    sources = {
        name: Source(name, f"data/{name}.csv", "", "people", declared(columns))
        for name, columns in COLUMNS.items()
    }
    tables = {table.relation: table for table in map(raw, COLUMNS)}
    return Catalog(Path("catalog.yaml"), sources, tables, masks={})


def declared(columns: Mapping[str, str]) -> Mapping[str, Column]:
    return MappingProxyType(
        {name: Column(name, "", type_, "people", Pii("none")) for name, type_ in columns.items()}
    )


def raw(source: str) -> Table:
    columns = declared(COLUMNS[source] | {"_row_number": "BIGINT"})
    return Table("raw", source, "", None, "table", "people", source, columns)


def graph(*models: str | tuple[str, str], macros: Mapping[str, str] | None = None) -> ModelGraph:
    """The models, each as its SELECT or as (relation, SELECT), in that order."""
    named = [it if isinstance(it, tuple) else ("marts.x", it) for it in models]
    earlier = [relation for relation, _ in named]
    return ModelGraph(
        {relation: model(relation, sql, earlier) for relation, sql in named},
        macros_of(MACROS | dict(macros)) if macros else known_macros(),
        checks={},
    )


def model(relation: str, sql: str, earlier: Sequence[str]) -> Model:
    known = [f"raw.{name}" for name in COLUMNS] + list(earlier)
    references = tuple(name for name in known if name in sql.lower())
    path = Path(f"sql/{relation.replace('.', '/')}.sql")
    return Model(relation, path, sql, "", references, frozenset(), frozenset())


@cache
def known_macros() -> dict[str, Macro]:
    return macros_of(MACROS)


def macros_of(written: Mapping[str, str]) -> dict[str, Macro]:
    """The macros as they are read from their files; what is wrong with one is an error."""
    with TemporaryDirectory() as folder, reading() as reader:
        paths = [Path(f"sql/macros/{name}.sql") for name in written]
        (Path(folder) / "sql/macros").mkdir(parents=True)
        for path in paths:
            (Path(folder) / path).write_text(written[path.stem])
        problems: list[str] = []
        macros = read_macros(reader, Path(folder), paths, problems)
    if problems:
        raise ModelError("\n".join(problems))
    return macros


def traced(*models: str | tuple[str, str], macros: Mapping[str, str] | None = None) -> Lineage:
    return trace(graph(*models, macros=macros), catalog(), MASKS, one_reader())


@cache
def one_reader() -> Reader:
    """Reads all models of the tests: to open a database takes longer than to read one."""
    return Reader()


def lineage_of(sql: str) -> ModelLineage:
    return traced(sql).models["marts.x"]


def edges(written: str) -> frozenset[Edge]:
    """Edges from their short form."""
    return frozenset(edge(it.split()) for it in written.split(",") if it.strip())


def edge(parts: Sequence[str]) -> Edge:
    column, subtype, *masking = parts
    relation, _, name = column.rpartition(".")
    type_ = "DIRECT" if subtype in DIRECT else "INDIRECT"
    where = f"raw.{relation}" if relation in COLUMNS else relation
    return Edge(ColumnRef(where, name), type_, subtype, *masking)  # type: ignore[arg-type]


def short(found: frozenset[Edge]) -> set[str]:
    """Edges in their short form, to be compared and read."""
    return {
        " ".join(
            part for part in (str(it.origin).removeprefix("raw."), it.subtype, it.masking) if part
        )
        for it in found
    }


DATA_DO_NOT_FIT = (
    *(duckdb.InvalidInputException, duckdb.ConversionException, duckdb.OutOfRangeException),
    *(duckdb.SyntaxException, duckdb.ParserException),
)
"""What DuckDB says of values; some functions parse them."""


class Database:
    """The two tables in DuckDB, with the macros, each in many variants of which one is shown."""

    def __init__(self) -> None:
        self.connection = duckdb.connect(config={"threads": 1})
        self.connection.execute("create schema raw; create schema every")
        self.connection.execute("set variable pii_masking = true")
        for sql in MACROS.values():
            self.connection.execute(sql)
        self.variants: dict[ColumnRef, list[int]] = {}
        self._count = 0
        for name, columns in COLUMNS.items():
            self._create(name)
            for number, column in enumerate(columns):
                self.variants[ColumnRef(f"raw.{name}", column)] = [
                    self._insert(name, rows) for rows in variants(ROWS[name], number)
                ]

    def _create(self, name: str) -> None:
        listed = ", ".join(f"{it} {type_}" for it, type_ in COLUMNS[name].items())
        self.connection.execute(
            f"create table every.{name} ({listed}, _row_number bigint, variant bigint)"
        )
        self.connection.execute(
            f"create view raw.{name} as select * exclude (variant) from every.{name} "
            f"where variant = getvariable('{name}')"
        )
        self._insert(name, ROWS[name], 0)
        self.show(f"raw.{name}", 0)

    def _insert(
        self, name: str, rows: Sequence[tuple[Any, ...]], variant: int | None = None
    ) -> int:
        self._count += variant is None
        shown = self._count if variant is None else variant
        marks = ", ".join("?" * (len(COLUMNS[name]) + 2))
        self.connection.execute(
            f"insert into every.{name} values " + ", ".join([f"({marks})"] * len(rows)),
            [value for number, row in enumerate(rows) for value in (*row, number, shown)],
        )
        return shown

    def columns(self, sql: str) -> list[str]:
        return [name.lower() for name, *_ in self.connection.execute(f"describe {sql}").fetchall()]

    def show(self, relation: str, variant: int) -> None:
        self.connection.execute(f"set variable {relation.removeprefix('raw.')} = {variant}")

    def values(self, sql: str) -> list[list[str]] | None:
        """The values of each column, in an order of their own; None where the data do not fit."""
        try:
            rows = self.connection.execute(sql).fetchall()
        except DATA_DO_NOT_FIT:
            return None
        return [sorted(map(repr, column)) for column in zip(*rows, strict=True)]


def unseen(database: Database, sql: str, found: ModelLineage) -> set[str]:
    """What DuckDB shows to flow and the lineage does not know.

    One input column after the other is changed in several ways. Where its text arrives in an
    output column, the lineage must have a DIRECT edge that nothing masks; where the output column
    only changes, any edge will do, of the column or of the rows.
    """
    before = database.values(sql)
    unknown: set[str] = set()
    for origin, variants in database.variants.items():
        if _may_read(sql.lower(), origin):
            for variant in variants:
                database.show(origin.relation, variant)
                unknown.update(_unknown(found, origin, before, database.values(sql)))
            database.show(origin.relation, 0)
    return unknown


def _may_read(sql: str, origin: ColumnRef) -> bool:
    """Whether a SELECT names a column, or may mean it by a star of some kind."""
    names_all = re.search(r"\*|^from|\(from|natural", sql)
    return origin.relation in sql and (origin.column in sql or names_all is not None)


def _unknown(
    found: ModelLineage,
    origin: ColumnRef,
    before: list[list[str]] | None,
    after: list[list[str]] | None,
) -> Iterator[str]:
    if before is None or after is None:
        return
    known = {it.origin for it in found.rows}
    count = len(found.columns)
    old, new = before or [[]] * count, after or [[]] * count
    for (column, its), was, now in zip(found.columns.items(), old, new, strict=True):
        clear = {it.origin for it in its if it.type == "DIRECT" and it.masking is None}
        if origin not in clear and any("token" in value.lower() for value in now):
            yield f"{origin} arrives in {column}"
        if origin not in known | {it.origin for it in its} and was != now:
            yield f"{origin} changes {column}"


def variants(rows: list[tuple[Any, ...]], number: int) -> Iterator[list[tuple[Any, ...]]]:
    """The rows with another content in one column: tokens, one token, NULL, or turned round."""
    original = [row[number] for row in rows]
    filled = next(value for value in original if value is not None)
    for shaped in shapes(filled, ["token1", "token2", "token3"]):
        yield with_column(rows, number, shaped)
        yield with_column(rows, number, [*original[:1], *shaped[1:2], *original[2:]])
    for shaped in shapes(filled, ["token@z.org"] * 3):
        yield with_column(rows, number, shaped)
    yield with_column(rows, number, [None] * len(rows))
    yield with_column(rows, number, original[::-1])


def shapes(like: object, tokens: list[str]) -> Iterator[list[Any]]:
    """The tokens in the type that a column has."""
    if isinstance(like, list):
        yield [[token, "v"] for token in tokens]
    elif isinstance(like, dict):
        for key in like:
            yield [like | {key: token} for token in tokens]
    else:
        yield list(tokens)


def with_column(
    rows: list[tuple[Any, ...]], number: int, values: Sequence[Any]
) -> list[tuple[Any, ...]]:
    return [
        (*row[:number], value, *row[number + 1 :]) for row, value in zip(rows, values, strict=True)
    ]
