"""A search for personal values by experiment, which sees what no parser can.

Each identifying raw column gets a token of its own in every value, the real SQL runs over a copy
of the raw tables in memory, and every column of every table is searched for the tokens, and for
what a token becomes without a key: hashes, base64, hexadecimal digits, its letters in reverse or as
codes. One where the catalog does not declare its kind as plaintext has slipped through.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_lowercase

import duckdb

from benepass_tasks.catalog import Catalog, Column, Table
from benepass_tasks.config.errors import WarehouseError
from benepass_tasks.config.project import SCHEMAS
from benepass_tasks.engine.failures import explain
from benepass_tasks.engine.quoting import quote_name, quote_relation, quote_text
from benepass_tasks.sqlmodels import ModelGraph
from benepass_tasks.sqlmodels.lineage import ColumnRef
from benepass_tasks.sqlmodels.privacy.shapes import shapes_of

MOST_ROWS = 5_000
"""Of each raw table; enough to meet every branch of the SQL, few enough to take no time."""

MARK = "qzx"
"""How each token begins; one letter follows. Short, so that a cut leaves it whole."""

FORMS = (
    "'{token}' || {column}",
    "if(contains({column}, '@'), 'x@{token}.' || {column}, {column} || '{token}')",
    "'{token}'",
    "'{token}@example.org'",
)
"""Where the token goes, one build each: before the value, between two @ (or after the value), and
in its place, plain and as an address."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A raw column's token in a column where it should not be.

    Attributes:
        column: Where it was seen.
        origin: The raw column whose values these are.
        rows: In how many rows.
        shape: What it had become, as in `SHAPES`; empty where it was itself.
    """

    column: ColumnRef
    origin: ColumnRef
    rows: int
    shape: str = ""

    def __str__(self) -> str:
        """One line for a person."""
        rows = "1 row" if self.rows == 1 else f"{self.rows:,} rows"
        shape = f" as {self.shape}" if self.shape else ""
        return f"{self.column}: values of {self.origin} are visible{shape} in {rows}"


@dataclass(frozen=True, slots=True)
class Search:
    """What was searched, and what was seen."""

    tokens: int
    columns: int
    sightings: tuple[Sighting, ...]


def search(
    warehouse: Path, catalog: Catalog, graph: ModelGraph, variables: Mapping[str, str]
) -> Search:
    """Run the real SQL over marked raw values and search every table for the marks.

    Args:
        warehouse: The file whose raw tables are copied; it is only read.
        catalog: Which raw columns are identifying, and what may be plaintext where.
        graph: The SQL.
        variables: What SQL reads with `getvariable`, as SQL literals; masking is always on.

    Raises:
        WarehouseError: there is nothing to copy, or DuckDB refuses the SQL.
    """
    if not warehouse.is_file():
        raise WarehouseError(
            f"{warehouse}: no such file, and the search needs raw tables to mark: run BuildMarts "
            "first, or name a warehouse with --benepass-warehouse"
        )
    tokens = dict(_tokens(catalog))
    tables = [catalog.tables[relation] for relation in graph.models]
    seen: dict[tuple[ColumnRef, ColumnRef], Sighting] = {}
    try:
        for form in FORMS:
            with duckdb.connect(config={"autoinstall_known_extensions": False}) as scratch:
                _prepare(scratch, {**variables, "pii_masking": "true"})
                _copy_raw(scratch, warehouse, catalog.tables.values(), tokens, form)
                _build(scratch, graph)
                shapes = _shapes(scratch, tokens, form)
                for it in _sightings(scratch, tables, catalog, shapes):
                    seen.setdefault((it.column, it.origin), it)
    except duckdb.Error as error:
        raise WarehouseError(
            f"{warehouse} could not be searched for canaries: {explain(error)}. One that is in use "
            "cannot be read; try again once no run is going on"
        ) from None
    columns = sum(len(table.columns) for table in tables)
    return Search(len(tokens), columns, tuple(seen.values()))


def _tokens(catalog: Catalog) -> Iterator[tuple[ColumnRef, str]]:
    identifying = [
        ColumnRef(table.relation, column.name)
        for table in catalog.tables.values()
        if table.layer == "raw"
        for column in table.columns.values()
        if column.pii.class_ == "identifier"
    ]
    if len(identifying) > len(ascii_lowercase):
        raise WarehouseError(
            f"the search for canaries has {len(ascii_lowercase)} marks, and there are "
            f"{len(identifying)} raw columns of class identifier"
        )
    for column, letter in zip(identifying, ascii_lowercase, strict=False):
        yield column, f"{MARK}{letter}"


def _shapes(
    scratch: duckdb.DuckDBPyConnection, tokens: Mapping[ColumnRef, str], form: str
) -> Mapping[ColumnRef, Mapping[str, str]]:
    """What each token may be seen as: an expression of RE2 for each shape, in lower case.

    Only of a token that is a part of the whole value is known what the value becomes.
    """
    if "{column}" in form:
        return {column: {"": token} for column, token in tokens.items()}
    values = {column: form.strip("'").format(token=token) for column, token in tokens.items()}
    return {
        column: {"": tokens[column], **shapes_of(scratch, (value, value.upper()))}
        for column, value in values.items()
    }


def _prepare(scratch: duckdb.DuckDBPyConnection, variables: Mapping[str, str]) -> None:
    scratch.execute("set TimeZone = 'UTC'")
    for name, value in variables.items():
        scratch.execute(f"set variable {name} = {value}")
    for layer in SCHEMAS:
        scratch.execute(f"create schema {layer}")


def _copy_raw(
    scratch: duckdb.DuckDBPyConnection,
    warehouse: Path,
    tables: Iterable[Table],
    tokens: Mapping[ColumnRef, str],
    form: str,
) -> None:
    scratch.execute(f"attach {quote_text(str(warehouse))} as original (read_only)")
    for table in tables:
        if table.layer == "raw":
            name = quote_name("raw", table.name)
            columns = ", ".join(map(quote_name, table.columns))
            scratch.execute(
                f"create table {name} as select {columns} "  # noqa: S608
                f"from original.{name} limit {MOST_ROWS}"
            )
            for column in table.columns.values():
                token = tokens.get(ColumnRef(table.relation, column.name))
                if token:
                    _mark(
                        scratch,
                        name,
                        column,
                        form.format(token=token, column=quote_name(column.name)),
                    )
    scratch.execute("detach original")


def _mark(scratch: duckdb.DuckDBPyConnection, table: str, column: Column, marked: str) -> None:
    name = quote_name(column.name)
    if column.type == "BLOB":
        marked = f"encode({marked.replace(name, f'{name}::varchar')})"
    scratch.execute(f"update {table} set {name} = {marked} where {name} is not null")  # noqa: S608


def _build(scratch: duckdb.DuckDBPyConnection, graph: ModelGraph) -> None:
    for macro in graph.macros_behind(graph.macros):
        scratch.execute(macro.sql)
    for model in graph.models.values():
        scratch.execute(f"create table {quote_relation(model.relation)} as\n{model.sql}")


def _sightings(
    scratch: duckdb.DuckDBPyConnection,
    tables: Iterable[Table],
    catalog: Catalog,
    shapes: Mapping[ColumnRef, Mapping[str, str]],
) -> Iterator[Sighting]:
    for table in tables:
        name = quote_name(table.layer, table.name)
        hidden = {
            column.name: {
                (origin, shape): pattern
                for origin, its in shapes.items()
                if not _may_show(column, catalog, origin)
                for shape, pattern in its.items()
            }
            for column in table.columns.values()
        }
        searched = [it for it, patterns in hidden.items() if patterns]
        asked = [_rows_with(it, "|".join(hidden[it].values())) for it in searched]
        found = zip(searched, _counted(scratch, asked, name), strict=True)
        for column in (it for it, rows in found if rows):
            patterns = hidden[column]
            each = _counted(scratch, [_rows_with(column, it) for it in patterns.values()], name)
            for (origin, shape), rows in zip(patterns, each, strict=True):
                if rows:
                    yield Sighting(ColumnRef(table.relation, column), origin, rows, shape)


def _rows_with(column: str, pattern: str) -> str:
    text = f"lower({quote_name(column)}::varchar)"
    return f"count(*) filter (regexp_matches({text}, {quote_text(pattern)}))"


def _counted(scratch: duckdb.DuckDBPyConnection, asked: Sequence[str], table: str) -> list[int]:
    if not asked:
        return []
    found = scratch.execute(f"select {', '.join(asked)} from {table}").fetchone()  # noqa: S608
    return [int(it) for it in found or ()]


def _may_show(column: Column, catalog: Catalog, origin: ColumnRef) -> bool:
    kind = catalog.tables[origin.relation].columns[origin.column].pii.kind
    return (column.pii.class_, column.pii.treatment, column.pii.kind) == (
        "identifier",
        "plaintext",
        kind,
    )
