"""The lineage of all models, each after what it reads, from the files' columns on."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import astuple, replace
from types import MappingProxyType

from benepass_tasks.catalog import CONTRACTED, Declarations
from benepass_tasks.catalog.datasets import TIDY, DeclaredSource, DeclaredTable
from benepass_tasks.catalog.forms import DOUBT, MISSING
from benepass_tasks.catalog.implied import AS_WRITTEN
from benepass_tasks.config.digests import digest
from benepass_tasks.config.errors import ModelError
from benepass_tasks.sqlmodels import Model, ModelGraph
from benepass_tasks.sqlmodels.lineage.edges import (
    IDENTITY,
    NO_EDGES,
    PRESENCE,
    TRANSFORMATION,
    Asks,
    ColumnRef,
    Edge,
    Edges,
    How,
    Type,
    edge_of,
)
from benepass_tasks.sqlmodels.lineage.expressions import Functions, is_positional
from benepass_tasks.sqlmodels.lineage.graph import Lineage, ModelLineage
from benepass_tasks.sqlmodels.lineage.names import Output
from benepass_tasks.sqlmodels.lineage.problems import Problems, UntraceableError
from benepass_tasks.sqlmodels.lineage.queries import Walk
from benepass_tasks.sqlmodels.syntax import Reader, SqlError, functions, reading

REJECTED = ColumnRef("raw.rejected_rows", "raw_record")
"""Holds whole records of any file, as they were written."""

VANISHED_ON = "_vanished_on"
"""Of a raw table of censuses, the day since when whoever a record is of is in none of them."""


def trace(
    graph: ModelGraph,
    catalog: Declarations,
    masks: Collection[str],
    reader: Reader | None = None,
    known: Mapping[str, ModelLineage] = MappingProxyType({}),
) -> Lineage:
    """Find out what every column of every table derives from.

    Args:
        graph: The models; their SQL is all that counts.
        catalog: The sources' columns, and the columns that each table should have.
        masks: The names of the macros of the masking policy that count: a value that passes one is
            masked, or only written in a tidier way if that is its treatment.
        reader: Reads the SQL; by default one of its own.
        known: Models that were followed before, by their origins; they are not followed again.

    Returns:
        Every raw table and every model, each after what it reads.

    Raises:
        ModelError: all that cannot be followed, one a line, with file and line and what to write
            instead. What is not known to derive from nowhere else never counts as understood.
    """
    problems = Problems()
    found = {table.relation: _raw(catalog, table) for table in _raw_tables(catalog)}
    tables = {relation: _named(relation, model.columns) for relation, model in found.items()}
    with reading(reader) as own:
        walk = Walk(tables, _functions(graph, catalog, masks))
        rules = digest(*(repr(sorted(it)) for it in astuple(walk.functions)))
        for model in graph.models.values():
            origin = "" if model.is_generated else _origin(model, rules, tables)
            traced = known.get(origin)
            if traced is None:
                traced = _model(model, own, walk, catalog, problems)
                traced = traced and replace(traced, origin=origin)
            declared = catalog.tables.get(model.relation)
            if traced is not None:
                found[model.relation] = traced
                if declared is not None:
                    _compare(traced, declared, problems)
            said = declared.columns if declared is not None else {}
            # A model that cannot be followed must not make those that read it look wrong, too.
            columns = said if traced is None else traced.columns
            tables[model.relation] = _named(model.relation, columns)
    problems.raise_any()
    return Lineage(MappingProxyType(found))


def trace_query(
    model: Model, reader: Reader, tables: Mapping[str, Collection[str]]
) -> ModelLineage:
    """Find out which columns of some tables a query derives from, one step up.

    Args:
        model: The query, which calls no macro.
        reader: Reads it.
        tables: The columns of each table that it may read.

    Raises:
        ModelError: it cannot be followed, with file and line.
    """
    problems = Problems()
    named = {relation: _named(relation, columns) for relation, columns in tables.items()}
    aggregates = (name for name, is_aggregate in functions().items() if is_aggregate)
    walk = Walk(named, Functions(frozenset(), frozenset(), frozenset(aggregates)))
    traced = _followed(model, reader, walk, problems)
    problems.raise_any()
    if traced is None:
        raise ModelError(f"{model.path}: {model.relation} cannot be followed")
    return traced


def _origin(model: Model, rules: str, tables: Mapping[str, Mapping[str, Edges]]) -> str:
    """The digest of what the lineage of a model follows from."""
    read = (repr((it, list(tables.get(it, ())))) for it in model.references)
    return digest(rules, model.relation, str(model.path), model.sql, *read)


def _functions(graph: ModelGraph, catalog: Declarations, masks: Collection[str]) -> Functions:
    macros = frozenset(graph.macros)
    aggregates = (name for name, is_aggregate in functions().items() if is_aggregate)
    known = macros & frozenset(masks)
    by_treatment = {name: it.treatment for name, it in catalog.masks.items() if name in known}
    tidying = frozenset(name for name, it in by_treatment.items() if it == TIDY)
    hashes = frozenset(name for name, it in by_treatment.items() if it == "hash")
    return Functions(macros, known - tidying, frozenset(aggregates), tidying, hashes)


def _raw_tables(catalog: Declarations) -> Iterator[DeclaredTable]:
    return (table for table in catalog.tables.values() if table.layer == "raw")


def _raw(catalog: Declarations, table: DeclaredTable) -> ModelLineage:
    source = catalog.sources[table.source] if table.source else None
    columns = {
        name: frozenset({edge_of(ColumnRef(source.name, name), IDENTITY)})
        if source is not None and name in source.columns
        else NO_EDGES
        for name in table.columns
    }
    references = tuple(source.name for source in (source,) if source is not None)
    if table.relation == REJECTED.relation and REJECTED.column in columns:
        columns[REJECTED.column] = _whole_records(catalog.sources.values(), TRANSFORMATION)
        references = tuple(catalog.sources)
    if source is not None and VANISHED_ON in columns:
        columns[VANISHED_ON] = _whole_records([source], PRESENCE)
    return ModelLineage(
        table.relation,
        catalog.path,
        references,
        MappingProxyType(columns),
        NO_EDGES,
        MappingProxyType({}),
    )


def _whole_records(sources: Iterable[DeclaredSource], how: How) -> Edges:
    return frozenset(
        edge_of(ColumnRef(source.name, name), how) for source in sources for name in source.columns
    )


def _named(relation: str, columns: Collection[str]) -> dict[str, Edges]:
    """What a column of a table stands for where it is read: itself."""
    return {name: frozenset({edge_of(ColumnRef(relation, name), IDENTITY)}) for name in columns}


def _model(
    model: Model, reader: Reader, walk: Walk, catalog: Declarations, problems: Problems
) -> ModelLineage | None:
    traced = _followed(model, reader, walk, problems)
    return _placed(traced, catalog) if traced is not None and model.is_generated else traced


def _followed(model: Model, reader: Reader, walk: Walk, problems: Problems) -> ModelLineage | None:
    try:
        walk.lines.clear()
        query = reader.select(model.sql)
        traced = _understood(model, walk.query(query, {}), walk.lines)
        return _in_places(traced) if is_positional(query) else traced
    except (UntraceableError, SqlError) as error:
        problems.add(model.path, error.line, str(error))
    except RecursionError:
        problems.add(model.path, 1, "is nested too deeply; split it into models")
    except Exception as error:  # noqa: BLE001 - whatever it is, the lineage is unknown
        what = (str(error) or type(error).__name__).splitlines()[0]
        problems.add(model.path, 1, f"cannot be followed: {what}; write it more simply")
    return None


def _understood(model: Model, output: Output, row_lines: Mapping[Edge, int]) -> ModelLineage:
    columns: dict[str, Edges] = {}
    lines: dict[str, int] = {}
    for column in output.columns:
        if column.name is None:
            raise UntraceableError(column.line, "a column without a name", "write AS and a name")
        if column.name in columns:
            raise UntraceableError(
                column.line, f"two columns {column.name}", "give each column its own name"
            )
        columns[column.name] = column.edges
        lines[column.name] = column.line
    return ModelLineage(
        model.relation,
        model.path,
        model.references,
        MappingProxyType(columns),
        output.rows,
        MappingProxyType(lines),
        MappingProxyType({it: row_lines.get(it, 1) for it in output.rows}),
    )


def _in_places(traced: ModelLineage) -> ModelLineage:
    """The lineage of a model in which it matters what decided about the order of rows."""

    def decided(edge: Edge) -> Edge:
        return replace(edge, asks="anything") if edge.asks == "place" else edge

    return replace(
        traced,
        columns=MappingProxyType(
            {name: frozenset(map(decided, edges)) for name, edges in traced.columns.items()}
        ),
        rows=frozenset(map(decided, traced.rows)),
        row_lines=MappingProxyType({decided(it): line for it, line in traced.row_lines.items()}),
        is_positional=True,
    )


_ABOUT = re.compile(f"({AS_WRITTEN}|{DOUBT}|{MISSING})$")
"""How a generated view calls what else it says of a declared column."""


def _placed(traced: ModelLineage, catalog: Declarations) -> ModelLineage:
    """A generated view's lineage, with the lines on which the catalog declares its columns."""
    traced = replace(traced, columns=MappingProxyType(dict(_read_as_written(traced, catalog))))
    if catalog.entries is None:
        return traced
    lines = {
        name: catalog.entries.line(traced.relation, "columns", _ABOUT.sub("", name))
        for name in traced.columns
    }
    return replace(traced, lines=MappingProxyType(lines))


def _read_as_written(traced: ModelLineage, catalog: Declarations) -> Iterator[tuple[str, Edges]]:
    """A generated view's columns: of a text, no more is asked than whether there is one."""
    source = next(
        (it for it in catalog.sources.values() if traced.relation == f"base.{it.name}"), None
    )
    for name, edges in traced.columns.items():
        column = source.columns.get(name) if source else None
        if column is None or column.form.holds != "text" or column.form.synonyms:
            yield name, edges
        else:
            yield (
                name,
                frozenset(replace(it, is_whole=True, asks=_PRESENT[it.type]) for it in edges),
            )


_PRESENT: Mapping[Type, Asks] = {"DIRECT": "anything", "INDIRECT": "presence"}


def _compare(traced: ModelLineage, declared: DeclaredTable, problems: Problems) -> None:
    """Where other columns are found than are declared, something was misunderstood."""
    names = {name.lower() for name in declared.columns}
    for name in traced.columns:
        if name not in names and declared.layer in CONTRACTED:
            problems.add(
                traced.path,
                traced.lines[name],
                f"gives a column {name} that {declared.relation} does not declare; "
                "declare it in catalog.yaml, or take it out",
            )
    for name in sorted(names - traced.columns.keys()):
        problems.add(
            traced.path,
            1,
            f"gives no column {name}, which {declared.relation} declares; "
            "select it, or take it out of catalog.yaml",
        )
