"""A walk over one model's SELECT: what its columns and its rows derive from, one step up.

Each query is looked at from the inside out. FROM gives the names, the expressions give edges to
what the names stand for, and what is not known to be understood is refused, never skipped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from benepass_tasks.sqlmodels.lineage.clauses import groups, influence, modified
from benepass_tasks.sqlmodels.lineage.edges import (
    CONDITIONAL,
    FILTER,
    GROUP_BY,
    IDENTITY,
    JOIN,
    NO_EDGES,
    SAMENESS,
    Edge,
    Edges,
    How,
    followed_by,
)
from benepass_tasks.sqlmodels.lineage.expressions import Functions, steps
from benepass_tasks.sqlmodels.lineage.from_clause import are_same, blended, read_from, renamed
from benepass_tasks.sqlmodels.lineage.names import Output, OutputColumn, Scope
from benepass_tasks.sqlmodels.lineage.place import Place, named, path_of, plain, within
from benepass_tasks.sqlmodels.lineage.problems import UntraceableError
from benepass_tasks.sqlmodels.lineage.refusals import EXPLICITLY, refuse
from benepass_tasks.sqlmodels.lineage.select_list import projections
from benepass_tasks.sqlmodels.syntax import Node

CONDITIONS = ("where_clause", "having", "qualify")
"""The clauses that decide about rows with one condition each."""

GUESSED = "hash a column: a guess that is hashed, too, tells whose hash is the same"
"""What to do where a hash that only this SQL can make is of something that anybody can write."""

EQUALITIES = frozenset(
    f"COMPARE_{name}" for name in ("EQUAL", "NOTEQUAL", "DISTINCT_FROM", "NOT_DISTINCT_FROM")
)
"""Comparisons that tell no more than whether two values are the same."""


@dataclass(frozen=True, slots=True)
class Walk:
    """The walk over one model.

    Attributes:
        tables: The edges of every table's columns, by relation and name.
        functions: What is known of functions by name.
        lines: The line on which each edge decides about rows.
    """

    tables: Mapping[str, Mapping[str, Edges]]
    functions: Functions
    lines: dict[Edge, int] = field(default_factory=dict)

    def query(self, node: Node, ctes: Mapping[str, Output], outer: Scope | None = None) -> Output:
        """What a query gives.

        Args:
            node: A SELECT or a set operation.
            ctes: What `with` has defined around it.
            outer: The SELECT around it, whose names it may use.

        Raises:
            UntraceableError: there is something in it that cannot be followed.
        """
        refuse(node)
        ctes = self._with_ctes(node, ctes, outer)
        if node.kind == "SELECT_NODE":
            return self._select(node, ctes, outer)
        return self._set_operation(node, ctes, outer)

    def _with_ctes(
        self, node: Node, ctes: Mapping[str, Output], outer: Scope | None
    ) -> Mapping[str, Output]:
        known = dict(ctes)
        for cte in node.parts.get("ctes", ()):
            query = cte["query"]
            if cte["unknown"]:
                raise UntraceableError(query.line, "a CTE with USING KEY", "write it without")
            output = self.query(query, known, outer)
            known[plain(cte["name"], query.line)] = renamed(output, cte["aliases"], query.line)
        return known

    def _select(self, node: Node, ctes: Mapping[str, Output], outer: Scope | None) -> Output:
        place = Place(Scope(outer), ctes)
        source = node.node("from_table")
        rows: set[Edge] = set() if source is None else set(read_from(self, source, place))
        columns: Sequence[OutputColumn] = tuple(projections(self, node, self.functions, place))
        place.scope.is_listed = True
        for column in columns:
            if column.is_unnested:
                rows |= self.noted(followed_by(column.edges, JOIN), column.line)
        for name in CONDITIONS:
            rows |= influence(self, node.node(name), FILTER, place)
        grouped, columns = groups(self, node, columns, place)
        rows |= grouped | modified(self, node, columns, place)
        return Output(tuple(columns), frozenset(rows))

    def _set_operation(self, node: Node, ctes: Mapping[str, Output], outer: Scope | None) -> Output:
        first, *others = node.nodes("children")
        output = self.query(first, ctes, outer)
        for other in others:
            output = self._combined(node, output, self.query(other, ctes, outer), other.line)
        named = {column.name: column.edges for column in output.columns if column.name}
        # ORDER BY and LIMIT after a whole set see its columns only.
        place = Place(Scope(outer, aliases=named), ctes)
        return replace(output, rows=output.rows | modified(self, node, output.columns, place))

    def _combined(self, node: Node, left: Output, right: Output, line: int) -> Output:
        if len(left.columns) != len(right.columns):
            raise UntraceableError(
                line,
                f"{len(right.columns)} columns where the SELECT before has {len(left.columns)}",
                "write both with the same columns in the same order",
            )
        rows = left.rows | right.rows
        pairs = list(zip(left.columns, right.columns, strict=True))
        both = tuple(blended(ours, theirs.edges) for ours, theirs in pairs)
        columns = left.columns if node.text("setop_type") == "EXCEPT" else both
        if node.text("setop_type") != "UNION":
            for ours, theirs in pairs:
                how = SAMENESS.then(FILTER) if are_same(ours.edges, theirs.edges) else FILTER
                rows |= self.noted(followed_by(ours.edges | theirs.edges, how), line)
        elif not node.parts.get("setop_all"):
            rows |= self.noted(followed_by(Output(both).edges, GROUP_BY), line)
        return Output(columns, rows)

    def edges(self, node: Node, place: Place, how: How = IDENTITY) -> Edges:
        """What the value of an expression derives from.

        Args:
            node: The expression.
            place: Where it stands.
            how: What happens to its value afterwards.

        Raises:
            UntraceableError: there is something in it that cannot be followed.
        """
        refuse(node)
        if node.kind == "COLUMN_REF":
            return followed_by(self._column(node, place), how)
        if node.kind == "SUBQUERY":
            return self._subquery(node, place, how)
        if node.kind == "LAMBDA":
            return self.edges(node.parts["expr"], within(node, place), how)
        if node.kind == "POSITIONAL_REFERENCE":
            return followed_by(_position(node, place), how)
        if node.kind == "STAR":
            raise UntraceableError(node.line, "a star in an expression", EXPLICITLY)
        if node.text("schema") or node.text("catalog"):
            self._refuse_method(node, place)
        parts = [(self.edges(it, place), step) for it, step in steps(node, self.functions)]
        if node.type in EQUALITIES and are_same(*(edges for edges, _ in parts)):
            parts = [(edges, SAMENESS) for edges, _ in parts]
        found = NO_EDGES.union(*(followed_by(edges, step.then(how)) for edges, step in parts))
        if node.function in self.functions.hashes and not found:
            raise UntraceableError(node.line, f"{node.function} of a constant", GUESSED)
        return found

    def noted(self, edges: Edges, line: int) -> Edges:
        """What decides about rows, once it is noted on which line it does."""
        for edge in edges:
            self.lines.setdefault(edge, line)
        return edges

    def _column(self, node: Node, place: Place) -> Edges:
        path = path_of(node)
        if path[0] in place.bound:
            return NO_EDGES
        return named(node, lambda: place.scope.edges(path))

    def _subquery(self, node: Node, place: Place, how: How) -> Edges:
        kind = node.text("subquery_type")
        output = self.query(node.parts["subquery"], place.ctes, place.scope)
        if kind == "SCALAR":
            return followed_by(output.edges | output.rows, how)
        node_compared = node.node("child")
        compared = NO_EDGES if node_compared is None else self.edges(node_compared, place)
        is_same = node.text("comparison_type") in EQUALITIES and are_same(output.edges, compared)
        # For EXISTS no value counts, but whether there is a row.
        values = NO_EDGES if "EXISTS" in kind else output.edges | compared
        found = followed_by(values, (SAMENESS if is_same else CONDITIONAL).then(how))
        return found | followed_by(output.rows, CONDITIONAL.then(how))

    def _refuse_method(self, node: Node, place: Place) -> None:
        """Refuse column.function(), in which only DuckDB's binder tells a column from a schema."""
        # Some versions name the schema of what their grammar calls, such as list_value for [a, b].
        before = ".".join(filter(None, (node.text("catalog"), node.text("schema")))).lower()
        name = node.function
        if before != "main" or name in self.functions.macros or place.scope.knows(before):
            raise UntraceableError(
                node.line, f"the call {before}.{name}(...) after a dot", f"write {name}(value)"
            )


def _position(node: Node, place: Place) -> Edges:
    """What #1 means, which DuckDB itself writes for array(select ...)."""
    relations, number = place.scope.relations, int(node.parts["index"])
    if len(relations) != 1 or relations[0].alias is not None or number != 1:
        raise UntraceableError(node.line, f"a column by its position, #{number}", "write its name")
    return next(iter(relations[0].columns.values()))
