"""The project's scalar macros: what each computes, and whether calls of it can be followed.

A call is not looked into: what a macro gives derives from all of its arguments. That is only true
of a macro that computes with nothing but them.
"""

import graphlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benepass_tasks.config.digests import digest
from benepass_tasks.config.errors import ModelError
from benepass_tasks.engine.failures import explain
from benepass_tasks.engine.session import quote_name
from benepass_tasks.sqlmodels.definitions import Macro
from benepass_tasks.sqlmodels.statements import (
    SECRETS,
    SETTINGS,
    calls_of,
    read_text,
    refuse_unrepeatable,
    variables_of,
)
from benepass_tasks.sqlmodels.syntax import Node, Reader, SqlError, bare, functions

NAME = re.compile(r"[a-z_][a-z0-9_]*")

PROBE = "the same body"
"""The name of a macro that is made to compare it with another."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A macro's file, before it is known which of its AS begins the body.

    Attributes:
        path: The file.
        sql: Its text.
        bodies: What stands after each AS, where that is an expression, by its text.
    """

    path: Path
    sql: str
    bodies: Mapping[str, Node]

    def calls(self, names: frozenset[str]) -> frozenset[str]:
        """Those of the names that it may call."""
        return names & {name for body in self.bodies.values() for name in calls_of(body)}


def read_macros(
    reader: Reader, root: Path, paths: Sequence[Path], problems: list[str]
) -> dict[str, Macro]:
    """Read files with one `create or replace macro <file name>(...) as ...` each.

    Args:
        reader: Reads them; knows the macros afterwards.
        root: The project's folder.
        paths: The files, below it.
        problems: Where files are noted that do not define the macro that they are named after, or
            one whose calls cannot be followed.

    Returns:
        The macros by name, each after those that it calls.
    """
    drafts: dict[str, Draft] = {}
    for path in paths:
        try:
            drafts[path.stem] = _draft(reader, root, path)
        except ModelError as error:
            problems.append(str(error))
    names = frozenset(drafts)
    calls = {name: draft.calls(names) - {name} for name, draft in drafts.items()}
    try:
        order = list(graphlib.TopologicalSorter(calls).static_order())
    except graphlib.CycleError as error:
        problems.append("macros call each other in a circle: " + " -> ".join(error.args[1]))
        return {}
    macros: dict[str, Macro] = {}
    for name in order:
        if calls[name] <= macros.keys():
            try:
                macros[name] = _macro(reader, name, drafts[name], names)
            except ModelError as error:
                problems.append(str(error))
    return macros


def _draft(reader: Reader, root: Path, path: Path) -> Draft:
    sql = read_text(root, path)
    if not NAME.fullmatch(path.stem):
        raise ModelError(f"{path}: the name of a macro has lower-case letters, digits and _ only")
    opening = bare(sql).lower().split()[:6]
    if opening != ["create", "or", "replace", "macro", path.stem, "("]:
        raise ModelError(
            f"{path}:1 must begin with: create or replace macro {path.stem}(...) as, "
            "and define a scalar macro"
        )
    if path.stem in functions() or not _is_called(reader, path.stem):
        # DuckDB prefers the macro to its own function, and its grammar to the macro.
        raise ModelError(f"{path}:1 a macro with the name of a function, {path.stem}; rename it")
    try:
        count = len(reader.connection.extract_statements(sql))
    except duckdb.Error as error:
        raise ModelError(f"{path}: {explain(error)}") from None
    if count > 1:
        raise ModelError(f"{path}: holds more than one statement; write one macro a file")
    bodies = dict(_bodies(reader, sql))
    table = re.search(r"\bas\s+table\b", sql, re.IGNORECASE)
    if table and not bodies:
        line = sql[: table.end()].count("\n") + 1
        raise ModelError(f"{path}:{line} a table macro; write a model instead")
    return Draft(path, sql, bodies)


def _bodies(reader: Reader, sql: str) -> Iterator[tuple[str, Node]]:
    """What stands after each AS, with lines that are those of the file."""
    for found in re.finditer(r"\bas\b", sql, re.IGNORECASE):
        body = sql[found.end() :].rstrip().rstrip(";")
        lines = "\n" * sql[: found.end()].count("\n")
        try:
            query = reader.select(f"{lines}select ({body}\n)")
        except SqlError:
            continue
        expressions = query.nodes("select_list")
        if query.kind == "SELECT_NODE" and len(expressions) == 1:
            yield body, expressions[0]


def _macro(reader: Reader, name: str, draft: Draft, names: frozenset[str]) -> Macro:
    path = draft.path
    body = _body(reader, name, draft)
    _refuse_queries(path, body)
    refuse_unrepeatable(path, body)
    return Macro(
        name,
        path,
        draft.sql,
        _recipe(reader, name, draft.sql),
        names & calls_of(body),
        variables_of(path, body, (*SETTINGS, *SECRETS)),
    )


def _is_called(reader: Reader, name: str) -> bool:
    """Whether the name before parentheses calls a function of that name, and nothing else."""
    try:
        (call,) = reader.select(f"select {name}(1)").nodes("select_list")
    except SqlError:
        return False
    return call.kind == "FUNCTION" and call.function == name


def _body(reader: Reader, name: str, draft: Draft) -> Node:
    """The body that DuckDB gives the macro: what it says of it must be the same."""
    try:
        parameters, meaning = _define(reader, name, draft.sql)
    except duckdb.Error as error:
        for body in draft.bodies.values():
            _refuse_queries(draft.path, body)
        raise ModelError(f"{draft.path}: {explain(error)}") from None
    listed = ", ".join(map(quote_name, parameters))
    for text, body in draft.bodies.items():
        head = f"create or replace macro {quote_name(PROBE)}({listed}) as "
        with suppress(duckdb.Error):
            if meaning and _define(reader, PROBE, f"{head}({text}\n)")[1] == meaning:
                return body
    raise ModelError(
        f"{draft.path}:1 no scalar macro; write create or replace macro name(...) as ..."
    )


def _define(reader: Reader, name: str, sql: str) -> tuple[tuple[str, ...], str]:
    """The parameters and the body of a macro that DuckDB makes of a statement."""
    reader.connection.execute(sql)
    rows = reader.connection.execute(
        "select parameters, macro_definition from duckdb_functions() "
        "where function_name = $name and database_name <> 'system' and function_type = 'macro'",
        {"name": name},
    ).fetchall()
    if len(rows) != 1:
        return (), ""  # a table macro, or one of several forms
    return tuple(rows[0][0]), rows[0][1]


def _recipe(reader: Reader, name: str, sql: str) -> str:
    """Digest of the statement without comments and layout, where DuckDB makes the same of it."""
    text = bare(sql)
    try:
        is_same = _define(reader, name, text) == _define(reader, name, sql)
    except duckdb.Error:
        is_same = False
    return digest(text if is_same else sql)


def _refuse_queries(path: Path, body: Node) -> None:
    query = next((it for it in body.walk() if it.kind == "SUBQUERY"), None)
    if query is not None:
        raise ModelError(
            f"{path}:{query.line} a macro that reads a table; join the table in the model"
        )
