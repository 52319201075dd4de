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

Asks = Literal["anything", "presence", "sameness", "count", "order", "place"]
"""What a decision wants to know of a value: whether it is there; which rows have the same; how many
do; where it comes in an order; in which place its row stands; or whatever else."""

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
        is_whole: Whether the value arrives as it is or written tidily, so that its result is there
            if it is, and is the same if it is; where it decides, whether such a value does.
        asks: Of INDIRECT, what of the value decides.
    """

    type: Type
    subtype: Subtype
    masking: str | None = None
    is_whole: bool = False
    asks: Asks = "anything"

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
        if self.type == "INDIRECT":
            subtype = onward.subtype if onward.type == "INDIRECT" else self.subtype
            return How("INDIRECT", subtype, masking, self.is_whole, self._asks_before(onward))
        is_whole = self.is_whole and onward.is_whole
        if onward.type == "INDIRECT":
            return How("INDIRECT", onward.subtype, masking, is_whole, onward.asks)
        stronger = max(self.subtype, onward.subtype, key=STRENGTH.__getitem__)
        return How("DIRECT", stronger, masking, is_whole)

    def _asks_before(self, onward: "How") -> Asks:
        """What is left of an answer: a number of its own group is gone once it is added up."""
        is_shown = onward.type == "DIRECT" and onward.subtype != "AGGREGATION"
        if self.asks == "count" and not is_shown:
            return "sameness"
        if self.asks == "order" and onward.type == "INDIRECT":
            return "anything"
        return self.asks


IDENTITY = How("DIRECT", "IDENTITY", is_whole=True)
BLENDED = How("DIRECT", "IDENTITY")
"""Put among values from elsewhere, with which it can be compared then."""
TIDY = How("DIRECT", "TRANSFORMATION", is_whole=True)
TRANSFORMATION = How("DIRECT", "TRANSFORMATION")
AGGREGATION = How("DIRECT", "AGGREGATION")
COUNT = How("DIRECT", "AGGREGATION", "count", is_whole=True)
JOIN = How("INDIRECT", "JOIN", is_whole=True)
FILTER = How("INDIRECT", "FILTER", is_whole=True)
GROUP_BY = How("INDIRECT", "GROUP_BY", is_whole=True, asks="sameness")
GROUP_COUNT = How("INDIRECT", "GROUP_BY", is_whole=True, asks="count")
SORT = How("INDIRECT", "SORT", is_whole=True)
PLACE = How("INDIRECT", "SORT", is_whole=True, asks="place")
WINDOW = How("INDIRECT", "WINDOW", is_whole=True)
PARTITION = How("INDIRECT", "WINDOW", is_whole=True, asks="sameness")
PARTITION_COUNT = How("INDIRECT", "WINDOW", is_whole=True, asks="count")
RANKED = How("INDIRECT", "WINDOW", is_whole=True, asks="order")
CONDITIONAL = How("INDIRECT", "CONDITIONAL", is_whole=True)
PRESENCE = How("INDIRECT", "CONDITIONAL", is_whole=True, asks="presence")
SAMENESS = How("INDIRECT", "CONDITIONAL", is_whole=True, asks="sameness")


@dataclass(frozen=True, slots=True)
class Edge:
    """One way in which a column, or the rows of a table, derive from a column.

    Attributes:
        origin: The column the value comes from.
        type: DIRECT where the value, or what was made from it, arrives; INDIRECT where it decides.
        subtype: IDENTITY, TRANSFORMATION or AGGREGATION of DIRECT; the others of INDIRECT.
        masking: The masking macro that the value passes, `count`, or None.
        is_whole: As in `How`.
        asks: As in `How`.
    """

    origin: ColumnRef
    type: Type
    subtype: Subtype
    masking: str | None = None
    is_whole: bool = False
    asks: Asks = "anything"

    @property
    def how(self) -> How:
        """The edge without its origin."""
        return How(self.type, self.subtype, self.masking, self.is_whole, self.asks)

    @property
    def is_identity(self) -> bool:
        """Whether the very value arrives, and nothing is done to it."""
        return self.subtype == "IDENTITY" and self.masking is None

    def then(self, onward: How) -> "Edge":
        """The edge with one more step after it."""
        return edge_of(self.origin, self.how.then(onward))

    def __lt__(self, other: "Edge") -> bool:
        """Order by origin, then by what is done; no masking comes first."""
        return self._key < other._key

    @property
    def _key(self) -> tuple[ColumnRef, str, str, str, bool, str]:
        masking = self.masking or ""
        return (self.origin, self.type, self.subtype, masking, self.is_whole, self.asks)


Edges = frozenset[Edge]


def shown(edges: Iterable[Edge]) -> list[Edge]:
    """Edges in order for a reader, who is told what decides, and not what is asked of it."""
    return sorted({Edge(it.origin, it.type, it.subtype, it.masking) for it in edges})


NO_EDGES: Edges = frozenset()


def edge_of(origin: ColumnRef, how: How) -> Edge:
    """The edge that leads from `origin` in the given way."""
    return Edge(origin, how.type, how.subtype, how.masking, how.is_whole, how.asks)


def followed_by(edges: Iterable[Edge], onward: How) -> Edges:
    """All the edges, each with one more step after it."""
    if onward == IDENTITY:
        return frozenset(edges)
    return frozenset(edge.then(onward) for edge in edges)
