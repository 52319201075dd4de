"""One SQL file: the tables, macros and settings it reads, and the recipe they make up.

A model is a single SELECT over tables that are written as `layer.table`. What it reads is taken
from its syntax tree; its recipe is the text without comments and layout, so that editing a comment
changes nothing.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokens import Token, TokenType

from benepass_tasks.config.digests import digest
from benepass_tasks.config.errors import ModelError
from benepass_tasks.sqlmodels.definitions import Macro, Model
from benepass_tasks.sqlmodels.syntax import tokenize, trees_of

SETTINGS = ("as_of_date", "pii_masking")
"""What SQL may read with `getvariable`: the settings that can change a table's content."""

SECRETS = ("hash_key_inner", "hash_key_outer")
"""What macros alone may read; which of them, the proof of privacy says."""

MACRO_NAME = re.compile(r"[a-z_][a-z0-9_]*")

UNREPEATABLE = frozenset(
    {
        "now",
        "today",
        "current_date",
        "current_time",
        "current_timestamp",
        "localtime",
        "localtimestamp",
        "get_current_time",
        "get_current_timestamp",
        "transaction_timestamp",
        "random",
        "uuid",
        "uuidv4",
        "uuidv7",
        "gen_random_uuid",
        "nextval",
    }
)
"""Functions whose value differs from run to run: a rerun would not arrive at the same table."""


def read_macro(root: Path, path: Path, names: frozenset[str]) -> Macro:
    """Read a file with one `create or replace macro <file name>(...) as ...`.

    Args:
        root: The project's folder.
        path: The file, below it.
        names: The names of all macros, so that calls of one are recognised.

    Raises:
        ModelError: the file does not define the macro that it is named after.
    """
    sql = _read(root, path)
    tokens = _tokens(path, sql)
    if not MACRO_NAME.fullmatch(path.stem):
        raise ModelError(f"{path}: the name of a macro has lower-case letters, digits and _ only")
    opening = [token.text.lower() for token in tokens[:6]]
    if opening != ["create", "or", "replace", "macro", path.stem, "("]:
        raise ModelError(
            f"{path}:1 must begin with: create or replace macro {path.stem}(...) as, "
            "and define a scalar macro"
        )
    if any(token.token_type is TokenType.SEMICOLON for token in tokens):
        raise ModelError(f"{path}: holds more than one statement; write one macro a file")
    calls = _calls(tokens[6:])
    _refuse_unrepeatable(path, tokens[6:], calls)
    variables = _variables(path, tokens, (*SETTINGS, *SECRETS))
    return Macro(path.stem, path, sql, _recipe(tokens), names & calls, variables)


def read_model(relation: str, root: Path, path: Path, macros: Mapping[str, Macro]) -> Model:
    """Read a file with one SELECT.

    Args:
        relation: The name the file's place gives it, `layer.table`.
        root: The project's folder.
        path: The file, below it.
        macros: All macros by name; the recipe covers those that the model reaches.

    Raises:
        ModelError: the file is no single SELECT, or reads what is no table of the catalog.
    """
    sql = _read(root, path).rstrip().rstrip(";")
    tokens = _tokens(path, sql)
    tree = _select(path, sql)
    calls = _calls(tokens)
    _refuse_unrepeatable(path, tokens, calls)
    reached = _reached(macros.keys() & calls, macros)
    used = [macros[name] for name in sorted(reached)]
    return Model(
        relation=relation,
        path=path,
        sql=sql,
        recipe=digest(_recipe(tokens), *(macro.recipe for macro in used)),
        references=_references(path, tree),
        macros=frozenset(reached),
        variables=_variables(path, tokens, SETTINGS).union(*(macro.variables for macro in used)),
    )


def _read(root: Path, path: Path) -> str:
    try:
        return (root / path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ModelError(f"{path}:{line} is not UTF-8 text: save it as UTF-8") from error


def _tokens(path: Path, sql: str) -> list[Token]:
    try:
        tokens = tokenize(sql)
    except SqlglotError as error:
        raise ModelError(f"{path}: cannot be read as SQL: {error}") from error
    while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
        tokens.pop()
    if not tokens:
        raise ModelError(f"{path}: holds no statement")
    return tokens


def _select(path: Path, sql: str) -> exp.Query:
    try:
        trees = trees_of(sql)
    except RecursionError as error:
        raise ModelError(f"{path}: is nested too deeply; write parts of it as CTEs") from error
    except SqlglotError as error:
        details = getattr(error, "errors", None) or [{}]
        line = details[0].get("line", 1)
        what = details[0].get("description") or str(error)
        raise ModelError(f"{path}:{line} cannot be parsed as DuckDB SQL: {what}") from error
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        raise ModelError(f"{path}: must hold exactly one SELECT; the table is made from it")
    if trees[0].find(exp.TableSample):
        raise ModelError(f"{path}: a sample differs from run to run; take rows by a condition")
    return trees[0]


def _recipe(tokens: Iterable[Token]) -> str:
    return digest(*(f"{token.token_type.name} {token.text}" for token in tokens))


def _calls(tokens: list[Token]) -> frozenset[str]:
    """Names that are followed by an opening parenthesis, in lower case."""
    return frozenset(
        token.text.lower()
        for token, following in pairwise(tokens)
        if following.token_type is TokenType.L_PAREN
    )


def _variables(path: Path, tokens: list[Token], known: Sequence[str]) -> frozenset[str]:
    names = set()
    for index, token in enumerate(tokens):
        if token.text.lower() != "getvariable":
            continue
        argument = tokens[index + 2] if index + 2 < len(tokens) else token
        if argument.token_type is not TokenType.STRING or argument.text not in known:
            raise ModelError(
                f"{path}:{token.line} getvariable takes the name of a setting: "
                + " or ".join(f"'{name}'" for name in SETTINGS)
            )
        names.add(argument.text)
    return frozenset(names)


def _refuse_unrepeatable(path: Path, tokens: list[Token], calls: frozenset[str]) -> None:
    bare = {"current_date", "current_timestamp", "current_time", "localtime", "localtimestamp"}
    for token in tokens:
        name = token.text.lower()
        is_used = name in calls or name in bare
        if name in UNREPEATABLE and is_used and token.token_type is not TokenType.STRING:
            raise ModelError(
                f"{path}:{token.line} {name} differs from run to run; "
                "read the date of the run with getvariable('as_of_date')"
            )


def _reached(names: Iterable[str], macros: Mapping[str, Macro]) -> set[str]:
    reached: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(macros[name].macros)
    return reached


def _references(path: Path, tree: exp.Query) -> tuple[str, ...]:
    ctes = {cte.alias_or_name.lower() for cte in tree.find_all(exp.CTE)}
    relations = set()
    for table in tree.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier):
            _refuse_function(path, table)
        elif table.catalog:
            raise ModelError(f"{path}: {table.sql('duckdb')} names a database; write layer.table")
        elif table.db:
            relations.add(f"{table.db}.{table.name}".lower())
        elif table.name.lower() not in ctes:
            raise ModelError(
                f"{path}: {table.name} is neither a CTE nor written as layer.table, "
                "for example staging.stg_transactions"
            )
    return tuple(sorted(relations))


def _refuse_function(path: Path, table: exp.Table) -> None:
    if isinstance(table.this, exp.Unnest | exp.GenerateSeries):
        return
    function = table.this
    call = function.name if isinstance(function, exp.Anonymous) else function.sql("duckdb")
    name = call.partition("(")[0].lower()
    raise ModelError(
        f"{path}: reads from {name}(...); a model reads tables of the catalog only, "
        "so that what it depends on is known"
    )
