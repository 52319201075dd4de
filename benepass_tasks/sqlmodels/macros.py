"""The project's scalar macros: what each computes, and whether calls of it can be followed.

A call is not looked into: what a macro gives derives from all of its arguments. That is only true
of a macro that computes with nothing but them.
"""

import graphlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benepass_tasks.config.digests import digest
from benepass_tasks.config.errors import ModelError
from benepass_tasks.engine.quoting import quote_name
from benepass_tasks.sqlmodels.definitions import Macro
from benepass_tasks.sqlmodels.refusal import refusal
from benepass_tasks.sqlmodels.statements import (
    SECRETS,
    SETTINGS,
    calls_of,
    read_text,
    refuse_unrepeatable,
    variables_of,
)
from benepass_tasks.sqlmodels.syntax import Node, Reader, SqlError, bare, functions, lexemes

NAME = re.compile(r"[a-z_][a-z0-9_]*")
OPENING = ["create", "or", "replace", "macro"]

Meanings = Mapping[str, tuple[Sequence[str], Sequence[str], str]]
"""The parameters, their types and the body of each macro, in the words of DuckDB."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A macro's file, before it is known which of its AS begins the body.

    Attributes:
        path: The file.
        sql: Its text.
        bodies: What stands after each AS, where that is an expression, with another name and the
            statement that makes a macro of it under that name.
        bare: The statement without comments and layout, under another name.
    """

    path: Path
    sql: str
    bodies: Sequence[tuple[Node, str, str]]
    bare: str

    @property
    def name(self) -> str:
        """The macro's name, which is the file's."""
        return self.path.stem

    @property
    def calls(self) -> frozenset[str]:
        """The functions that it may call."""
        return frozenset[str]().union(*(calls_of(body) for body, *_ in self.bodies))

    @property
    def query_line(self) -> int | None:
        """The line of a query in it; None where there is none."""
        nodes = (node for body, *_ in self.bodies for node in body.walk())
        return next((node.line for node in nodes if node.kind == "SUBQUERY"), None)


def read_macros(
    reader: Reader, root: Path, paths: Sequence[Path], problems: list[str]
) -> dict[str, Macro]:
    """Read files with one `create or replace macro <file name>(...) as ...` each.

    Args:
        reader: Reads them; its database knows the macros afterwards.
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
    names = {path.stem for path in paths}
    calls = {name: draft.calls & names - {name} for name, draft in drafts.items()}
    try:
        order = list(graphlib.TopologicalSorter(calls).static_order())
    except graphlib.CycleError as error:
        problems.append("macros call each other in a circle: " + " -> ".join(error.args[1]))
        return {}
    made: list[Draft] = []
    for name in order:
        # What calls one that is broken is not to blame.
        if name in drafts and calls[name] <= {draft.name for draft in made}:
            try:
                _make(reader, drafts[name])
                made.append(drafts[name])
            except ModelError as error:
                problems.append(str(error))
    meanings = _meanings(reader)
    macros: dict[str, Macro] = {}
    for draft in made:
        if calls[draft.name] <= macros.keys():
            try:
                macro = _macro(draft, meanings, drafts.keys())
                _require_functions(reader, draft, meanings)
                macros[draft.name] = macro
            except ModelError as error:
                problems.append(str(error))
    return macros


def _draft(reader: Reader, root: Path, path: Path) -> Draft:
    sql, name = read_text(root, path), path.stem
    if not NAME.fullmatch(name):
        raise ModelError(f"{path}: the name of a macro has lower-case letters, digits and _ only")
    opening = lexemes(sql)[:6]
    if [it[0].lower() for it in opening] != [*OPENING, name, "("]:
        raise ModelError(
            f"{path}:1 must begin with: create or replace macro {name}(...) as, "
            "and define a scalar macro"
        )
    if name in functions() or not _is_called(reader, name):
        # DuckDB prefers the macro to its own function, and its grammar to the macro.
        raise ModelError(f"{path}:1 a macro with the name of a function, {name}; rename it")
    try:
        count = len(reader.connection.extract_statements(sql))
    except duckdb.Error as error:
        raise ModelError(refusal(path, sql, str(error))) from None
    if count > 1:
        raise ModelError(f"{path}: holds more than one statement; write one macro a file")
    bodies = list(_bodies(reader, sql, name, opening[4].end()))
    table = re.search(r"\bas\s+table\b", sql, re.IGNORECASE)
    if table and not bodies:
        line = sql[: table.end()].count("\n") + 1
        raise ModelError(f"{path}:{line} a table macro; write a model instead")
    after = bare(sql).split(" ", len(OPENING) + 1)[-1]
    return Draft(path, sql, bodies, f"{_create(f'{name} bare')} {after}")


def _is_called(reader: Reader, name: str) -> bool:
    """Whether the name before parentheses calls a function of that name, and nothing else."""
    try:
        (call,) = reader.select(f"select {name}(1)").nodes("select_list")
    except SqlError:
        return False
    return call.kind == "FUNCTION" and call.function == name


def _bodies(reader: Reader, sql: str, name: str, head: int) -> Iterator[tuple[Node, str, str]]:
    """What stands after each AS that may begin a body, with lines that are those of the file."""
    for number, start in enumerate(_ends_of_as(sql)):
        body = f"({sql[start:].rstrip().rstrip(';')}\n)"
        lines = "\n" * sql[:start].count("\n")
        try:
            query = reader.select(f"{lines}select {body}")
        except SqlError:
            continue
        expressions = query.nodes("select_list")
        if query.kind == "SELECT_NODE" and len(expressions) == 1:
            other = f"{name} {number}"
            yield expressions[0], other, f"{_create(other)}{sql[head:start]} {body}"


def _ends_of_as(sql: str) -> Iterator[int]:
    """Where each AS ends that stands in no parentheses, as that of a cast does."""
    depth = 0
    for found in lexemes(sql):
        word = found[0].lower()
        depth += (word == "(") - (word == ")")
        if word == "as" and depth == 0:
            yield found.end()


def _create(name: str) -> str:
    return f"{' '.join(OPENING)} {quote_name(name)}"


def _make(reader: Reader, draft: Draft) -> None:
    """Let DuckDB make the macro, and those that are compared with it."""
    if draft.query_line:
        raise ModelError(
            f"{draft.path}:{draft.query_line} a macro that reads a table; join the table in the "
            "model"
        )
    try:
        reader.connection.execute(draft.sql)
    except duckdb.Error as error:
        raise ModelError(refusal(draft.path, draft.sql, str(error))) from None
    for statement in (draft.bare, *(statement for *_, statement in draft.bodies)):
        try:
            reader.connection.execute(statement)
        except duckdb.Error:
            continue  # then it is not the same


def _require_functions(reader: Reader, draft: Draft, meanings: Meanings) -> None:
    """Let DuckDB look for all that a macro calls, which it may put off until the macro is called.

    Raises:
        ModelError: there is no such function.
    """
    parameters, *_ = meanings[draft.name]
    call = f"describe select {quote_name(draft.name)}({', '.join(['null'] * len(parameters))})"
    try:
        # A value of the wrong type is no matter here.
        with suppress(duckdb.BinderException):
            reader.connection.execute(call)
    except duckdb.Error as error:
        raise ModelError(refusal(draft.path, draft.sql, str(error))) from None


def _meanings(reader: Reader) -> Meanings:
    rows = reader.connection.execute(
        "select function_name, any_value(parameters), any_value(parameter_types), "
        "any_value(macro_definition) from duckdb_functions() where function_type = 'macro' "
        "and not internal group by function_name having count(*) = 1"
    ).fetchall()
    return {name: (parameters, types, body) for name, parameters, types, body in rows}


def _macro(draft: Draft, meanings: Meanings, names: Collection[str]) -> Macro:
    """The macro, whose body is what DuckDB says that it is."""
    path, name, meaning = draft.path, draft.name, meanings.get(draft.name)
    same = [body for body, other, _ in draft.bodies if meanings.get(other) == meaning]
    if meaning is None or not same:
        raise ModelError(
            f"{path}:1 no scalar macro; write create or replace macro name(...) as ..."
        )
    refuse_unrepeatable(path, same[0])
    is_same = meanings.get(f"{name} bare") == meaning
    return Macro(
        name,
        path,
        draft.sql,
        digest(bare(draft.sql) if is_same else draft.sql),
        frozenset(names) & calls_of(same[0]),
        variables_of(path, same[0], (*SETTINGS, *SECRETS)),
    )
