"""Years that are counted otherwise than in the common era."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from benepass_tasks.catalog.forms import Era
from benepass_tasks.ingestion.proposals.columns import MOST
from benepass_tasks.ingestion.proposals.profile import ColumnProfile

_EMPERORS: Final = {"令和": 2018, "R": 2018, "平成": 1988, "H": 1988, "昭和": 1925, "S": 1925}


def _of_emperor(found: re.Match[str]) -> str:
    year = 1 if found[2] == "元" else int(found[2])
    return str(_EMPERORS[found[1].upper()] + year)


_ERAS: Final[Mapping[Era, tuple[re.Pattern[str], Callable[[re.Match[str]], str]]]] = {
    "buddhist": (
        re.compile(r"(?<![0-9])2[4-6][0-9]{2}(?![0-9])"),
        lambda found: str(int(found[0]) - 543),
    ),
    "minguo": (
        re.compile(r"^(?:(?:中華)?民[國国] ?([0-9]{2,3})|(1[0-9]{2}))(?=[^0-9])"),
        lambda found: str(int(found[1] or found[2]) + 1911),
    ),
    "japanese": (
        re.compile(r"^(令和|平成|昭和|[RHSrhs]) ?(元|[0-9]{1,2})(?=[^0-9])"),
        _of_emperor,
    ),
}
"""Where the year of an era stands, and the common one for it, as `common_era` of the SQL has it."""


def in_common_era(column: ColumnProfile) -> tuple[ColumnProfile, Era | None]:
    """The column with common years, and the era of its own; as it is where nothing tells of one."""
    for era, (pattern, common) in _ERAS.items():
        if column.filled and column.matching(pattern.search) >= MOST * column.filled:
            values = [it and pattern.sub(common, it.strip(), count=1) for it in column.values]
            return replace(column, values=values), era
    return column, None
