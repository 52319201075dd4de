"""How the sources of a SELECT hang together by equalities."""

from collections.abc import Iterator, Sequence

from benepass_tasks.sqlmodels.changes.queries import (
    Edge,
    Joins,
    Node,
    Select,
    Source,
    Stored,
    sides,
)
from benepass_tasks.sqlmodels.changes.trees import NoRuleError, Tree, own, sources_of


def joins_of(select: Select, root: Source) -> Joins:
    """How all other sources hang on one: each on one that is reached before, by equalities."""
    reached, edges = [root], list[Edge]()
    waiting = [it for it in select.sources if it is not root]
    while found := next(filter(None, (_edge(select, it, reached) for it in waiting)), None):
        edges.append(found)
        reached.append(found.child)
        waiting.remove(found.child)
    return Joins(tuple(edges), tuple(waiting))


def is_traceable(node: Node, expressions: Sequence[Tree]) -> bool:
    """Whether the values of expressions over a node can be looked up in a stored table."""
    if isinstance(node, Stored):
        return True
    try:
        for select in node.selects:
            if select.sources:
                anchor, lowered = select.anchor(select.lower(node.of_branch(select, expressions)))
                if not is_traceable(anchor.node, lowered):
                    return False
    except NoRuleError:
        return False
    return True


def traceable_part(anchor: Source, key: Sequence[Tree], partition: Sequence[Tree]) -> list[Tree]:
    """What of a PARTITION BY can be looked up beside a key over the anchor, as over the anchor.

    Partitions by a part of the expressions are larger, and so hold all that is sought.
    """
    found: list[Tree] = []
    for it in partition:
        if sources_of(it) == {anchor.alias} and is_traceable(anchor.node, [*key, *found, own(it)]):
            found.append(own(it))
    return found


def _edge(select: Select, child: Source, reached: Sequence[Source]) -> Edge | None:
    """The edge with the most equalities to any source that is reached."""
    candidates = filter(None, (_edge_to(select, child, parent) for parent in reached))
    return max(candidates, key=lambda it: len(it.mine), default=None)


def _edge_to(select: Select, child: Source, parent: Source) -> Edge | None:
    """The edge from a source to another, by all equalities that can be looked up together."""
    mine, theirs, is_strict = list[Tree](), list[Tree](), True
    for ours, others, is_equality in _pairs(select, child, parent):
        both = [*mine, ours], [*theirs, others]
        if is_traceable(child.node, both[0]) and is_traceable(parent.node, both[1]):
            (mine, theirs), is_strict = both, is_strict and is_equality
    return Edge(child, parent, tuple(mine), tuple(theirs), is_strict) if mine else None


def _pairs(select: Select, child: Source, parent: Source) -> Iterator[tuple[Tree, Tree, bool]]:
    """What is set equal of two sources, over the node of each, and whether NULL equals nothing."""
    order = list(select.sources)
    is_bound = child.kind in ("from", "inner")
    if not is_bound and order.index(parent) > order.index(child):
        return
    joined = (it for other in order if other.kind == "inner" for it in other.on)
    given = dict.fromkeys(map(id, child.on))
    pool = [it for it in (*joined, *select.where) if id(it) not in given] if is_bound else []
    for condition in (*child.on, *pool):
        is_equality = condition["type"] == "COMPARE_EQUAL"
        for mine, theirs in sides(condition):
            # Where the optional side is absent, an equality must not hold of its NULL.
            is_safe = parent.kind != "left" or (is_equality and theirs["class"] == "COLUMN")
            if (
                sources_of(mine) == {child.alias}
                and sources_of(theirs) == {parent.alias}
                and is_safe
            ):
                yield own(mine), own(theirs), is_equality
