"""FROM and its joins: what a SELECT reads, under which names, and what decides about the rows."""

from dataclasses import replace

from sqlglot import exp

from benepass_tasks.sqlmodels.lineage.clauses import influence
from benepass_tasks.sqlmodels.lineage.edges import (
    JOIN,
    NO_EDGES,
    TRANSFORMATION,
    Edges,
    followed_by,
)
from benepass_tasks.sqlmodels.lineage.names import UNNAMED, Output, OutputColumn, Relation, Scope
from benepass_tasks.sqlmodels.lineage.place import Place, Walker, named
from benepass_tasks.sqlmodels.lineage.problems import UntraceableError
from benepass_tasks.sqlmodels.lineage.refusals import refuse_arguments, refuse_construct
from benepass_tasks.sqlmodels.lineage.syntax import arguments, line_of, part, parts, text_of


def read_from(walk: Walker, node: exp.Expr, place: Place) -> Edges:
    """Add what stands in FROM to the names; returns what decides about its rows."""
    refuse_construct(node)
    refuse_arguments(node)
    rows = NO_EDGES
    start = len(place.scope.relations)
    if _is_group(node):
        if node.args.get("alias"):
            raise UntraceableError(
                line_of(node), "a join with an alias", "give each of its tables an alias"
            )
        rows = read_from(walk, node.this, place)
    else:
        relation, rows = _read(walk, node, place)
        place.scope.relations.append(relation)
    for joined in parts(node, "joins"):
        rows |= join(walk, joined, place, start)
    return rows


def join(walk: Walker, node: exp.Expr, place: Place, start: int = 0) -> Edges:
    """Add the right side; `start` is the number of the first relation on the left one."""
    refuse_construct(node)
    refuse_arguments(node)
    scope = place.scope
    first = len(scope.relations)
    merged = dict(scope.merged)
    rows = read_from(walk, node.this, place)
    for name in ("on", "match_condition"):
        rows |= influence(walk, part(node, name), JOIN, place)
    using = [column.name.lower() for column in parts(node, "using")]
    if str(node.args.get("method") or "").upper() == "NATURAL":
        using = scope.common(range(start, first))
    for name in using:
        rows |= _merged(node, name, scope, range(start, first))
    if str(node.args.get("kind") or "").upper() in ("SEMI", "ANTI"):
        # The right side decides about the rows and is gone.
        del scope.relations[first:]
        scope.merged = merged
        scope.hidden = {found for found in scope.hidden if found[0] < first}
    return rows


def renamed(output: Output, node: exp.Expr) -> Output:
    """A query's output under the column names that an alias gives, as in `as t(a, b)`."""
    alias = part(node, "alias")
    names = [name.name.lower() for name in parts(alias, "columns")] if alias is not None else []
    first = [
        replace(column, name=name) for column, name in zip(output.columns, names, strict=False)
    ]
    return replace(output, columns=(*first, *output.columns[len(names) :]))


def _read(walk: Walker, node: exp.Expr, place: Place) -> tuple[Relation, Edges]:
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
        return _table(walk, node, place)
    if isinstance(node, exp.Table | exp.Unnest):
        return _unnested(walk, node, node, place)
    if isinstance(node, exp.Lateral) and isinstance(node.this, exp.Unnest):
        return _unnested(walk, node.this, node, place)
    query = node.this if isinstance(node, exp.Lateral | exp.Subquery) else node
    output = renamed(walk.query(query, place.ctes, place.scope), node)
    return _relation(node, output, node.alias.lower() or None), output.rows


def _table(walk: Walker, node: exp.Table, place: Place) -> tuple[Relation, Edges]:
    name = node.name.lower()
    if not node.db and name in place.ctes:
        output = place.ctes[name]
    elif node.db and f"{node.db}.{name}".lower() in walk.tables:
        columns = walk.tables[f"{node.db}.{name}".lower()]
        line = line_of(node)
        output = Output(tuple(OutputColumn(it, columns[it], line) for it in columns))
    else:
        raise UntraceableError(
            line_of(node),
            f"{text_of(node)} is no table that comes before",
            "write layer.table, as declared in catalog.yaml, or the name of a CTE above",
        )
    alias = node.alias.lower()
    schema = node.db.lower() if node.db and not alias else None
    relation = _relation(node, renamed(output, node), alias or name)
    return replace(relation, schema=schema), output.rows


def _unnested(
    walk: Walker, node: exp.Expr, written: exp.Expr, place: Place
) -> tuple[Relation, Edges]:
    """One column of values that are computed in FROM, and decide how many rows there are."""
    values = parts(node, "expressions") if isinstance(node, exp.Unnest) else [node.this]
    edges = NO_EDGES.union(
        *(followed_by(walk.edges(value, place), TRANSFORMATION) for value in values)
    )
    alias = written.args.get("alias")
    names = [column.name.lower() for column in alias.columns] if alias else []
    default = "unnest" if isinstance(node, exp.Unnest) else "range"
    name = names[0] if names else written.alias.lower() or default
    relation = Relation(written.alias.lower() or name, None, {name: edges})
    return relation, followed_by(edges, JOIN)


def _merged(node: exp.Expr, name: str, scope: Scope, left: range) -> Edges:
    return followed_by(named(node, lambda: scope.merge(name, left)), JOIN)


def _is_group(node: exp.Expr) -> bool:
    """Whether a node is a join in parentheses, not a query."""
    if not isinstance(node, exp.Subquery):
        return False
    inner = node.this
    is_named = isinstance(inner, exp.Subquery) and {"alias", "joins"} & arguments(inner)
    return isinstance(inner, exp.Table) or bool(is_named)


def _relation(node: exp.Expr, output: Output, alias: str | None) -> Relation:
    columns: dict[str, Edges] = {}
    for number, column in enumerate(output.columns, 1):
        name = column.name or f"{UNNAMED}{number}"
        if name in columns:
            raise UntraceableError(
                line_of(node),
                f"two columns {name} in what is read",
                "give each column its own name",
            )
        columns[name] = column.edges
    return Relation(alias, None, columns)
