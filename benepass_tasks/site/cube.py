"""What is spent by month, benefit type and merchant: all that the filters of the overview change.

Its figures, charts and tables are sums over this one cube, here for what is shown first and in
`overview.js` for what a filter leaves, so that no two of them disagree.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any

from benepass_tasks.site.page import MOST_ROWS, Row
from benepass_tasks.site.sources import Sources

MOST_MONTHS = 120
"""Months that the page tells apart: ten years of them."""

MOST_TYPES = 20
"""Benefit types that the page tells apart."""

OTHER_MONTHS = "other months"
"""The months beyond, and transactions without one."""

OTHER_TYPES = "other benefit types"
"""The benefit types beyond."""


@dataclass(frozen=True, slots=True)
class Cube:
    """Sums by month, benefit type and merchant.

    Attributes:
        rows: With `month`, `benefit_type`, `merchant`, `transactions`, `flagged` and `spend`.
            Where the merchant is None, they are of the merchants that have no rows of their own,
            and `most_in_cell` and `most_in_month` are what any one of these spent at most.
        folded: How many merchants have no rows of their own.
        most_of_folded: What any one of these spent at most in all.
    """

    rows: Sequence[Mapping[str, Any]]
    folded: int
    most_of_folded: float

    def names(self, dimension: str) -> list[str]:
        """The values of a dimension, in the order of the rows."""
        return list(dict.fromkeys(row[dimension] for row in self.rows if row[dimension]))

    def totals(self) -> dict[str, Any]:
        """The sums over all: `transactions`, `flagged` and `spend`."""
        return _sums(self.rows)

    def by(self, dimension: str) -> list[dict[str, Any]]:
        """The sums for each value of a dimension, and their `share` of all spend.

        In the order of the rows for the months, else the one with the most spend first.
        """
        groups: dict[object, list[Mapping[str, Any]]] = {}
        for row in self.rows:
            groups.setdefault(row[dimension], []).append(row)
        total = _sums(self.rows)["spend"]
        sums = [{dimension: value, **_sums(rows)} for value, rows in groups.items()]
        made = [{**it, "share": it["spend"] / total if total else None} for it in sums]
        if dimension == "month":
            return made
        return sorted(made, key=lambda it: (-it["spend"], it[dimension] or ""))


def read_cube(sources: Sources) -> Cube:
    """The sums over what is published."""
    found: Sequence[Mapping[str, Any]] = sources.published(
        "spend_cube", most_rows=MOST_ROWS, most_months=MOST_MONTHS, most_types=MOST_TYPES
    )
    merchants = _told_apart(found)
    rows = [
        {
            "month": row["spend_month"] or OTHER_MONTHS,
            "benefit_type": row["benefit_type"],
            "merchant": merchants.get(row["merchant_rank"]),
            "transactions": row["transactions"],
            "flagged": row["flagged"],
            "spend": row["spend"],
            "most_in_cell": row["most_in_cell"],
            "most_in_month": row["most_in_month"],
        }
        for row in found
    ]
    folded = found[0]["folded_merchants"] if found else 0
    return Cube(rows, folded, found[0]["most_of_folded"] if folded else 0.0)


def _told_apart(found: Iterable[Mapping[str, Any]]) -> dict[int, str]:
    """The merchants by rank; those that begin alike as far as a page shows them are numbered."""
    names = {row["merchant_rank"]: row["merchant"] for row in found if row["merchant_rank"]}
    seen: Counter[str] = Counter()
    for rank, name in sorted(names.items()):
        seen[name] += 1
        if seen[name] > 1:
            names[rank] = f"{name} ({seen[name]})"
    return names


def _sums(rows: Iterable[Row]) -> dict[str, Any]:
    listed: list[Mapping[str, Any]] = list(rows)
    counts = {key: sum(row[key] for row in listed) for key in ("transactions", "flagged")}
    return {**counts, "spend": round(fsum(row["spend"] for row in listed), 2)}
