"""Where in a model an expression stands, and who follows it from there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from benepass_tasks.sqlmodels.lineage.edges import IDENTITY, Edges, How
from benepass_tasks.sqlmodels.lineage.names import Output, Scope, UnknownNameError
from benepass_tasks.sqlmodels.lineage.problems import UntraceableError
from benepass_tasks.sqlmodels.syntax import Node

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a model an expression stands, and so what its names mean.

    Attributes:
        scope: The names of the SELECT.
        ctes: What `with` has defined so far, by name.
        bound: The parameters of the lambdas around.
    """

    scope: Scope
    ctes: Mapping[str, Output]
    bound: frozenset[str] = frozenset()


class Walker(Protocol):
    """What the parts of a query ask the walk for, since any of them may hold a query."""

    @property
    def tables(self) -> Mapping[str, Mapping[str, Edges]]:
        """The edges of every table's columns, by relation and name."""

    def query(self, node: Node, ctes: Mapping[str, Output], outer: Scope | None = None) -> Output:
        """What a query gives."""

    def edges(self, node: Node, place: Place, how: How = IDENTITY) -> Edges:
        """What the value of an expression derives from."""

    def noted(self, edges: Edges, line: int) -> Edges:
        """What decides about rows, once it is noted on which line it does."""


def named(node: Node, find: Callable[[], Found]) -> Found:
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
        raise UntraceableError(node.line, str(error), error.advice) from error


def path_of(node: Node) -> list[str]:
    """The parts of a column's name in lower case.

    Raises:
        UntraceableError: a part is not ASCII. DuckDB folds the case of ASCII alone, and so two
            names could be taken for one.
    """
    return [plain(name, node.line) for name in node.parts["column_names"]]


def plain(name: str, line: int) -> str:
    """A name in lower case.

    Raises:
        UntraceableError: it is not ASCII.
    """
    if not name.isascii():
        raise UntraceableError(line, f"the name {name}", "write names in ASCII letters")
    return name.lower()


def within(node: Node, place: Place) -> Place:
    """The place inside a lambda, where its parameters are known."""
    written = node.node("lhs")
    names = written.nodes("children") if written and written.kind == "FUNCTION" else [written]
    parameters = frozenset(name for it in names if it is not None for name in path_of(it)[:1])
    for name in sorted(parameters):
        # With a dot after it, DuckDB prefers a table or a struct of that name to the parameter.
        if place.scope.knows(name):
            raise UntraceableError(
                node.line,
                f"the parameter {name} is also a table, a column or an alias that is read here",
                "give the parameter another name",
            )
    return replace(place, bound=place.bound | parameters)
