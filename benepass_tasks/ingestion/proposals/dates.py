"""How dates and instants are written: the order of day, month and year, and numbers of days."""

import re
from collections.abc import Iterator
from functools import partial
from typing import Final

from benepass_tasks.ingestion.proposals.columns import MOST
from benepass_tasks.ingestion.proposals.profile import ColumnProfile
from benepass_tasks.ingestion.proposals.reading import Holds, Reading, WrittenAs

DAY: Final = re.compile(
    r"([0-9]{4}[-./][0-9]{1,2}[-./][0-9]{1,2}|[0-9]{1,2}[./-][0-9]{1,2}[./-]([0-9]{4}|[0-9]{2}))"
)
"""What a date in numbers looks like, whatever comes first."""

_SERIAL: Final = re.compile(r"[1-9][0-9]{4}([.][0-9]+)?")
_NUMERIC: Final = re.compile(
    r"(?P<a>[0-9]{1,4})(?P<s1>[./-]|年)(?P<b>[0-9]{1,2})(?P<s2>[./-]|月)(?P<c>[0-9]{1,4})(?P<end>日?)"
    r"(?P<time>\W.*|T.*)?"
)
_COMPACT: Final = re.compile(r"[0-9]{8}(?P<time>[ T].*)?")
_NAMED: Final = re.compile(
    r"(?P<day>[0-9]{1,2})(?P<s1>[ .-]+)(?P<month>[A-Za-z]{3,9})(?P<s2>[ .,-]+)"
    r"(?P<year>[0-9]{4}|[0-9]{2})(?P<time>[ ,T].*)?"
)
_NAMED_FIRST: Final = re.compile(
    r"(?P<month>[A-Za-z]{3,9})(?P<s1>[ .]+)(?P<day>[0-9]{1,2})(?P<s2>,? +)"
    r"(?P<year>[0-9]{4}|[0-9]{2})(?P<time>[ ,T].*)?"
)
_TIME: Final = re.compile(
    r"(?P<gap>[ T,]+)(?P<hour>[0-9]{1,2}):[0-9]{2}(?P<seconds>:[0-9]{2})?"
    r"(?P<fraction>[.,][0-9]{1,9})?"
    r"(?P<half> ?[AaPp][Mm])?(?P<zone> ?(Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2}))?"
)
_WEEKDAY: Final = re.compile(
    r"((?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?:[a-z]*day)?)([, ]+)", re.IGNORECASE
)
_SHORT: Final = 3
NUMBERS: Final = ("compact", "excel_serial", "epoch_seconds", "epoch_milliseconds")
"""The readings by which a number is a date."""

_ORDERS: Final = ("DMY", "MDY")
_COUNT: Final = re.compile(r"[1-9][0-9]{8,12}([.]0+)?")


def date_readings(holds: Holds, column: ColumnProfile) -> Iterator[Reading]:
    """The ways in which the dates or instants of a column may be written."""
    yield Reading("", "ISO 8601", [{}])
    values = list(column.counts)
    for name, says, format_of in (
        ("DMY", "day, month, year", partial(_numeric_format, order="DMY")),
        ("MDY", "month, day, year", partial(_numeric_format, order="MDY")),
        ("YMD", "year, month, day", iso_format),
        ("named", "with the month's name", _named_format),
        ("compact", "year, month and day in eight digits", _compact_format),
    ):
        found = dict.fromkeys(filter(None, map(format_of, values)))
        # A day has no zone.
        formats = [it for it in found if holds == "instant" or "%z" not in it]
        if formats:
            orders: list[WrittenAs] = [{"order": name}] if name in _ORDERS else []
            yield Reading(name, says, [*orders, {"formats": formats}])
    if any(map(_SERIAL.fullmatch, values)):
        yield Reading("excel_serial", "Excel's number of days", [{"excel_serial": True}])
    if holds == "instant" and any(map(_COUNT.fullmatch, values)):
        yield Reading("epoch_seconds", "seconds since 1970", [{"epoch": "seconds"}])
        yield Reading("epoch_milliseconds", "milliseconds since 1970", [{"epoch": "milliseconds"}])


def _numeric_format(value: str, order: str) -> str | None:
    """The strptime format of numbers in an order; None where they cannot be in it."""
    found = _NUMERIC.fullmatch(value)
    if not found:
        return None
    sizes = [len(found[it]) for it in "abc"]
    year = order.index("Y")
    if any(size > 2 for place, size in enumerate(sizes) if place != year) or sizes[year] == 3:  # noqa: PLR2004
        return None
    if sizes[year] == 1 or (order == "YMD" and sizes[year] < 4):  # noqa: PLR2004
        return None
    letters = {"D": "%d", "M": "%m", "Y": "%Y" if sizes[year] == 4 else "%y"}  # noqa: PLR2004
    a, b, c = (letters[it] for it in order)
    time = _time_format(found["time"])
    return None if time is None else f"{a}{found['s1']}{b}{found['s2']}{c}{found['end']}{time}"


def _compact_format(value: str) -> str | None:
    found = _COMPACT.fullmatch(value)
    time = _time_format(found["time"]) if found else None
    return None if time is None else f"%Y%m%d{time}"


def _named_format(value: str) -> str | None:
    weekday = _WEEKDAY.match(value)
    before = f"{'%a' if len(weekday[1]) == _SHORT else '%A'}{weekday[2]}" if weekday else ""
    rest = value[weekday.end() :] if weekday else value
    for pattern, order in ((_NAMED, "dmy"), (_NAMED_FIRST, "mdy")):
        found = pattern.fullmatch(rest)
        time = _time_format(found["time"]) if found else None
        if found and time is not None:
            month = "%B" if len(found["month"]) > _SHORT else "%b"
            year = "%Y" if len(found["year"]) > 2 else "%y"  # noqa: PLR2004
            first, second = ("%d", month) if order == "dmy" else (month, "%d")
            return f"{before}{first}{found['s1']}{second}{found['s2']}{year}{time}"
    return None


def _time_format(text: str | None) -> str | None:
    """The strptime format of the time of day behind a date; None where it is none."""
    if not text:
        return ""
    found = _TIME.fullmatch(text)
    if not found:
        return None
    hour = "%I" if found["half"] else "%H"
    seconds = ":%S" if found["seconds"] else ""
    fraction = f"{found['fraction'][0]}%f" if found["fraction"] else ""
    half = f"{' ' if found['half'].startswith(' ') else ''}%p" if found["half"] else ""
    return f"{found['gap']}{hour}:%M{seconds}{fraction}{half}{_zone_format(found['zone'])}"


def _zone_format(text: str | None) -> str:
    if not text:
        return ""
    # A zone by its name is no part of what strptime reads alike everywhere.
    gap = " " if text.startswith(" ") else ""
    name = text.strip()
    return f"{gap}{name}" if name.isalpha() else f"{gap}%z"


def iso_format(value: str) -> str | None:
    """The strptime format of a value that begins with the year; None where it does not."""
    return _numeric_format(value, "YMD")


_OFFSET: Final = re.compile(r".*:[0-9]{2}([.,][0-9]+)? ?[+-][0-9]{2}(:?[0-9]{2})?", re.DOTALL)
_NAMED_ZONE: Final = re.compile(r".*[0-9] ?(Z|UTC|GMT)", re.DOTALL)


def is_count(value: str) -> bool:
    """Whether a value may be a number of seconds or milliseconds."""
    return bool(_COUNT.fullmatch(value))


def has_dates(column: ColumnProfile) -> bool:
    """Whether nearly all values of a column look like dates or instants."""
    found = column.matching(DAY.match)
    return found > 0 and found >= MOST * column.filled


def zone_in(value: str) -> str | None:
    """The zone that a value says: `UTC` by its name, `offset`, or None where it says none."""
    if _NAMED_ZONE.fullmatch(value):
        return "UTC"
    return "offset" if _OFFSET.fullmatch(value) else None


def is_literal_zone(text: str) -> bool:
    """Whether a format ends with the name of UTC, which its instants are then in."""
    return text.endswith(("Z", "UTC", "GMT"))
