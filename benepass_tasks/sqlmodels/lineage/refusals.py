"""What the parser cannot follow, or follows wrongly: refused, with what to write instead."""

from collections.abc import Callable

from sqlglot import exp

from benepass_tasks.sqlmodels.lineage.problems import UntraceableError
from benepass_tasks.sqlmodels.lineage.syntax import arguments, function_name, line_of, text_of

UNDERSTOOD: dict[type[exp.Expr], frozenset[str]] = {
    exp.Select: frozenset(
        {
            *("with", "expressions", "distinct", "from", "joins", "where", "group", "having"),
            *("qualify", "windows", "order", "limit", "offset"),
        }
    ),
    exp.SetOperation: frozenset(
        {"with", "this", "expression", "distinct", "order", "limit", "offset"}
    ),
    exp.Subquery: frozenset({"with", "this", "alias", "joins", "order", "limit", "offset"}),
    exp.Values: frozenset({"expressions", "alias"}),
    exp.CTE: frozenset({"this", "alias", "materialized"}),
    exp.Table: frozenset({"this", "db", "alias", "joins"}),
    exp.Unnest: frozenset({"expressions", "alias"}),
    exp.Lateral: frozenset({"this", "alias"}),
    exp.Join: frozenset({"this", "on", "using", "match_condition", "method", "side", "kind"}),
}
"""The parts of a query that the walk looks at; any other may hold a column."""

JOINS = {
    "method": frozenset({"", "ASOF", "NATURAL", "POSITIONAL"}),
    "side": frozenset({"", "LEFT", "RIGHT", "FULL"}),
    "kind": frozenset({"", "INNER", "OUTER", "CROSS", "SEMI", "ANTI"}),
}

EXPLICITLY = "write the columns one by one"


def refuse_construct(node: exp.Expr) -> None:
    """Refuse a node whose meaning its tree does not tell.

    Raises:
        UntraceableError: it is one.
    """
    for kinds, refusal in _REFUSALS:
        if isinstance(node, kinds):
            found = refusal(node)
            if found is not None:
                raise UntraceableError(line_of(node), *found)


def refuse_arguments(node: exp.Expr) -> None:
    """Refuse a part of a query that the walk would pass over.

    Raises:
        UntraceableError: there is one.
    """
    understood = next((it for kind, it in UNDERSTOOD.items() if isinstance(node, kind)), None)
    if understood is None:
        raise UntraceableError(line_of(node), text_of(node), "write a SELECT")
    for name in sorted(arguments(node) - understood):
        what = f"{name.replace('_', ' ').upper()} in {text_of(node)}"
        raise UntraceableError(line_of(node), what, "write the query without it")


Refusal = tuple[str, str] | None


def _columns(_: exp.Expr) -> Refusal:
    return "COLUMNS(...)", EXPLICITLY


def _star(node: exp.Expr) -> Refusal:
    return f"a star in {text_of(node.parent or node)}", EXPLICITLY


def _column(node: exp.Expr) -> Refusal:
    return _star(node) if isinstance(node.this, exp.Star) else None


def _position(node: exp.Expr) -> Refusal:
    return f"a column by its position, #{node.name}", "write its name"


def _placeholder(node: exp.Expr) -> Refusal:
    return f"the parameter {text_of(node)}", "write the value, or getvariable('...')"


def _method(node: exp.Expr) -> Refusal:
    if isinstance(node.expression, exp.Identifier):
        return None
    name = function_name(node.expression)
    if not name:
        return _star(node.expression)
    return f"the call {text_of(node)} after a dot", f"write {name}(value)"


def _pivot(_: exp.Expr) -> Refusal:
    return "PIVOT or UNPIVOT", "aggregate with FILTER, or write a UNION ALL of the columns"


def _table(node: exp.Expr) -> Refusal:
    if node.args.get("pivots"):
        return _pivot(node)
    if isinstance(node.this, exp.Identifier | exp.GenerateSeries | exp.Unnest | exp.Table):
        return None
    name = function_name(node.this) or text_of(node.this)
    return f"the table function {name}", "read a table of the catalog"


def _by_name(node: exp.Expr) -> Refusal:
    if not node.args.get("by_name"):
        return None
    return "UNION BY NAME", "write UNION with the same columns in the same order"


def _recursive(node: exp.Expr) -> Refusal:
    if not node.args.get("recursive"):
        return None
    return "WITH RECURSIVE", "write the levels as CTEs of their own, one after the other"


def _unnest(node: exp.Expr) -> Refusal:
    if not node.expressions:
        return None
    return "UNNEST with more than a list", "unnest a list, and write a struct's fields one by one"


def _function(node: exp.Expr) -> Refusal:
    name = function_name(node)
    if name in ("query", "query_table"):
        return f"{name}(...)", "read a table of the catalog"
    return ("COLUMNS(...)", EXPLICITLY) if name == "columns" else None


def _aliases(node: exp.Expr) -> Refusal:
    return f"several names in {text_of(node)}", "give each column one"


def _join(node: exp.Expr) -> Refusal:
    for name, understood in JOINS.items():
        found = str(node.args.get(name) or "").upper()
        if found not in understood:
            return f"a {found} JOIN", "write one of the usual joins"
    return None


_REFUSALS: list[tuple[type[exp.Expr], Callable[[exp.Expr], Refusal]]] = [
    (exp.Columns, _columns),
    (exp.Star, _star),
    (exp.Column, _column),
    (exp.PositionalColumn, _position),
    (exp.Placeholder, _placeholder),
    (exp.Parameter, _placeholder),
    (exp.Dot, _method),
    (exp.Pivot, _pivot),
    (exp.Table, _table),
    (exp.SetOperation, _by_name),
    (exp.With, _recursive),
    (exp.Explode, _unnest),
    (exp.Anonymous, _function),
    (exp.Aliases, _aliases),
    (exp.Join, _join),
]
