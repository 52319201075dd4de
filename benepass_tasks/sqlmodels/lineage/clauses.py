"""The clauses that decide which rows there are: conditions, groups, orders and limits."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from benepass_tasks.config.project import MIN_GROUP_SIZE
from benepass_tasks.sqlmodels.lineage.edges import (
    FILTER,
    GROUP_BY,
    GROUP_COUNT,
    NO_EDGES,
    PLACE,
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
    if node is None:
        return NO_EDGES
    return walk.noted(followed_by(walk.edges(node, place), how), node.line)


def groups(
    walk: Walker, node: Node, columns: Columns, place: Place
) -> tuple[Edges, Sequence[OutputColumn]]:
    """What GROUP BY groups by, and the columns, of which a count tells of its group.

    It does not where HAVING leaves groups of `MIN_GROUP_SIZE` at least.
    """
    keys = [*_keys(node.nodes("group_expressions"), columns)]
    if node.text("aggregate_handling") == "FORCE_AGGREGATES":
        keys += [column for column in columns if column.is_key]
    having = node.node("having")
    if having is None or not _leaves_large(having):
        counted = _decided(walk, keys, GROUP_COUNT, place)
        columns = [replace(it, edges=it.edges | counted) if it.is_count else it for it in columns]
    return _decided(walk, keys, GROUP_BY, place), columns


def _leaves_large(condition: Node) -> bool:
    """Whether a condition holds for groups of enough people or rows only."""
    if condition.type == "CONJUNCTION_AND":
        return any(map(_leaves_large, condition.nodes("children")))
    left, right = condition.node("left"), condition.node("right")
    if left is None or right is None or left.function not in ("count", "count_star"):
        return False
    limit = right.parts.get("value") if right.kind == "CONSTANT" else None
    least = {"COMPARE_GREATERTHANOREQUALTO": 0, "COMPARE_GREATERTHAN": 1}.get(condition.type)
    return isinstance(limit, int) and least is not None and limit + least >= MIN_GROUP_SIZE


def modified(walk: Walker, node: Node, columns: Columns, place: Place) -> Edges:
    """What DISTINCT tells rows apart by, what ORDER BY sorts by, and what LIMIT limits by.

    With a limit, or in a list, the order decides what is left; otherwise only in which place a row
    stands.
    """
    rows = NO_EDGES
    is_limited = any("LIMIT" in it.kind for it in node.nodes("modifiers"))
    for modifier in node.nodes("modifiers"):
        refuse(modifier)
        if modifier.kind == "DISTINCT_MODIFIER":
            on = modifier.nodes("distinct_on_targets")
            keys = _keys(on, columns) if on else columns
            rows |= _decided(walk, keys, GROUP_BY, place)
        for name in ("limit", "offset"):
            rows |= influence(walk, modifier.node(name), FILTER, place)
        order = SORT if is_limited else PLACE
        rows |= _decided(walk, _keys(modifier.nodes("orders"), columns), order, place)
    return rows


def _decided(walk: Walker, keys: Iterable[Node | OutputColumn], how: How, place: Place) -> Edges:
    found: set[Edge] = set()
    for key in keys:
        edges = key.edges if isinstance(key, OutputColumn) else walk.edges(key, place)
        found |= walk.noted(followed_by(edges, how), key.line)
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
