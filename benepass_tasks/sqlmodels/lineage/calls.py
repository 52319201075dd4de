"""The project's scalar macros: which there are, which mask, and whether a call can be followed.

A call is not looked into: what a macro gives derives from all of its arguments. That is only true
of a macro that computes with nothing but them.
"""

from collections.abc import Collection, Iterable
from contextlib import suppress
from functools import cache

import duckdb
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokens import TokenType

from benepass_tasks.sqlmodels import Macro
from benepass_tasks.sqlmodels.lineage.expressions import Macros
from benepass_tasks.sqlmodels.lineage.problems import Problems, UntraceableError
from benepass_tasks.sqlmodels.lineage.syntax import function_names, line_of, parse
from benepass_tasks.sqlmodels.syntax import tokenize, trees_of


def check_macros(macros: Iterable[Macro], masks: Collection[str], problems: Problems) -> Macros:
    """Check that calls of the macros can be followed.

    Args:
        macros: All macros of the project.
        masks: The names of those that are sanctioned for masking.
        problems: Where macros that cannot be followed are noted.
    """
    names = set()
    for macro in macros:
        names.add(macro.name.lower())
        try:
            _check(macro, masks=macro.name in masks)
        except UntraceableError as error:
            problems.add(macro.path, error.line, str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, its lineage is unknown
            problems.add(macro.path, 1, f"cannot be followed: {_first_line(error)}")
    return Macros(frozenset(names), frozenset(names & {mask.lower() for mask in masks}))


def _check(macro: Macro, *, masks: bool) -> None:
    _refuse_known_name(macro, masks=masks)
    tree = parse(_body(macro), ())
    query = next((it for it in tree.find_all(exp.Query, exp.Table) if it is not tree), None)
    if query is not None:
        raise UntraceableError(
            line_of(query), "a macro that reads a table", "join the table in the model"
        )


def _body(macro: Macro) -> str:
    """What stands after AS, as a SELECT whose lines are those of the file."""
    tokens = iter(tokenize(macro.sql))
    depth = 0
    for token in tokens:
        depth += _DEPTHS.get(token.token_type, 0)
        if depth == 0 and token.token_type is TokenType.ALIAS:
            break
    first = next(tokens, None)
    if first is None:
        raise UntraceableError(
            1, "no scalar macro", "write create or replace macro name(...) as ..."
        )
    if first.token_type is TokenType.TABLE:
        raise UntraceableError(first.line, "a table macro", "write a model instead")
    body = macro.sql[first.start :].rstrip().rstrip(";")
    return "\n" * (first.line - 1) + f"select ({body}\n)"


_DEPTHS = {TokenType.L_PAREN: 1, TokenType.R_PAREN: -1}


def _refuse_known_name(macro: Macro, *, masks: bool) -> None:
    """DuckDB prefers the macro to its own function of that name, the parser the function.

    A function that goes by this name alone is as good as the macro. For a mask it is not: what is
    written in another way but is the same in the tree would count as masked.
    """
    if macro.name.lower() in _functions_of_duckdb():
        raise UntraceableError(1, f"a macro with the name of a function, {macro.name}", "rename it")
    call = _call(macro.name)
    is_alike = isinstance(call, exp.Func) and macro.name.lower() in function_names(call)
    if not isinstance(call, exp.Anonymous) and (masks or not is_alike):
        raise UntraceableError(1, f"a macro with the name of a function, {macro.name}", "rename it")


@cache
def _functions_of_duckdb() -> frozenset[str]:
    """Also those that DuckDB calls for an operator, such as ~~ for LIKE."""
    with duckdb.connect() as connection:
        rows = connection.execute("select distinct function_name from duckdb_functions()")
        return frozenset(name.lower() for (name,) in rows.fetchall())


def _call(name: str) -> exp.Expr | None:
    for values in ("1", "1, 2", "1, 2, 3", ""):
        text = f"select {name}({values})"
        with suppress(SqlglotError):
            tree = trees_of(text)[0]
            return tree.selects[0] if isinstance(tree, exp.Select) else None
    return None


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
