"""A walk over one model's SELECT: what its columns and its rows derive from, one step up.

Each query is looked at from the inside out. FROM gives the names, the expressions give edges to
what the names stand for, and what is not known to be understood is refused, never skipped.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlglot import exp

from benepass_tasks.sqlmodels.lineage.clauses import distinct, groups, influence, sorts
from benepass_tasks.sqlmodels.lineage.edges import (
    CONDITIONAL,
    FILTER,
    GROUP_BY,
    IDENTITY,
    JOIN,
    NO_EDGES,
    TRANSFORMATION,
    Edge,
    Edges,
    How,
    followed_by,
)
from benepass_tasks.sqlmodels.lineage.expressions import Macros, steps
from benepass_tasks.sqlmodels.lineage.from_clause import join, read_from, renamed
from benepass_tasks.sqlmodels.lineage.names import Output, OutputColumn, Scope
from benepass_tasks.sqlmodels.lineage.place import Place, named, path_of, within
from benepass_tasks.sqlmodels.lineage.problems import UntraceableError
from benepass_tasks.sqlmodels.lineage.refusals import refuse_arguments, refuse_construct
from benepass_tasks.sqlmodels.lineage.select_list import projections
from benepass_tasks.sqlmodels.lineage.syntax import line_of, part, parts, text_of

CONDITIONS = ("where", "having", "qualify", "limit", "offset")
"""The clauses that decide about rows with one condition or number each."""


@dataclass(frozen=True, slots=True)
class Walk:
    """The walk over one model.

    Attributes:
        tables: The edges of every table's columns, by relation and name.
        macros: The project's macros.
    """

    tables: Mapping[str, Mapping[str, Edges]]
    macros: Macros

    def query(
        self, node: exp.Expr, ctes: Mapping[str, Output], outer: Scope | None = None
    ) -> Output:
        """What a query gives.

        Args:
            node: A SELECT, a set operation, VALUES, or one of them in parentheses.
            ctes: What `with` has defined around it.
            outer: The SELECT around it, whose names it may use.

        Raises:
            UntraceableError: there is something in it that cannot be followed.
        """
        refuse_construct(node)
        refuse_arguments(node)
        ctes = self._with_ctes(node, ctes, outer)
        if isinstance(node, exp.Select):
            return self._select(node, ctes, outer)
        if isinstance(node, exp.SetOperation):
            return self._set_operation(node, ctes, outer)
        if isinstance(node, exp.Values):
            return self._values(node, ctes, outer)
        inner = part(node, "this")
        if not isinstance(node, exp.Subquery) or inner is None:
            raise UntraceableError(line_of(node), text_of(node), "write a SELECT")
        return self._ordered(node, self.query(inner, ctes, outer), ctes, outer)

    def _with_ctes(
        self, node: exp.Expr, ctes: Mapping[str, Output], outer: Scope | None
    ) -> Mapping[str, Output]:
        clause = part(node, "with")
        if clause is None:
            return ctes
        refuse_construct(clause)
        known = dict(ctes)
        for cte in clause.expressions:
            refuse_arguments(cte)
            output = self.query(cte.this, known, outer)
            known[cte.alias_or_name.lower()] = renamed(output, cte)
        return known

    def _select(self, node: exp.Select, ctes: Mapping[str, Output], outer: Scope | None) -> Output:
        windows = {window.name.lower(): window for window in parts(node, "windows")}
        place = Place(Scope(outer), ctes, windows)
        rows: set[Edge] = set()
        source = part(node, "from")
        if source is not None and source.this is not None:
            rows |= read_from(self, source.this, place)
        for joined in parts(node, "joins"):
            rows |= join(self, joined, place)
        columns = tuple(projections(self, node, place))
        place.scope.is_listed = True
        for column in columns:
            if column.is_unnested:
                rows |= followed_by(column.edges, JOIN)
        for name in CONDITIONS:
            rows |= influence(self, part(node, name), FILTER, place)
        rows |= groups(self, node, columns, place)
        rows |= distinct(self, node, columns, place)
        rows |= sorts(self, node, columns, place)
        return Output(columns, frozenset(rows))

    def _set_operation(
        self, node: exp.SetOperation, ctes: Mapping[str, Output], outer: Scope | None
    ) -> Output:
        left = self.query(node.this, ctes, outer)
        right = self.query(node.expression, ctes, outer)
        if len(left.columns) != len(right.columns):
            raise UntraceableError(
                line_of(node.expression),
                f"{len(right.columns)} columns where the SELECT before has {len(left.columns)}",
                "write both with the same columns in the same order",
            )
        rows = left.rows | right.rows
        columns = left.columns
        if not isinstance(node, exp.Except):
            columns = tuple(
                replace(ours, edges=ours.edges | theirs.edges)
                for ours, theirs in zip(left.columns, right.columns, strict=True)
            )
        if not isinstance(node, exp.Union):
            rows |= followed_by(left.edges | right.edges, FILTER)
        elif node.args.get("distinct"):
            rows |= followed_by(left.edges | right.edges, GROUP_BY)
        return self._ordered(node, Output(columns, rows), ctes, outer)

    def _ordered(
        self,
        node: exp.Expr,
        output: Output,
        ctes: Mapping[str, Output],
        outer: Scope | None,
    ) -> Output:
        """What ORDER BY and LIMIT after a whole query decide; they see its columns only."""
        named = {column.name: column.edges for column in output.columns if column.name}
        place = Place(Scope(outer, aliases=named), ctes)
        rows = output.rows | sorts(self, node, output.columns, place)
        for name in ("limit", "offset"):
            rows |= influence(self, part(node, name), FILTER, place)
        return Output(output.columns, rows)

    def _values(self, node: exp.Values, ctes: Mapping[str, Output], outer: Scope | None) -> Output:
        place = Place(Scope(outer), ctes)
        columns: list[OutputColumn] = []
        for row in node.expressions:
            cells = row.expressions if isinstance(row, exp.Tuple) else [row]
            for number, cell in enumerate(cells):
                edges = self.edges(cell, place)
                if number == len(columns):
                    columns.append(OutputColumn(f"col{number}", edges, line_of(cell)))
                else:
                    known = columns[number]
                    columns[number] = replace(known, edges=known.edges | edges)
        return Output(tuple(columns))

    def edges(self, node: exp.Expr, place: Place, how: How = IDENTITY) -> Edges:
        """What the value of an expression derives from.

        Args:
            node: The expression.
            place: Where it stands.
            how: What happens to its value afterwards.

        Raises:
            UntraceableError: there is something in it that cannot be followed.
        """
        refuse_construct(node)
        if isinstance(node, exp.Column):
            return followed_by(self._column(node, place), how)
        if isinstance(node, exp.Identifier):
            return self._parameter(node, place)
        if isinstance(node, exp.Query):
            output = self.query(node, place.ctes, place.scope)
            return followed_by(output.edges | output.rows, how)
        if isinstance(node, exp.Comprehension):
            return self._comprehension(node, place, how)
        if isinstance(node, exp.Lambda):
            place = within(node, place)
        found: set[Edge] = set()
        for child, step in steps(node, self.macros, place.windows):
            found |= self.edges(child, place, step.then(how))
        return frozenset(found)

    def _column(self, node: exp.Column, place: Place) -> Edges:
        path = path_of(node)
        if path[0] in place.bound:
            return NO_EDGES
        return named(node, lambda: place.scope.edges(path))

    def _parameter(self, node: exp.Identifier, place: Place) -> Edges:
        if node.name.lower() not in place.bound:
            raise UntraceableError(
                line_of(node),
                f"{text_of(node)} in {text_of(node.parent or node)}",
                "name the column",
            )
        return NO_EDGES

    def _comprehension(self, node: exp.Comprehension, place: Place, how: How) -> Edges:
        """[value for name in list if condition]: the list does not know the name."""
        inner = within(node, place)
        found = self.edges(node.args["iterator"], place, TRANSFORMATION.then(how))
        found |= self.edges(node.this, inner, TRANSFORMATION.then(how))
        condition = part(node, "condition")
        if condition is not None:
            found |= self.edges(condition, inner, CONDITIONAL.then(how))
        return found
