"""Whether DuckDB takes the SQL and makes of it what the catalog declares, before anything runs.

Each model is built in memory from tables without rows: DuckDB binds every name and reads no data.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import duckdb

from benepass_tasks.catalog import CONTRACTED, Declarations
from benepass_tasks.catalog.datasets import DeclaredColumn, DeclaredTable
from benepass_tasks.catalog.declared import refuse_other_columns
from benepass_tasks.catalog.header_names import ADDED
from benepass_tasks.config.digests import digest
from benepass_tasks.config.errors import ContractError, ModelError
from benepass_tasks.config.project import SCHEMAS
from benepass_tasks.engine.quoting import quote_name, quote_relation
from benepass_tasks.sqlmodels.definitions import Model
from benepass_tasks.sqlmodels.graph import CHECKS, ModelGraph
from benepass_tasks.sqlmodels.refusal import refusal

VARIABLES = {
    "as_of_date": "date '2000-01-01'",
    "pii_masking": "true",
    "hash_key_inner": "unhex('00')",
    "hash_key_outer": "unhex('00')",
}
"""Values of the right types for what SQL reads with `getvariable`."""

Types = dict[str, str]
"""The types of a table's columns, by name, as DuckDB spells them."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What DuckDB makes of the models.

    Attributes:
        types: The columns of each model with their types.
        by_origin: The same of each model and check, by the digest of what they follow from.
    """

    types: Mapping[str, Types]
    by_origin: Mapping[str, Types]


def bind(
    declared: Declarations, graph: ModelGraph, known: Mapping[str, Types] = MappingProxyType({})
) -> Bound:
    """Make every model, and of every check its failures, as tables without rows.

    Args:
        declared: The columns of the raw tables, and the types that other tables should have.
        graph: The SQL.
        known: What was bound before, by the digest of what it follows from; it is not made again.

    Raises:
        ModelError: all that DuckDB refuses, and all columns of another type than is declared, one
            a line, with file and line.
    """
    problems: list[str] = []
    found: dict[str, Types] = {}
    by_origin: dict[str, Types] = {}
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": 1,
        "autoinstall_known_extensions": False,
        "enable_external_access": False,
    }
    raw = {it.relation: _raw_types(it) for it in declared.tables.values() if it.layer == "raw"}
    with duckdb.connect(config=config) as scratch:
        _prepare(scratch, graph)
        for model in (*graph.models.values(), *graph.checks.values()):
            if graph.models.keys() & set(model.references) <= found.keys():
                read = {it: found.get(it) or raw.get(it, {}) for it in model.references}
                origin = digest(model.sql, model.code_version, repr(read))
                types, refusals = known.get(origin), list[str]()
                if types is None:
                    _make_tables(scratch, read)
                    refusals = _refusals(scratch, model)
                if not refusals:
                    bound = types or _types_of(scratch, model.relation)
                    by_origin[origin] = bound
                    table = declared.tables.get(model.relation)
                    if model.relation in graph.models:
                        found[model.relation] = bound
                        refusals = _other_types(model, table, bound) if table else []
                problems += refusals
    if problems:
        raise ModelError("\n".join(problems))
    return Bound(found, by_origin)


def _prepare(scratch: duckdb.DuckDBPyConnection, graph: ModelGraph) -> None:
    # What the optimizer would make of a plan, nobody asks.
    scratch.execute("set TimeZone = 'UTC'; set explain_output = 'all'; pragma disable_optimizer")
    for name, value in VARIABLES.items():
        scratch.execute(f"set variable {name} = {value}")
    for layer in (*SCHEMAS, CHECKS):
        scratch.execute(f"create schema {quote_name(layer)}")
    for macro in _macros(graph):
        scratch.execute(macro)


def _make_tables(scratch: duckdb.DuckDBPyConnection, tables: Mapping[str, Types]) -> None:
    """Make empty tables, unless they are there."""
    for relation, types in tables.items():
        columns = ", ".join(f"{quote_name(name)} {kind}" for name, kind in types.items())
        if columns:
            scratch.execute(f"create table if not exists {quote_relation(relation)} ({columns})")


def _raw_types(table: DeclaredTable) -> Types:
    return {it.name: _loaded_type(table, it) for it in table.columns.values()}


def _loaded_type(table: DeclaredTable, column: DeclaredColumn) -> str:
    """The type that a raw column has: files hold text, whatever is declared."""
    if table.source is not None or column.type is None:
        return ADDED.get(column.name, "VARCHAR")
    return column.type


def _macros(graph: ModelGraph) -> Iterator[str]:
    made = dict[str, None]()
    for model in (*graph.models.values(), *graph.checks.values()):
        made |= {macro.sql: None for macro in graph.macros_of(model)}
    return iter(made)


def _types_of(scratch: duckdb.DuckDBPyConnection, relation: str) -> Types:
    rows = scratch.execute(f"describe {quote_relation(relation)}").fetchall()
    return {column: type_ for column, type_, *_ in rows}


def _other_types(model: Model, table: DeclaredTable, found: Types) -> list[str]:
    """Which columns are of another type; the lineage knows the line of one too many."""
    names = found.keys() if table.layer in CONTRACTED else table.columns.keys() & found.keys()
    if names != table.columns.keys():
        return []
    try:
        refuse_other_columns(table, {name: found[name] for name in names}, str(model.path))
    except ContractError as error:
        return [str(error)]
    return []


def _refusals(scratch: duckdb.DuckDBPyConnection, model: Model) -> list[str]:
    """Make the table of a SELECT; returns what there is to be said against it."""
    try:
        scratch.execute(f"create table {quote_relation(model.relation)} as\n{model.sql}")
        ((_, plan), *_) = scratch.execute(f"explain (format json) {model.sql}").fetchall()
    except duckdb.Error as error:
        return [refusal(model.path, model.sql, str(error), ahead=1)]
    found = (CONSTANT.finditer(text) for text in _texts(json.loads(plan)))
    constants = {it.groups() for matches in found for it in matches}
    return [
        f"{model.path}:{_line_of(model, text)} '{text}' stands where a {type_} is needed, and is "
        f"none; write one, or try_cast"
        for text, type_ in sorted(constants)
        if not _fits(scratch, text, type_)
    ]


CONSTANT = re.compile(r"(?<!TRY_)CAST\('((?:[^']|'')*)' AS ([A-Z][A-Z0-9_ ]*(?:\([\d, ]+\))?)\)")
"""A text of which DuckDB's plan makes another type, with the first row that comes by."""


def _texts(plan: object) -> Iterator[str]:
    if isinstance(plan, str):
        yield plan
    elif isinstance(plan, dict | list):
        for part in plan.values() if isinstance(plan, dict) else plan:
            yield from _texts(part)


def _fits(scratch: duckdb.DuckDBPyConnection, text: str, type_: str) -> bool:
    query = f"select try_cast('{text}' as {type_}) is not null"
    return bool((scratch.execute(query).fetchone() or (False,))[0])


def _line_of(model: Model, text: str) -> int:
    return model.sql.partition(f"'{text}'")[0].count("\n") + 1
