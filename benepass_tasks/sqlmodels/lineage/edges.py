"""How a column derives from another, in the words of OpenLineage's column lineage facet."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Type = Literal["DIRECT", "INDIRECT"]
Subtype = Literal[
    "IDENTITY",
    "TRANSFORMATION",
    "AGGREGATION",
    "JOIN",
    "FILTER",
    "GROUP_BY",
    "SORT",
    "WINDOW",
    "CONDITIONAL",
]

STRENGTH: dict[str, int] = {"IDENTITY": 0, "TRANSFORMATION": 1, "AGGREGATION": 2}
"""The subtypes of DIRECT; along a path the strongest one counts."""


@dataclass(frozen=True, slots=True, order=True)
class ColumnRef:
    """One column, wherever it is.

    Attributes:
        relation: A table as `layer.table`, or a source's bare name, such as `employees`.
        column: The column's name in lower case.
    """

    relation: str
    column: str

    def __str__(self) -> str:
        """The column as it is written in SQL, such as `marts.dim_employees.email`."""
        return f"{self.relation}.{self.column}"


@dataclass(frozen=True, slots=True)
class How:
    """What happens to a value on its way: DIRECT if it is passed on, INDIRECT if it only decides.

    Attributes:
        type: Whether the value, or what was made from it, arrives.
        subtype: What was done with it.
        masking: The sanctioned masking macro that the value passes, or `count` where only their
            number arrives; None where nothing masks it.
    """

    type: Type
    subtype: Subtype
    masking: str | None = None

    def then(self, onward: "How") -> "How":
        """What the two steps are together, `onward` being the later one.

        INDIRECT wins over DIRECT, the stronger DIRECT subtype over the weaker, the later INDIRECT
        one over the earlier; the earliest masking is the one that is named.
        """
        if self == IDENTITY:
            return onward
        if onward == IDENTITY:
            return self
        masking = self.masking or onward.masking
        if onward.type == "INDIRECT":
            return How("INDIRECT", onward.subtype, masking)
        if self.type == "INDIRECT":
            return How("INDIRECT", self.subtype, masking)
        stronger = max(self.subtype, onward.subtype, key=STRENGTH.__getitem__)
        return How("DIRECT", stronger, masking)


IDENTITY = How("DIRECT", "IDENTITY")
TRANSFORMATION = How("DIRECT", "TRANSFORMATION")
AGGREGATION = How("DIRECT", "AGGREGATION")
COUNT = How("DIRECT", "AGGREGATION", "count")
JOIN = How("INDIRECT", "JOIN")
FILTER = How("INDIRECT", "FILTER")
GROUP_BY = How("INDIRECT", "GROUP_BY")
SORT = How("INDIRECT", "SORT")
WINDOW = How("INDIRECT", "WINDOW")
CONDITIONAL = How("INDIRECT", "CONDITIONAL")


@dataclass(frozen=True, slots=True)
class Edge:
    """One way in which a column, or the rows of a table, derive from a column.

    Attributes:
        origin: The column the value comes from.
        type: DIRECT where the value, or what was made from it, arrives; INDIRECT where it decides.
        subtype: IDENTITY, TRANSFORMATION or AGGREGATION of DIRECT; the others of INDIRECT.
        masking: The masking macro that the value passes, `count`, or None.
    """

    origin: ColumnRef
    type: Type
    subtype: Subtype
    masking: str | None = None

    @property
    def how(self) -> How:
        """The edge without its origin."""
        return How(self.type, self.subtype, self.masking)

    def then(self, onward: How) -> "Edge":
        """The edge with one more step after it."""
        return edge_of(self.origin, self.how.then(onward))

    def __lt__(self, other: "Edge") -> bool:
        """Order by origin, then by what is done; no masking comes first."""
        return self._key < other._key

    @property
    def _key(self) -> tuple[ColumnRef, str, str, str]:
        return (self.origin, self.type, self.subtype, self.masking or "")


Edges = frozenset[Edge]
NO_EDGES: Edges = frozenset()


def edge_of(origin: ColumnRef, how: How) -> Edge:
    """The edge that leads from `origin` in the given way."""
    return Edge(origin, how.type, how.subtype, how.masking)


def followed_by(edges: Iterable[Edge], onward: How) -> Edges:
    """All the edges, each with one more step after it."""
    if onward == IDENTITY:
        return frozenset(edges)
    return frozenset(edge.then(onward) for edge in edges)
