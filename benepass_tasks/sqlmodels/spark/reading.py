"""A model as a tree, with macros and settings written out where they are named.

Sail has no functions in SQL and no variables of a session; what is written out needs neither.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ParseError
from sqlglot.tokenizer_core import Token, TokenType

from benepass_tasks.config.errors import ModelError
from benepass_tasks.sqlmodels.definitions import Macro, Model
from benepass_tasks.sqlmodels.spark.refused import FILE, RefusedError
from benepass_tasks.sqlmodels.statements import SECRETS

CALL = "macro "
"""How the name of a macro begins here: sqlglot knows functions of other engines by their names, and
makes CURRENT_TIMESTAMP of a macro called utc_timestamp."""


@dataclass(frozen=True, slots=True)
class Written:
    """A macro as a tree: the names of what it is given, and what it is."""

    parameters: Sequence[str]
    body: exp.Expr


def read_model(model: Model, macros: Mapping[str, Macro], settings: Mapping[str, str]) -> exp.Query:
    """The SELECT of a model, with all macros and settings written out.

    Args:
        model: The model.
        macros: Those that it calls and those that these call, each after what it calls itself.
        settings: Literals by the names that `getvariable` takes, or queries for one.

    Raises:
        RefusedError: it reads what may not leave this computer.
        ModelError: sqlglot does not understand it.
    """
    written: dict[str, Written] = {}
    for macro in macros.values():
        tree = _parse(macro.sql, macro.path, macros)
        parameters = [it.name for it in tree.this.expressions]
        written[macro.name] = Written(parameters, _inlined(tree.expression, written, settings))
    tree = _inlined(_parse(model.sql, model.path, macros), written, settings)
    if not isinstance(tree, exp.Query):
        raise RefusedError(tree, "it is not a SELECT")
    return tree


def _parse(sql: str, path: Path, macros: Mapping[str, Macro]) -> exp.Expr:
    dialect = DuckDB()
    tokens = dialect.tokenize(sql)
    for name, opening in pairwise(tokens):
        if opening.token_type == TokenType.L_PAREN and name.text.lower() in macros:
            _rename(name)
    try:
        (tree,) = dialect.parser().parse(tokens, sql)
    except ParseError as error:
        found = error.errors[0]
        raise ModelError(
            f"{path}:{found['line']} cannot run on Spark: sqlglot, which reads it for Spark, stops "
            f"at {found['highlight']}; write it in other words"
        ) from None
    if tree is None:
        raise ModelError(f"{path}:1 cannot run on Spark: there is nothing in it")
    for node in tree.walk():
        node.meta[FILE] = path
    return tree


def _rename(token: Token) -> None:
    token.text = f"{CALL}{token.text.lower()}"
    token.token_type = TokenType.VAR


def _inlined(
    tree: exp.Expr, macros: Mapping[str, Written], settings: Mapping[str, str]
) -> exp.Expr:
    """A tree with bodies in the place of calls, the innermost first."""
    for node in reversed(list(tree.walk())):
        if not isinstance(node, exp.Anonymous):
            continue
        if node.name.startswith(CALL):
            new: exp.Expr = exp.Paren(this=_body(node, macros[node.name.removeprefix(CALL)]))
        elif node.name.lower() == "getvariable":
            new = _literal(node, settings)
        else:
            continue
        if node is tree:
            return new
        node.replace(new)
    return tree


def _body(call: exp.Anonymous, macro: Written) -> exp.Expr:
    given = dict(zip(macro.parameters, call.expressions, strict=True))
    own = {it.name for found in macro.body.find_all(exp.Lambda) for it in found.expressions}
    named = {it.name for value in given.values() for it in value.find_all(exp.Identifier)}
    if own & named:
        raise RefusedError(
            call,
            f"a lambda in the macro has a parameter {', '.join(own & named)}, and so has what it "
            "is given; rename one of them",
        )
    return macro.body.copy().transform(lambda node: _argument(node, given), copy=False)


def _argument(node: exp.Expr, given: Mapping[str, exp.Expr]) -> exp.Expr:
    if not isinstance(node, exp.Column) or node.table or node.name not in given:
        return node
    value = given[node.name].copy()
    return value if isinstance(value, SIMPLE) else exp.Paren(this=value)


SIMPLE = (exp.Column, exp.Literal, exp.Dot, exp.Paren, exp.Func)
"""What needs no parentheses in any place."""


def _literal(call: exp.Anonymous, settings: Mapping[str, str]) -> exp.Expr:
    name = call.expressions[0].name
    # A query for the key gives it to nobody who may not read where it is kept.
    if name in SECRETS and not settings.get(name, "").startswith("(select "):
        raise RefusedError(
            call,
            "the key of the pseudonyms would be sent to the server; call keyed_hash in what "
            "is read from the source, which is computed here",
        )
    return exp.maybe_parse(settings[name], dialect="duckdb")
