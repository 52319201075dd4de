"""A walk over one model's SELECT: what its columns and its rows derive from, one step up.

Each query is looked at from the inside out. FROM gives the names, the expressions give edges to
what the names stand for, and what is not known to be understood is refused, never skipped.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from sqlglot import exp

from benepass_tasks.lineage.edges import (
    CONDITIONAL,
    FILTER,
    GROUP_BY,
    IDENTITY,
    JOIN,
    NO_EDGES,
    SORT,
    TRANSFORMATION,
    Edge,
    Edges,
    How,
    followed_by,
)
from benepass_tasks.lineage.expressions import Macros, steps
from benepass_tasks.lineage.names import Output, OutputColumn, Relation, Scope, UnknownNameError
from benepass_tasks.lineage.problems import UntraceableError
from benepass_tasks.lineage.refusals import refuse_arguments, refuse_construct
from benepass_tasks.lineage.syntax import arguments, line_of, part, parts, text_of

CLAUSES = (("where", FILTER), ("having", FILTER), ("qualify", FILTER), ("limit", FILTER))
"""The clauses that decide about rows with one condition or number each."""

KEY_LISTS = (exp.Ordered, exp.Tuple, exp.Paren, exp.Rollup, exp.Cube, exp.GroupingSets)
"""What groups the keys of a clause."""

UNNAMED = "?"
"""How the name of a column begins that has none; no column can be referred to by it."""

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a model an expression stands, and so what its names mean.

    Attributes:
        scope: The names of the SELECT.
        ctes: What `with` has defined so far, by name.
        windows: The SELECT's named windows.
        bound: The parameters of the lambdas and comprehensions around.
    """

    scope: Scope
    ctes: Mapping[str, Output]
    windows: Mapping[str, exp.Expr] = field(default_factory=dict)
    bound: frozenset[str] = frozenset()


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
            known[cte.alias_or_name.lower()] = _renamed(output, cte)
        return known

    def _select(self, node: exp.Select, ctes: Mapping[str, Output], outer: Scope | None) -> Output:
        windows = {window.name.lower(): window for window in parts(node, "windows")}
        place = Place(Scope(outer), ctes, windows)
        rows: set[Edge] = set()
        source = part(node, "from")
        if source is not None and source.this is not None:
            rows |= self._from(source.this, place)
        for join in parts(node, "joins"):
            rows |= self._join(join, place)
        columns = tuple(self._projections(node, place))
        place.scope.is_listed = True
        for column in columns:
            if column.is_unnested:
                rows |= followed_by(column.edges, JOIN)
        for name, how in CLAUSES:
            rows |= self._influence(part(node, name), how, place)
        rows |= self._influence(part(node, "offset"), FILTER, place)
        rows |= self._groups(node, columns, place)
        rows |= self._distinct(node, columns, place)
        rows |= self._sorts(node, columns, place)
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
        rows = output.rows | self._sorts(node, output.columns, place)
        for name in ("limit", "offset"):
            rows |= self._influence(part(node, name), FILTER, place)
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

    # What FROM reads

    def _from(self, node: exp.Expr, place: Place) -> Edges:
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
            rows = self._from(node.this, place)
        else:
            relation, rows = self._relation(node, place)
            place.scope.relations.append(relation)
        for join in parts(node, "joins"):
            rows |= self._join(join, place, start)
        return rows

    def _relation(self, node: exp.Expr, place: Place) -> tuple[Relation, Edges]:
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            return self._table(node, place)
        if isinstance(node, exp.Table | exp.Unnest):
            return self._unnested(node, node, place)
        if isinstance(node, exp.Lateral) and isinstance(node.this, exp.Unnest):
            return self._unnested(node.this, node, place)
        query = node.this if isinstance(node, exp.Lateral | exp.Subquery) else node
        output = _renamed(self.query(query, place.ctes, place.scope), node)
        return _relation(node, output, node.alias.lower() or None), output.rows

    def _table(self, node: exp.Table, place: Place) -> tuple[Relation, Edges]:
        name = node.name.lower()
        if not node.db and name in place.ctes:
            output = place.ctes[name]
        elif node.db and f"{node.db}.{name}".lower() in self.tables:
            columns = self.tables[f"{node.db}.{name}".lower()]
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
        relation = _relation(node, _renamed(output, node), alias or name)
        return replace(relation, schema=schema), output.rows

    def _unnested(self, node: exp.Expr, named: exp.Expr, place: Place) -> tuple[Relation, Edges]:
        """One column of values that are computed in FROM, and decide how many rows there are."""
        values = parts(node, "expressions") if isinstance(node, exp.Unnest) else [node.this]
        edges = NO_EDGES.union(
            *(followed_by(self.edges(value, place), TRANSFORMATION) for value in values)
        )
        alias = named.args.get("alias")
        names = [column.name.lower() for column in alias.columns] if alias else []
        default = "unnest" if isinstance(node, exp.Unnest) else "range"
        name = names[0] if names else named.alias.lower() or default
        relation = Relation(named.alias.lower() or name, None, {name: edges})
        return relation, followed_by(edges, JOIN)

    # Joins

    def _join(self, node: exp.Expr, place: Place, start: int = 0) -> Edges:
        """Add the right side; `start` is the number of the first relation on the left one."""
        refuse_construct(node)
        refuse_arguments(node)
        scope = place.scope
        first = len(scope.relations)
        merged = dict(scope.merged)
        rows = self._from(node.this, place)
        for name in ("on", "match_condition"):
            rows |= self._influence(part(node, name), JOIN, place)
        using = [column.name.lower() for column in parts(node, "using")]
        if str(node.args.get("method") or "").upper() == "NATURAL":
            using = scope.common(range(start, first))
        for name in using:
            rows |= self._merged(node, name, scope, range(start, first))
        if str(node.args.get("kind") or "").upper() in ("SEMI", "ANTI"):
            # The right side decides about the rows and is gone.
            del scope.relations[first:]
            scope.merged = merged
            scope.hidden = {found for found in scope.hidden if found[0] < first}
        return rows

    def _merged(self, node: exp.Expr, name: str, scope: Scope, left: range) -> Edges:
        return followed_by(self._named(node, lambda: scope.merge(name, left)), JOIN)

    # What SELECT gives

    def _projections(self, node: exp.Select, place: Place) -> Iterator[OutputColumn]:
        for projection in node.expressions:
            star = projection.this if isinstance(projection, exp.Column) else projection
            if isinstance(star, exp.Star):
                yield from self._star(projection, star, place)
                continue
            edges = self.edges(projection, place)
            if isinstance(projection, exp.Alias):
                aliases = place.scope.aliases
                name = projection.alias.lower()
                aliases[name] = aliases.get(name, NO_EDGES) | edges
            yield OutputColumn(
                _name(projection),
                edges,
                line_of(projection),
                is_key=not _has_aggregate(projection),
                is_unnested=projection.find(exp.Explode) is not None,
            )

    def _star(self, node: exp.Expr, star: exp.Star, place: Place) -> Iterator[OutputColumn]:
        path = _path(node)[:-1] if isinstance(node, exp.Column) else []
        line = line_of(node)
        scope = place.scope
        found = self._named(node, lambda: list(scope.star_of(path) if path else scope.star()))
        merged = {name for _, name in scope.merged}
        excluded = {tuple(_path(it)) for it in parts(star, "except")}
        if any(len(it) > 1 and it[-1] in merged for it in excluded):
            raise UntraceableError(
                line, "EXCLUDE of one side of a USING column", "write its name without the table"
            )
        replaced = {it.alias.lower(): self.edges(it, place) for it in parts(star, "replace")}
        renamed = {it.this.name.lower(): it.alias.lower() for it in parts(star, "rename")}
        for alias, name, edges in found:
            if not excluded & {(name,), (alias, name)}:
                given = None if name.startswith(UNNAMED) else renamed.get(name, name)
                yield OutputColumn(given, replaced.get(name, edges), line)

    # What decides about rows

    def _influence(self, node: exp.Expr | None, how: How, place: Place) -> Edges:
        return NO_EDGES if node is None else followed_by(self.edges(node, place), how)

    def _groups(self, node: exp.Select, columns: tuple[OutputColumn, ...], place: Place) -> Edges:
        group = part(node, "group")
        if group is None:
            return NO_EDGES
        keys: list[exp.Expr | OutputColumn] = list(_keys(group, columns))
        if group.args.get("all"):
            keys += [column for column in columns if column.is_key]
        return self._decided(keys, GROUP_BY, place)

    def _distinct(self, node: exp.Select, columns: tuple[OutputColumn, ...], place: Place) -> Edges:
        distinct = part(node, "distinct")
        if distinct is None:
            return NO_EDGES
        on = part(distinct, "on")
        return self._decided(columns if on is None else _keys(on, columns), GROUP_BY, place)

    def _sorts(self, node: exp.Expr, columns: tuple[OutputColumn, ...], place: Place) -> Edges:
        order = part(node, "order")
        if order is None:
            return NO_EDGES
        if any(isinstance(it.this, exp.Var) for it in order.expressions):
            return self._decided(columns, SORT, place)
        return self._decided(_keys(order, columns), SORT, place)

    def _decided(self, keys: Iterable[exp.Expr | OutputColumn], how: How, place: Place) -> Edges:
        found: set[Edge] = set()
        for key in keys:
            edges = key.edges if isinstance(key, OutputColumn) else self.edges(key, place)
            found |= followed_by(edges, how)
        return frozenset(found)

    # Expressions

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
            place = _within(node, place)
        found: set[Edge] = set()
        for child, step in steps(node, self.macros, place.windows):
            found |= self.edges(child, place, step.then(how))
        return frozenset(found)

    def _column(self, node: exp.Column, place: Place) -> Edges:
        path = _path(node)
        if path[0] in place.bound:
            return NO_EDGES
        return self._named(node, lambda: place.scope.edges(path))

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
        inner = _within(node, place)
        found = self.edges(node.args["iterator"], place, TRANSFORMATION.then(how))
        found |= self.edges(node.this, inner, TRANSFORMATION.then(how))
        condition = part(node, "condition")
        if condition is not None:
            found |= self.edges(condition, inner, CONDITIONAL.then(how))
        return found

    def _named(self, node: exp.Expr, find: Callable[[], Found]) -> Found:
        try:
            return find()
        except UnknownNameError as error:
            raise UntraceableError(line_of(node), str(error), error.advice) from error


def _is_group(node: exp.Expr) -> bool:
    """Whether a node is a join in parentheses, not a query."""
    if not isinstance(node, exp.Subquery):
        return False
    inner = node.this
    is_named = isinstance(inner, exp.Subquery) and {"alias", "joins"} & arguments(inner)
    return isinstance(inner, exp.Table) or bool(is_named)


def _path(node: exp.Expr) -> list[str]:
    """The parts of a column's name in lower case."""
    written = node.parts if isinstance(node, exp.Column) else [node]
    return [part.name.lower() for part in written]


def _name(projection: exp.Expr) -> str | None:
    """The name a column of a SELECT has; None where only DuckDB knows one."""
    if isinstance(projection, exp.Alias | exp.Column):
        return str(projection.alias_or_name).lower()
    if isinstance(projection, exp.Paren):
        return _name(projection.this)
    return projection.expression.name.lower() if isinstance(projection, exp.Dot) else None


def _within(node: exp.Expr, place: Place) -> Place:
    """The place inside a lambda or a comprehension, where its parameters are known."""
    parameters = _parameters(node)
    for name in sorted(parameters):
        # With a dot after it, DuckDB prefers a table or a struct of that name to the parameter.
        if place.scope.knows(name):
            raise UntraceableError(
                line_of(node),
                f"the parameter {name} is also a table, a column or an alias that is read here",
                "give the parameter another name",
            )
    return replace(place, bound=place.bound | parameters)


def _parameters(node: exp.Expr) -> frozenset[str]:
    named = parts(node, "expressions") or [
        it for it in (part(node, "expression"), part(node, "position")) if it is not None
    ]
    return frozenset(name.name.lower() for it in named for name in (it.expressions or [it]))


def _keys(node: exp.Expr, columns: Sequence[OutputColumn]) -> Iterator[exp.Expr | OutputColumn]:
    """The parts of GROUP BY, ORDER BY or ON; a number means that column of the SELECT."""
    for key in node.iter_expressions():
        if isinstance(key, KEY_LISTS):
            yield from _keys(key, columns)
        elif not (isinstance(key, exp.Literal) and key.is_int):
            yield key
        elif 0 < int(key.name) <= len(columns):
            yield columns[int(key.name) - 1]


def _has_aggregate(node: exp.Expr) -> bool:
    """Whether GROUP BY ALL leaves a column out, because it aggregates."""
    found = node.find_all(exp.AggFunc)
    return any(
        not isinstance(it.parent, exp.Window) and not it.find_ancestor(exp.Window) for it in found
    )


def _renamed(output: Output, node: exp.Expr) -> Output:
    """A query's output under the column names that an alias gives, as in `as t(a, b)`."""
    alias = part(node, "alias")
    names = [name.name.lower() for name in parts(alias, "columns")] if alias is not None else []
    first = [
        replace(column, name=name) for column, name in zip(output.columns, names, strict=False)
    ]
    return replace(output, columns=(*first, *output.columns[len(names) :]))


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
