"""FROM and its joins: what a SELECT reads, under which names, and what decides about the rows."""

from collections.abc import Iterable
from dataclasses import replace

from benepass_tasks.sqlmodels.lineage.clauses import influence
from benepass_tasks.sqlmodels.lineage.edges import (
    BLENDED,
    JOIN,
    NO_EDGES,
    SAMENESS,
    TRANSFORMATION,
    Edges,
    followed_by,
)
from benepass_tasks.sqlmodels.lineage.names import UNNAMED, Output, OutputColumn, Relation, Scope
from benepass_tasks.sqlmodels.lineage.place import Place, Walker, named, plain
from benepass_tasks.sqlmodels.lineage.problems import UntraceableError
from benepass_tasks.sqlmodels.lineage.refusals import refuse
from benepass_tasks.sqlmodels.syntax import Node


def read_from(walk: Walker, node: Node, place: Place) -> Edges:
    """Add what stands in FROM to the names; returns what decides about its rows."""
    refuse(node)
    if node.kind == "EMPTY":
        return NO_EDGES
    if node.kind == "JOIN":
        return _join(walk, node, place)
    relation, rows = _read(walk, node, place)
    place.scope.relations.append(relation)
    return rows


def renamed(output: Output, names: Iterable[str], line: int) -> Output:
    """A query's output under the column names that an alias gives, as in `as t(a, b)`."""
    first = [
        replace(column, name=plain(name, line))
        for column, name in zip(output.columns, names, strict=False)
    ]
    return replace(output, columns=(*first, *output.columns[len(first) :]))


def _join(walk: Walker, node: Node, place: Place) -> Edges:
    scope = place.scope
    start = len(scope.relations)
    rows = read_from(walk, node.parts["left"], place)
    first = len(scope.relations)
    merged = dict(scope.merged)
    rows |= read_from(walk, node.parts["right"], place)
    rows |= influence(walk, node.node("condition"), JOIN, place)
    using = [plain(name, node.line) for name in node.parts.get("using_columns", ())]
    if node.text("ref_type") == "NATURAL":
        using = scope.common(range(start, first))
    for name in using:
        rows |= _merged(walk, node, name, scope, range(start, first))
    if node.text("join_type") in ("SEMI", "ANTI"):
        # The right side decides about the rows and is gone.
        del scope.relations[first:]
        scope.merged = merged
        scope.hidden = {found for found in scope.hidden if found[0] < first}
    return rows


def _merged(walk: Walker, node: Node, name: str, scope: Scope, left: range) -> Edges:
    ours, theirs = named(node, lambda: scope.merge(name, left))
    how = SAMENESS.then(JOIN) if are_same(ours, theirs) else JOIN
    return walk.noted(followed_by(ours | theirs, how), node.line)


def _read(walk: Walker, node: Node, place: Place) -> tuple[Relation, Edges]:
    if node.kind == "BASE_TABLE":
        return _table(walk, node, place)
    if node.kind == "TABLE_FUNCTION":
        return _computed(walk, node, place)
    if node.kind == "EXPRESSION_LIST":
        output, alias = _values(walk, node, place), ""
    else:
        output, alias = walk.query(node.parts["subquery"], place.ctes, place.scope), node.alias
    return _relation(node, _aliased(node, output), plain(alias, node.line) or None), output.rows


def _table(walk: Walker, node: Node, place: Place) -> tuple[Relation, Edges]:
    name = plain(node.text("table_name"), node.line)
    layer = plain(node.text("schema_name"), node.line)
    if not layer and name in place.ctes:
        output = place.ctes[name]
    elif layer and f"{layer}.{name}" in walk.tables:
        columns = walk.tables[f"{layer}.{name}"]
        output = Output(tuple(OutputColumn(it, columns[it], node.line) for it in columns))
    else:
        raise UntraceableError(
            node.line,
            f"{layer}.{name} is not a table that comes before".removeprefix("."),
            "write layer.table, as declared in catalog.yaml, or the name of a CTE above",
        )
    alias = plain(node.alias, node.line)
    relation = _relation(node, _aliased(node, output), alias or name)
    return replace(relation, schema=layer if layer and not alias else None), output.rows


def _aliased(node: Node, output: Output) -> Output:
    return renamed(output, node.parts.get("column_name_alias", ()), node.line)


def _computed(walk: Walker, node: Node, place: Place) -> tuple[Relation, Edges]:
    """One column of values that are computed in FROM, and decide how many rows there are."""
    function = node.parts["function"]
    edges = followed_by(walk.edges(function, place), TRANSFORMATION)
    names = node.parts.get("column_name_alias", ())
    alias = plain(node.alias, node.line)
    # A table's alias names the only column of unnest, too.
    name = plain(names[0], node.line) if names else alias or function.function
    rows = walk.noted(followed_by(edges, JOIN), node.line)
    return Relation(alias or name, None, {name: edges}), rows


def _values(walk: Walker, node: Node, place: Place) -> Output:
    columns: list[OutputColumn] = []
    for row in node.parts["values"]:
        for number, cell in enumerate(row):
            edges = walk.edges(cell, place)
            if number == len(columns):
                columns.append(OutputColumn(f"col{number}", edges, cell.line))
            else:
                columns[number] = blended(columns[number], edges)
    return Output(tuple(columns))


def blended(column: OutputColumn, edges: Edges) -> OutputColumn:
    """A column among whose values are others, with which they can be compared from then on."""
    both = column.edges | edges
    return replace(column, edges=both if column.edges == edges else followed_by(both, BLENDED))


def are_same(left: Edges, right: Edges) -> bool:
    """Whether two values are of one column, so that, as it is, only data meet in a comparison."""
    origins = [{it.origin for it in side if it.type == "DIRECT"} for side in (left, right)]
    return origins[0] == origins[1] and len(origins[0]) == 1


def _relation(node: Node, output: Output, alias: str | None) -> Relation:
    columns: dict[str, Edges] = {}
    for number, column in enumerate(output.columns, 1):
        name = column.name or f"{UNNAMED}{number}"
        if name in columns:
            raise UntraceableError(
                node.line,
                f"two columns {name} in what is read",
                "give each column its own name",
            )
        columns[name] = column.edges
    return Relation(alias, None, columns)
