"""A model's SQL as nodes: stored tables, and queries over them, of SELECTs over named sources.

What an expression over a query is over the sources of one of its SELECTs (`lower`), which single
source it is made of (`anchor`), and how the other sources hang on that one (`joins`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from benepass_tasks.sqlmodels.changes.expressions import Functions, is_function_of
from benepass_tasks.sqlmodels.changes.trees import (
    NoRuleError,
    Tree,
    identity,
    own,
    replaced,
    sources_of,
)

JoinKind: TypeAlias = Literal["from", "inner", "left", "semi", "anti"]


@dataclass(eq=False, slots=True)
class Stored:
    """A table of the warehouse.

    Attributes:
        relation: `layer.table`.
        columns: Its columns in lower case, in order.
        needed: Those of them that the model reads.
        is_starred: Whether it reads whatever columns there are.
    """

    relation: str
    columns: tuple[str, ...]
    needed: set[str] = field(default_factory=set)
    is_starred: bool = False


@dataclass(eq=False, slots=True)
class Query:
    """A CTE, a view, a subquery or the model itself.

    Attributes:
        name: What it is called, for messages.
        columns: Its columns in lower case, in order.
        selects: Its SELECTs: one, or those that UNION, EXCEPT or INTERSECT combine by position.
        tree: Its SQL.
    """

    name: str
    columns: tuple[str, ...]
    selects: "tuple[Select, ...]"
    tree: Tree

    @property
    def is_figure(self) -> bool:
        """Whether it is one row, told from all rows of a stored table."""
        [first, *others] = self.selects
        read = [it.node for it in first.sources]
        is_one_row = not others and first.group == () and not first.after
        return is_one_row and len(read) == 1 and isinstance(read[0], Stored)

    def of_branch(self, select: "Select", expressions: Iterable[Tree]) -> list[Tree]:
        """Expressions over its columns as those over the columns of one of its SELECTs."""
        names = dict(zip(self.columns, select.names, strict=True))
        return [replaced(it, lambda at: at | {"name": names[at["name"]]}) for it in expressions]


Node: TypeAlias = Stored | Query


@dataclass(eq=False, slots=True)
class Source:
    """What stands in FROM under a name.

    Attributes:
        alias: That name.
        node: What it is.
        kind: How it is joined to those before it.
        on: The conditions of the join.
    """

    alias: str
    node: Node
    kind: JoinKind
    on: list[Tree] = field(default_factory=list)

    @property
    def filters(self) -> bool:
        """Whether a row of the others is lost where a condition of the join does not hold."""
        return self.kind in ("from", "inner", "semi")


@dataclass(frozen=True, slots=True)
class Edge:
    """How a joined source hangs on another: `theirs` of the parent equals `mine` of the child.

    Attributes:
        child: The one.
        parent: The other.
        mine: Expressions over the child's node.
        theirs: Those over the parent's node that they equal.
        is_strict: Whether NULL equals nothing.
    """

    child: Source
    parent: Source
    mine: tuple[Tree, ...]
    theirs: tuple[Tree, ...]
    is_strict: bool


@dataclass(frozen=True, slots=True)
class Joins:
    """How all sources of a SELECT hang on one of them.

    Attributes:
        edges: Parents first.
        unbound: The sources that no equality binds to the others.
    """

    edges: tuple[Edge, ...]
    unbound: tuple[Source, ...]

    def below(self, parent: Source) -> Iterator[Edge]:
        """The edges to the sources that hang on one directly."""
        return (edge for edge in self.edges if edge.parent is parent)


@dataclass(eq=False, slots=True)
class Select:
    """One SELECT without set operations; all expressions name the source of each column.

    Attributes:
        sources: What it reads.
        names: Its columns in lower case, in order.
        outputs: What they are.
        where: The conditions of WHERE.
        group: What it groups by; None where it does not aggregate.
        after: The conditions of HAVING and QUALIFY.
        partitions: What each of its windows is partitioned by.
        functions: What is known of functions.
    """

    sources: tuple[Source, ...]
    names: tuple[str, ...]
    outputs: tuple[Tree, ...]
    where: tuple[Tree, ...]
    group: tuple[Tree, ...] | None
    after: tuple[Tree, ...]
    partitions: tuple[tuple[Tree, ...], ...]
    functions: Functions
    _conditions_on: dict[str, list[Tree]] = field(default_factory=dict)

    @property
    def conditions(self) -> list[Tree]:
        """What each row meets that counts: WHERE, and the conditions of inner joins."""
        joined = (it for other in self.sources if other.filters for it in other.on)
        return [*self.where, *joined]

    def source(self, alias: str) -> Source:
        """The source of a name."""
        return next(it for it in self.sources if it.alias == alias)

    def lower(self, expressions: Iterable[Tree]) -> list[Tree]:
        """Expressions over its columns, as those over its sources.

        Raises:
            NoRuleError: one is decided by more than one row of the sources.
        """
        outputs = dict(zip(self.names, self.outputs, strict=True))
        lowered = [replaced(it, lambda at: field_of(outputs[at["name"]], at)) for it in expressions]
        for it in lowered:
            if self.functions.is_of_many_rows(it):
                raise NoRuleError("a key that an aggregate, a window or UNNEST computes")
            if self.group is not None and not is_function_of(it, self.group):
                raise NoRuleError("a key that GROUP BY does not group by")
        return lowered

    def anchor(self, expressions: Sequence[Tree]) -> tuple[Source, list[Tree]]:
        """The one source that expressions are made of, and what they are over its node.

        Raises:
            NoRuleError: there are several, or it is the optional side of a LEFT JOIN.
        """
        found = sources_of(*expressions)
        if len(found) > 1:
            expressions = self._by_equality(expressions, found)
            found = sources_of(*expressions)
        if len(found) > 1:
            raise NoRuleError("a key of more than one table")
        source = self.source(found.pop()) if found else self.sources[0]
        if source.kind == "left":
            raise NoRuleError("a key of the optional side of a LEFT JOIN")
        return source, [own(it) for it in expressions]

    def conditions_on(self, source: Source) -> list[Tree]:
        """What each row of a source meets that counts, of columns of that source alone.

        Of the optional side of a LEFT JOIN, and of what is only looked for, these are conditions
        of the join; a row that fails one is not found, whatever else is joined.
        """
        if source.alias not in self._conditions_on:
            looked_for = source.kind in ("left", "semi", "anti")
            given = source.on if looked_for else self.conditions
            found = [own(it) for it in given if self._is_condition_on(source, it)]
            self._conditions_on[source.alias] = found
        return [*self._conditions_on[source.alias]]

    def lowered_conditions(self, source: Source, conditions: Iterable[Tree]) -> list[Tree]:
        """Those conditions over its columns that are conditions on one source alone."""
        found = []
        for it in conditions:
            try:
                [lowered] = self.lower([it])
            except NoRuleError:
                continue
            if self._is_condition_on(source, lowered):
                found.append(own(lowered))
        return found

    def _is_condition_on(self, source: Source, condition: Tree) -> bool:
        is_of_one_row = not self.functions.is_of_many_rows(condition)
        return is_of_one_row and sources_of(condition) == {source.alias}

    def _by_equality(self, expressions: Sequence[Tree], found: set[str]) -> list[Tree]:
        """Expressions over one source, where inner joins set other columns equal to some."""
        for alias in sorted(found):
            equal = dict(self._equal_to(alias))
            new = [replaced(it, lambda at: equal.get(identity(at), at)) for it in expressions]  # noqa: B023 - used at once
            if sources_of(*new) == {alias}:
                return new
        return list(expressions)

    def _equal_to(self, alias: str) -> Iterator[tuple[str, Tree]]:
        inner = (it for source in self.sources if source.kind == "inner" for it in source.on)
        for condition in (*self.where, *inner):
            if condition["type"] == "COMPARE_EQUAL":
                for mine, theirs in sides(condition):
                    if theirs["class"] == "COLUMN" and sources_of(mine) == {alias}:
                        yield identity(theirs), mine


def nodes_below(root: Node) -> list[Node]:
    """A node and all that it reads, each after those that read it."""
    found: dict[Node, None] = {}

    def visit(node: Node) -> None:
        if node not in found:
            selects = node.selects if isinstance(node, Query) else ()
            for source in (it for select in selects for it in select.sources):
                visit(source.node)
            found[node] = None

    visit(root)
    return [*reversed(found)]


def sides(condition: Tree) -> Iterator[tuple[Tree, Tree]]:
    """The sides of an equality, both ways round; nothing of any other condition."""
    if condition["type"] in ("COMPARE_EQUAL", "COMPARE_NOT_DISTINCT_FROM"):
        yield condition["left"], condition["right"]
        yield condition["right"], condition["left"]


def field_of(value: Tree, at: Tree) -> Tree:
    """The field of a struct that a column names, where something else stands for the column.

    Raises:
        NoRuleError: what stands for it is not a column.
    """
    if not at["fields"]:
        return value
    if value["class"] != "COLUMN":
        raise NoRuleError("a field of a struct that the same SELECT makes")
    return value | {"fields": [*value["fields"], *at["fields"]]}
