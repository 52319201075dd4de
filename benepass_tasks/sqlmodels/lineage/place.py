"""Where in a model an expression stands, and who follows it from there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from sqlglot import exp

from benepass_tasks.sqlmodels.lineage.edges import IDENTITY, Edges, How
from benepass_tasks.sqlmodels.lineage.names import Output, Scope, UnknownNameError
from benepass_tasks.sqlmodels.lineage.problems import UntraceableError
from benepass_tasks.sqlmodels.lineage.syntax import line_of, part, parts

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


class Walker(Protocol):
    """What the parts of a query ask the walk for, since any of them may hold a query."""

    @property
    def tables(self) -> Mapping[str, Mapping[str, Edges]]:
        """The edges of every table's columns, by relation and name."""

    def query(
        self, node: exp.Expr, ctes: Mapping[str, Output], outer: Scope | None = None
    ) -> Output:
        """What a query gives."""

    def edges(self, node: exp.Expr, place: Place, how: How = IDENTITY) -> Edges:
        """What the value of an expression derives from."""


def named(node: exp.Expr, find: Callable[[], Found]) -> Found:
    """What `find` finds for a name.

    Args:
        node: What the name stands in, for its line.
        find: Looks the name up.

    Raises:
        UntraceableError: the name means nothing, several things, or a whole row.
    """
    try:
        return find()
    except UnknownNameError as error:
        raise UntraceableError(line_of(node), str(error), error.advice) from error


def path_of(node: exp.Expr) -> list[str]:
    """The parts of a column's name in lower case."""
    written = node.parts if isinstance(node, exp.Column) else [node]
    return [part.name.lower() for part in written]


def within(node: exp.Expr, place: Place) -> Place:
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
    written = parts(node, "expressions") or [
        it for it in (part(node, "expression"), part(node, "position")) if it is not None
    ]
    return frozenset(name.name.lower() for it in written for name in (it.expressions or [it]))
