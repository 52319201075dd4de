"""The clauses that decide which rows there are: conditions, groups, orders and limits."""

from collections.abc import Iterable, Iterator, Sequence

from sqlglot import exp

from benepass_tasks.sqlmodels.lineage.edges import (
    GROUP_BY,
    NO_EDGES,
    SORT,
    Edge,
    Edges,
    How,
    followed_by,
)
from benepass_tasks.sqlmodels.lineage.names import OutputColumn
from benepass_tasks.sqlmodels.lineage.place import Place, Walker
from benepass_tasks.sqlmodels.lineage.syntax import part

KEY_LISTS = (exp.Ordered, exp.Tuple, exp.Paren, exp.Rollup, exp.Cube, exp.GroupingSets)
"""What groups the keys of a clause."""


def influence(walk: Walker, node: exp.Expr | None, how: How, place: Place) -> Edges:
    """What an expression decides about the rows, all of it in the given way; none without one."""
    return NO_EDGES if node is None else followed_by(walk.edges(node, place), how)


def groups(
    walk: Walker, node: exp.Select, columns: tuple[OutputColumn, ...], place: Place
) -> Edges:
    """What GROUP BY groups by; `columns` are the SELECT's, which ALL and numbers mean."""
    group = part(node, "group")
    if group is None:
        return NO_EDGES
    keys: list[exp.Expr | OutputColumn] = list(_keys(group, columns))
    if group.args.get("all"):
        keys += [column for column in columns if column.is_key]
    return _decided(walk, keys, GROUP_BY, place)


def distinct(
    walk: Walker, node: exp.Select, columns: tuple[OutputColumn, ...], place: Place
) -> Edges:
    """What DISTINCT, perhaps ON something, tells rows apart by."""
    distinct = part(node, "distinct")
    if distinct is None:
        return NO_EDGES
    on = part(distinct, "on")
    return _decided(walk, columns if on is None else _keys(on, columns), GROUP_BY, place)


def sorts(walk: Walker, node: exp.Expr, columns: tuple[OutputColumn, ...], place: Place) -> Edges:
    """What ORDER BY sorts by; with a limit, or in a list, the order decides what is left."""
    order = part(node, "order")
    if order is None:
        return NO_EDGES
    if any(isinstance(it.this, exp.Var) for it in order.expressions):
        return _decided(walk, columns, SORT, place)
    return _decided(walk, _keys(order, columns), SORT, place)


def _decided(
    walk: Walker, keys: Iterable[exp.Expr | OutputColumn], how: How, place: Place
) -> Edges:
    found: set[Edge] = set()
    for key in keys:
        edges = key.edges if isinstance(key, OutputColumn) else walk.edges(key, place)
        found |= followed_by(edges, how)
    return frozenset(found)


def _keys(node: exp.Expr, columns: Sequence[OutputColumn]) -> Iterator[exp.Expr | OutputColumn]:
    """The parts of GROUP BY, ORDER BY or ON; a number means that column of the SELECT."""
    for key in node.iter_expressions():
        if isinstance(key, KEY_LISTS):
            yield from _keys(key, columns)
        elif not (isinstance(key, exp.Literal) and key.is_int):
            yield key
        elif 0 < int(key.name) <= len(columns):
            yield columns[int(key.name) - 1]
