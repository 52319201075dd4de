"""The list of a SELECT: its columns, what their values derive from, and what a star stands for."""

from collections.abc import Callable, Iterator

from benepass_tasks.sqlmodels.lineage.edges import NO_EDGES
from benepass_tasks.sqlmodels.lineage.expressions import COUNTS, Functions
from benepass_tasks.sqlmodels.lineage.names import UNNAMED, OutputColumn
from benepass_tasks.sqlmodels.lineage.place import Place, Walker, named, plain
from benepass_tasks.sqlmodels.lineage.problems import UntraceableError
from benepass_tasks.sqlmodels.lineage.refusals import refuse
from benepass_tasks.sqlmodels.syntax import Node


def projections(
    walk: Walker, node: Node, functions: Functions, place: Place
) -> Iterator[OutputColumn]:
    """The columns that a SELECT gives, in order.

    Args:
        walk: Follows the expressions.
        node: The SELECT.
        functions: Tells what aggregates.
        place: Its names; the columns' aliases are added one by one, for those that come after.

    Raises:
        UntraceableError: there is something in it that cannot be followed.
    """
    for projection in node.nodes("select_list"):
        if projection.kind == "STAR":
            yield from _star(walk, projection, place)
            continue
        edges = walk.edges(projection, place)
        if projection.alias:
            aliases = place.scope.aliases
            aliases[projection.alias] = aliases.get(projection.alias, NO_EDGES) | edges
        yield OutputColumn(
            _name(projection),
            edges,
            projection.line,
            is_key=not _holds(projection, functions.is_aggregate),
            is_unnested=_is_unnested(projection),
            is_count=_holds(projection, lambda it: _is_count(walk, it, functions, place)),
        )


def _star(walk: Walker, star: Node, place: Place) -> Iterator[OutputColumn]:
    refuse(star)
    relation = star.text("relation_name").lower()
    scope = place.scope
    found = named(star, lambda: list(scope.star_of([relation]) if relation else scope.star()))
    excluded = {_qualified(star, it) for it in star.parts.get("qualified_exclude_list", ())}
    excluded |= {(_column(star, name),) for name in star.parts.get("exclude_list", ())}
    merged = {name for _, name in scope.merged}
    if any(len(it) > 1 and it[-1] in merged for it in excluded):
        raise UntraceableError(
            star.line, "EXCLUDE of one side of a USING column", "write its name without the table"
        )
    replaced = {
        _column(star, it["key"]): (walk.edges(it["value"], place), _is_unnested(it["value"]))
        for it in star.parts.get("replace_list", ())
    }
    renamed = {
        _qualified(star, it["key"])[-1]: _column(star, it["value"])
        for it in star.parts.get("rename_list", ())
    }
    _refuse_twice(star, replaced.keys() | renamed.keys(), [it[1] for it in found])
    for alias, name, edges in found:
        if not excluded & {(name,), (alias or "", name)}:
            given = None if name.startswith(UNNAMED) else renamed.get(name, name)
            values, is_unnested = replaced.get(name, (edges, False))
            yield OutputColumn(given, values, star.line, is_unnested=is_unnested)


def _column(star: Node, name: str) -> str:
    return plain(name, star.line)


def _qualified(star: Node, told: dict[str, str]) -> tuple[str, ...]:
    """The table, if one is written, and the column."""
    if told.keys() - {"table", "column"} and any(
        value for part, value in told.items() if part not in ("table", "column")
    ):
        raise UntraceableError(star.line, "a column with its layer", "write its table alone")
    names = (told.get("table", ""), told.get("column", ""))
    return tuple(_column(star, name) for name in names if name)


def _refuse_twice(star: Node, changed: set[str], names: list[str]) -> None:
    """Which of two columns of one name DuckDB replaces or renames depends on where they stand."""
    twice = sorted(name for name in changed if names.count(name) > 1)
    if twice:
        raise UntraceableError(
            star.line,
            f"REPLACE or RENAME of {twice[0]}, which two columns are called",
            "write them out",
        )


def _name(projection: Node) -> str | None:
    """The name a column of a SELECT has; None where only DuckDB knows one."""
    if projection.alias:
        return plain(projection.alias, projection.line)
    if projection.kind == "COLUMN_REF":
        return plain(projection.parts["column_names"][-1], projection.line)
    if projection.type == "STRUCT_EXTRACT":
        return plain(str(projection.nodes("children")[-1].parts["value"]), projection.line)
    return None


def _is_count(walk: Walker, node: Node, functions: Functions, place: Place) -> bool:
    """Whether a node says how many rows there are, be it as the sum of ones."""
    if not functions.is_aggregate(node):
        return False
    return node.function in COUNTS or all(it.type != "DIRECT" for it in walk.edges(node, place))


def _is_unnested(node: Node) -> bool:
    return _holds(node, lambda it: it.kind == "FUNCTION" and it.function == "unnest")


def _holds(node: Node, is_sought: Callable[[Node], bool]) -> bool:
    """Whether there is such a node in an expression, outside of windows and queries in it."""
    if node.kind in ("WINDOW", "SUBQUERY"):
        return False
    return is_sought(node) or any(_holds(child, is_sought) for child in node.children())
