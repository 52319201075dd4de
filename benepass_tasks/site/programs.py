"""Programmes: what each may spend in a month against what it does."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any

from benepass_tasks.site.cube import OTHER_TYPES, Cube
from benepass_tasks.site.page import MOST_ROWS
from benepass_tasks.site.sources import Sources


@dataclass(frozen=True, slots=True)
class Programs:
    """Programmes by month.

    Attributes:
        months: Rows of `month`, `program`, `benefit_type`, `allowance`, `spend`, `used` (the part
            of the allowance), `is_unknown` where that is not known, and `note`, which says where
            the figures are withheld.
        total: All rows there are, where these are not all.
        until: The month of the as-of date.
    """

    months: Sequence[Mapping[str, Any]]
    total: int
    until: str

    def by_program(self) -> list[dict[str, Any]]:
        """The mean of the months for each programme, that with the most spend first.

        Months after the as-of date do not count: what is dated there is little, and doubtful. The
        programmes without figures come last, and have none here either. `overview.js` has the same
        sums.
        """
        months = [row for row in self.months if row["month"] <= self.until]
        count = len({row["month"] for row in months})
        groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
        for row in months:
            groups.setdefault((row["benefit_type"], row["program"]), []).append(row)
        made = [
            {"benefit_type": benefit_type, "program": program, **_means(rows, count)}
            for (benefit_type, program), rows in groups.items()
        ]
        return sorted(made, key=_most_spend_first)


def read_programs(sources: Sources, cube: Cube) -> Programs:
    """What is published of the programmes' months, under the benefit types of the cube."""
    found = sources.published("program_months", most_rows=MOST_ROWS)
    note = f"withheld: groups of fewer than {sources.settings.min_group_size} employees"
    types = {row["benefit_type"] for row in cube.rows}
    is_known = types.__contains__ if OTHER_TYPES in types else (lambda _: True)
    months = [
        {
            "month": row["spend_month"],
            "program": row["program_name"],
            "benefit_type": row["benefit_type"] if is_known(row["benefit_type"]) else OTHER_TYPES,
            "allowance": row["allowance"],
            "spend": row["spend"],
            "used": row["utilization_rate"],
            "is_unknown": bool(row["is_unknown"]),
            "note": note if row["is_withheld"] else None,
        }
        for row in found
    ]
    total = int(str(found[0]["all_rows"])) if found else 0
    return Programs(months, total, sources.settings.as_of.isoformat()[:7])


def _most_spend_first(row: Mapping[str, Any]) -> tuple[bool, float, str, str]:
    return row["spend"] is None, -(row["spend"] or 0), row["program"], row["benefit_type"]


def _means(rows: Iterable[Mapping[str, Any]], months: int) -> dict[str, Any]:
    listed = list(rows)
    note = next((row["note"] for row in listed if row["note"]), None)
    if note:
        return {"allowance": None, "spend": None, "used": None, "note": note}
    allowance, spend = (
        round(fsum(row[key] for row in listed) / months, 2) for key in ("allowance", "spend")
    )
    is_known = not any(row["is_unknown"] for row in listed)
    used = spend / allowance if allowance and is_known else None
    return {"allowance": allowance, "spend": spend, "used": used, "note": None}
