"""What an expression does with the values in it: the steps from each part of it to the whole."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from sqlglot import exp

from benepass_tasks.sqlmodels.lineage.edges import (
    AGGREGATION,
    CONDITIONAL,
    COUNT,
    FILTER,
    IDENTITY,
    SORT,
    TRANSFORMATION,
    WINDOW,
    How,
)
from benepass_tasks.sqlmodels.lineage.syntax import function_name, function_names, part, parts

Steps = Iterator[tuple[exp.Expr, How]]

PREDICATES = (
    exp.EQ,
    exp.NEQ,
    exp.GT,
    exp.GTE,
    exp.LT,
    exp.LTE,
    exp.NullSafeEQ,
    exp.NullSafeNEQ,
    exp.Is,
    exp.Like,
    exp.ILike,
    exp.Glob,
    exp.SimilarTo,
    exp.RegexpLike,
    exp.RegexpILike,
    exp.RegexpFullMatch,
    exp.In,
    exp.Between,
    exp.Exists,
    exp.StartsWith,
    exp.EndsWith,
    exp.Contains,
)
"""What answers yes or no about its operands, and passes none of them on."""

PREDICATE_NAMES = frozenset({"prefix", "suffix", "ends_with", "starts_with"})

AGGREGATE_NAMES = frozenset(
    {
        "arbitrary",
        "bitstring_agg",
        "combine_aggr",
        "decimal_average",
        "entropy",
        "favg",
        "fsum",
        "geometric_mean",
        "histogram",
        "histogram_exact",
        "kahan_sum",
        "kurtosis_pop",
        "listagg",
        "lttb",
        "mad",
        "mean",
        "product",
        "reservoir_quantile",
        "sem",
        "sum_no_overflow",
        "sumkahan",
        "variant_group_object",
    }
)
"""Aggregate functions of DuckDB that the parser takes for any function."""

ARG_NAMES = frozenset({"arg_max_null", "arg_min_null", "arg_max_nulls_last", "arg_min_nulls_last"})
"""The relatives of arg_max that the parser takes for any function."""

TRANSPARENT = (exp.Alias, exp.Paren, exp.IgnoreNulls, exp.RespectNulls, exp.Subquery)
"""What leaves its value as it is."""

OF_ANOTHER_ROW = (exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue, exp.NthValue)
"""Window functions that pass the value of one row on."""


@dataclass(frozen=True, slots=True)
class Macros:
    """The project's scalar macros by name, and which of them mask."""

    names: frozenset[str]
    masks: frozenset[str]


def steps(node: exp.Expr, macros: Macros, windows: Mapping[str, exp.Expr]) -> Steps:
    """The parts of an expression, each with what happens to its value in the whole.

    Args:
        node: The expression, no column and no query.
        macros: Calls of them are not looked into.
        windows: The SELECT's named windows.

    Yields:
        Every part that holds a value, once or more often.
    """
    name = function_name(node)
    if isinstance(node, exp.Func) and macros.names & function_names(node):
        # The parser may know the macro's name as a function of another database. A mask's name
        # must be its own (see calls.py): two functions can look alike in the tree.
        masking = name if name in macros.masks else None
        yield from _all(node, How("DIRECT", "TRANSFORMATION", masking))
    elif isinstance(node, exp.Window):
        yield from _window(node, windows)
    elif type(node) in _RULES:
        yield from _RULES[type(node)](node)
    else:
        yield from _call(node, name)


def _call(node: exp.Expr, name: str) -> Steps:
    if isinstance(node, PREDICATES) or name in PREDICATE_NAMES:
        return _all(node, CONDITIONAL)
    if isinstance(node, TRANSPARENT):
        return _only(node, "this", IDENTITY)
    if isinstance(node, OF_ANOTHER_ROW):
        return _all(node, TRANSFORMATION)
    if name in ARG_NAMES:
        return _arg(node)
    is_aggregate = isinstance(node, exp.AggFunc) or name in AGGREGATE_NAMES
    return _all(node, AGGREGATION if is_aggregate else TRANSFORMATION)


def _all(node: exp.Expr, how: How) -> Steps:
    is_named = isinstance(node, exp.Anonymous)  # its name may be a node, which is no argument
    return (
        (child, how)
        for child in node.iter_expressions()
        if not isinstance(child, exp.DataType) and not (is_named and child.arg_key == "this")
    )


def _only(node: exp.Expr, name: str, how: How) -> Steps:
    """One part, without a name that stands beside it, such as an alias."""
    found = part(node, name)
    if found is not None:
        yield found, how


def _if(node: exp.Expr) -> Steps:
    yield from _only(node, "this", CONDITIONAL)
    yield from _only(node, "true", TRANSFORMATION)
    yield from _only(node, "false", TRANSFORMATION)


def _case(node: exp.Expr) -> Steps:
    yield from _only(node, "this", CONDITIONAL)
    for branch in parts(node, "ifs"):
        yield branch, TRANSFORMATION
    yield from _only(node, "default", TRANSFORMATION)


def _nullif(node: exp.Expr) -> Steps:
    yield from _only(node, "this", TRANSFORMATION)
    yield from _only(node, "this", CONDITIONAL)
    yield from _only(node, "expression", CONDITIONAL)


def _filter(node: exp.Expr) -> Steps:
    yield from _only(node, "this", IDENTITY)
    yield from _only(node, "expression", FILTER)


def _order(node: exp.Expr) -> Steps:
    yield from _only(node, "this", IDENTITY)
    for key in parts(node, "expressions"):
        yield key, SORT


def _within_group(node: exp.Expr) -> Steps:
    # quantile_cont(0.5) within group (order by x): what is ordered is the value.
    yield from _only(node, "this", IDENTITY)
    order = part(node, "expression")
    if order is not None:
        yield from _all(order, AGGREGATION)


def _distinct(node: exp.Expr) -> Steps:
    return _all(node, IDENTITY)


def _count(node: exp.Expr) -> Steps:
    # A star counts rows, whatever is in them.
    return (found for found in _all(node, COUNT) if not isinstance(found[0], exp.Star))


def _arg(node: exp.Expr) -> Steps:
    value, *others = node.iter_expressions()
    yield value, AGGREGATION
    for other in others:
        yield other, SORT


def _property(node: exp.Expr) -> Steps:
    # `name := value`, or the key of a map, which is a value too.
    key = part(node, "this")
    if key is not None and not isinstance(key, exp.Identifier):
        yield key, TRANSFORMATION
    yield from _only(node, "expression", TRANSFORMATION)


def _field(node: exp.Expr) -> Steps:
    yield from _only(node, "this", TRANSFORMATION)


def _window(node: exp.Expr, windows: Mapping[str, exp.Expr]) -> Steps:
    yield from _only(node, "this", IDENTITY)
    frame: exp.Expr | None = node
    seen: set[str] = set()
    while frame is not None:
        for child in (*parts(frame, "partition_by"), part(frame, "order"), part(frame, "spec")):
            if child is not None:
                yield child, WINDOW
        name = frame.text("alias").lower()
        frame = None if name in seen else windows.get(name)
        seen.add(name)


_RULES: dict[type[exp.Expr], Callable[[exp.Expr], Steps]] = {
    exp.If: _if,
    exp.Case: _case,
    exp.Nullif: _nullif,
    exp.Filter: _filter,
    exp.Order: _order,
    exp.WithinGroup: _within_group,
    exp.Distinct: _distinct,
    exp.Count: _count,
    exp.CountIf: _count,
    exp.ApproxDistinct: _count,
    exp.ArgMax: _arg,
    exp.ArgMin: _arg,
    exp.PropertyEQ: _property,
    exp.Dot: _field,
}
