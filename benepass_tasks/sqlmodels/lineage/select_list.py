"""The list of a SELECT: its columns, what their values derive from, and what a star stands for."""

from collections.abc import Iterator

from sqlglot import exp

from benepass_tasks.sqlmodels.lineage.edges import NO_EDGES
from benepass_tasks.sqlmodels.lineage.names import UNNAMED, OutputColumn
from benepass_tasks.sqlmodels.lineage.place import Place, Walker, named, path_of
from benepass_tasks.sqlmodels.lineage.problems import UntraceableError
from benepass_tasks.sqlmodels.lineage.syntax import line_of, parts


def projections(walk: Walker, node: exp.Select, place: Place) -> Iterator[OutputColumn]:
    """The columns that a SELECT gives, in order.

    Args:
        walk: Follows the expressions.
        node: The SELECT.
        place: Its names; the columns' aliases are added one by one, for those that come after.

    Raises:
        UntraceableError: there is something in it that cannot be followed.
    """
    for projection in node.expressions:
        star = projection.this if isinstance(projection, exp.Column) else projection
        if isinstance(star, exp.Star):
            yield from _star(walk, projection, star, place)
            continue
        edges = walk.edges(projection, place)
        if isinstance(projection, exp.Alias):
            aliases = place.scope.aliases
            name = projection.alias.lower()
            aliases[name] = aliases.get(name, NO_EDGES) | edges
        yield OutputColumn(
            _name(projection),
            edges,
            line_of(projection),
            is_key=not _has_aggregate(projection),
            is_unnested=_is_unnested(projection),
        )


def _star(walk: Walker, node: exp.Expr, star: exp.Star, place: Place) -> Iterator[OutputColumn]:
    path = path_of(node)[:-1] if isinstance(node, exp.Column) else []
    line = line_of(node)
    scope = place.scope
    found = named(node, lambda: list(scope.star_of(path) if path else scope.star()))
    merged = {name for _, name in scope.merged}
    excluded = {tuple(path_of(it)) for it in parts(star, "except")}
    if any(len(it) > 1 and it[-1] in merged for it in excluded):
        raise UntraceableError(
            line, "EXCLUDE of one side of a USING column", "write its name without the table"
        )
    _refuse_twice(line, parts(star, "replace"), parts(star, "rename"), [it[1] for it in found])
    replaced = {
        it.alias.lower(): (walk.edges(it, place), _is_unnested(it)) for it in parts(star, "replace")
    }
    renamed = {it.this.name.lower(): it.alias.lower() for it in parts(star, "rename")}
    for alias, name, edges in found:
        if not excluded & {(name,), (alias, name)}:
            given = None if name.startswith(UNNAMED) else renamed.get(name, name)
            values, is_unnested = replaced.get(name, (edges, False))
            yield OutputColumn(given, values, line, is_unnested=is_unnested)


def _refuse_twice(
    line: int, replaced: list[exp.Expr], renamed: list[exp.Expr], names: list[str]
) -> None:
    """Which of two columns of one name DuckDB replaces or renames depends on where they stand."""
    changed = {it.alias.lower() for it in replaced} | {it.this.name.lower() for it in renamed}
    twice = sorted(name for name in changed if names.count(name) > 1)
    if twice:
        raise UntraceableError(
            line, f"REPLACE or RENAME of {twice[0]}, which two columns are called", "write them out"
        )


def _name(projection: exp.Expr) -> str | None:
    """The name a column of a SELECT has; None where only DuckDB knows one."""
    if isinstance(projection, exp.Alias | exp.Column):
        return str(projection.alias_or_name).lower()
    if isinstance(projection, exp.Paren):
        return _name(projection.this)
    return projection.expression.name.lower() if isinstance(projection, exp.Dot) else None


def _is_unnested(node: exp.Expr) -> bool:
    return node.find(exp.Explode) is not None


def _has_aggregate(node: exp.Expr) -> bool:
    """Whether GROUP BY ALL leaves a column out, because it aggregates, and not in a subquery."""
    return any(
        it.find_ancestor(exp.Select) is node.parent and it.find_ancestor(exp.Window) is None
        for it in node.find_all(exp.AggFunc)
    )
