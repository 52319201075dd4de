"""The clauses that decide which rows there are: conditions, groups, orders and limits."""

from collections.abc import Iterable, Iterator, Sequence

from benepass_tasks.sqlmodels.lineage.edges import (
    FILTER,
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
from benepass_tasks.sqlmodels.lineage.refusals import refuse
from benepass_tasks.sqlmodels.syntax import Node

Columns = Sequence[OutputColumn]
"""The columns of a SELECT, which ALL and numbers mean."""


def influence(walk: Walker, node: Node | None, how: How, place: Place) -> Edges:
    """What an expression decides about the rows, all of it in the given way; none without one."""
    return NO_EDGES if node is None else followed_by(walk.edges(node, place), how)


def groups(walk: Walker, node: Node, columns: Columns, place: Place) -> Edges:
    """What GROUP BY groups by."""
    keys = [*_keys(node.nodes("group_expressions"), columns)]
    if node.text("aggregate_handling") == "FORCE_AGGREGATES":
        keys += [column for column in columns if column.is_key]
    return _decided(walk, keys, GROUP_BY, place)


def modified(walk: Walker, node: Node, columns: Columns, place: Place) -> Edges:
    """What DISTINCT tells rows apart by, what ORDER BY sorts by, and what LIMIT limits by.

    With a limit, or in a list, the order decides what is left.
    """
    rows = NO_EDGES
    for modifier in node.nodes("modifiers"):
        refuse(modifier)
        if modifier.kind == "DISTINCT_MODIFIER":
            on = modifier.nodes("distinct_on_targets")
            keys = _keys(on, columns) if on else columns
            rows |= _decided(walk, keys, GROUP_BY, place)
        for name in ("limit", "offset"):
            rows |= influence(walk, modifier.node(name), FILTER, place)
        rows |= _decided(walk, _keys(modifier.nodes("orders"), columns), SORT, place)
    return rows


def _decided(walk: Walker, keys: Iterable[Node | OutputColumn], how: How, place: Place) -> Edges:
    found: set[Edge] = set()
    for key in keys:
        edges = key.edges if isinstance(key, OutputColumn) else walk.edges(key, place)
        found |= followed_by(edges, how)
    return frozenset(found)


def _keys(nodes: Iterable[Node], columns: Columns) -> Iterator[Node | OutputColumn]:
    """The keys of GROUP BY, ORDER BY or ON; a number means that column, ALL means all of them."""
    for key in nodes:
        number = key.parts.get("value") if key.kind == "CONSTANT" else None
        if key.kind == "STAR" and key.parts.keys() == {"columns"}:
            yield from columns
        elif not isinstance(number, int):
            yield key
        elif 0 < number <= len(columns):
            yield columns[number - 1]
