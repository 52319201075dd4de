"""How dates and instants are written: the order of day, month and year, and numbers of days."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final, get_args

from benepass_tasks.catalog.forms import UTC_NAMES, Epoch
from benepass_tasks.catalog.months import MONTHS, plain
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
_COMPACT: Final = re.compile(r"(?P<day>[0-9]{8}|[0-9]{6})(?P<time>[ T].*)?")
_COMPACT_TIME: Final = re.compile(r"[0-9]{12}([0-9]{2})?")
_SHORT_DAY: Final = re.compile(r"([0-9]{2})([./-])[0-9]{1,2}\2([0-9]{2})(?P<time>\W.*|T.*)?")
_NAMED: Final = re.compile(
    r"(?P<day>[0-9]{1,2})(?P<ordinal>er|st|nd|rd|th|[\u00ba\u00b0])?"
    r"(?P<s1>[ .,/-]+(?:(?:de|of) )?)(?P<month>[^\W\d_]{3,12})(?P<s2>[ .,/-]+(?:(?:de|del) )?)"
    r"(?P<year>[0-9]{4}|[0-9]{2})(?P<time>[ ,T].*)?"
)
_NAMED_FIRST: Final = re.compile(
    r"(?P<month>[^\W\d_]{3,12})(?P<s1>[ .]+)(?P<day>[0-9]{1,2})(?P<ordinal>st|nd|rd|th)?"
    r"(?P<s2>,? +)(?P<year>[0-9]{4}|[0-9]{2})(?P<time>[ ,T].*)?"
)
_BEFORE_TIME: Final = (
    *("um", "à", "às", "as", "at", "a", "o", "om"),
    *("kl", "kl.", "klo", "ob", "den", "alle", "las"),
)
"""The words that may stand between a date and its time, and say nothing."""

_HALF: Final = r"[AaPp](?:[Mm]|\.[ \u00a0\u202f]?[Mm]\.?)|오전|오후|午前|午後|上午|下午"
_TIME: Final = re.compile(
    # No other word may stand there: one for the half of the day would be passed over.
    rf"(?P<gap>[ T,]+(?:(?i:{'|'.join(_BEFORE_TIME)}) )?)"
    rf"(?P<before>(?:{_HALF})[ \u00a0\u202f]?)?"
    r"(?P<hour>[0-9]{1,2})(?P<mark>[:.h]?)[0-9]{2}"
    r"(?P<seconds>(?P=mark)[0-9]{2})?(?P<fraction>[.,][0-9]{1,9})?"
    rf"(?P<half>[ \u00a0\u202f]?(?:{_HALF}))?"
    r"(?P<zone> ?(?:[A-Z]{1,5}|[+-][0-9]{2}:?[0-9]{2}))?(?P<end> Uhr| ?h)?"
)
_WEEKDAY: Final = re.compile(
    r"((?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?:[a-z]*day)?)([, ]+)", re.IGNORECASE
)
_ANY_WEEKDAY: Final = re.compile(r"([^\W\d_][\w-]*\.?)([, ]+)(?=[0-9])")
_SHORT: Final = 3
NUMBERS: Final = (
    *("compact", "compact_DMY", "compact_MDY"),
    *("excel_serial", "excel_serial_1904"),
    *(f"epoch_{it}" for it in get_args(Epoch)),
)
"""The readings by which a number is a date."""

_ORDERS: Final = ("DMY", "MDY")
_COUNT: Final = re.compile(r"[1-9][0-9]{8,15}([.]0+)?")


def date_readings(
    holds: Holds, column: ColumnProfile, zones: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Reading]:
    """The ways in which the dates or instants of a column may be written.

    Args:
        holds: Which of both it holds.
        column: The column.
        zones: What abbreviations of zones stand for.
    """
    yield Reading("", "ISO 8601", [{}])
    values = list(column.counts)
    languages = _languages(values)
    ways: list[tuple[str, str, Callable[[str], str | None]]] = [
        ("DMY", "day, month, year", partial(_numeric_format, order="DMY")),
        ("MDY", "month, day, year", partial(_numeric_format, order="MDY")),
        ("YMD", "year, month, day", iso_format),
        ("yMD", "year in two digits, month, day", _short_year_format),
        ("named", "with the month's name", _named_format),
        ("months", f"with the month's name ({', '.join(languages)})", _month_format),
        ("compact", "year, month and day together", partial(_compact_format, order="YMD")),
        ("compact_DMY", "day, month and year together", partial(_compact_format, order="DMY")),
        ("compact_MDY", "month, day and year together", partial(_compact_format, order="MDY")),
    ]
    for name, says, format_of in ways:
        if name == "yMD" and not _may_begin_with_year(values):
            continue
        found = dict.fromkeys(filter(None, map(format_of, values)))
        # A day has no zone.
        formats = [it for it in found if holds == "instant" or "%z" not in it.lower()]
        if formats and (languages or name != "months"):
            orders: list[WrittenAs] = [{"order": name}] if name in _ORDERS else []
            said: WrittenAs = {"formats": formats}
            said |= {"language": languages} if name == "months" else {}
            said |= {"zones": dict(zones)} if any("%Z" in it for it in formats) and zones else {}
            yield Reading(name, says, [*orders, said])
    if column.is_of_events and holds == "date" and any(map(_SERIAL.fullmatch, values)):
        yield Reading("epoch_days", "days since 1970", [{"epoch": "days"}])
    elif any(map(_SERIAL.fullmatch, values)):
        yield Reading("excel_serial", "Excel's number of days", [{"excel_serial": 1900}])
        says = "days since 1904, as Excel for Mac counted"
        yield Reading("excel_serial_1904", says, [{"excel_serial": 1904}])
    if holds == "instant" and any(map(_COUNT.fullmatch, values)):
        for unit in ("seconds", "milliseconds", "microseconds"):
            yield Reading(f"epoch_{unit}", f"{unit} since 1970", [{"epoch": unit}])


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


def _compact_format(value: str, order: str) -> str | None:
    if clock := _COMPACT_TIME.fullmatch(value):
        return f"%Y%m%d%H%M{'%S' if clock[1] else ''}" if order == "YMD" else None
    found = _COMPACT.fullmatch(value)
    time = _time_format(found["time"]) if found else None
    if found is None or time is None:
        return None
    year = "%Y" if len(found["day"]) == 8 else "%y"  # noqa: PLR2004 - with a century
    return "".join({"Y": year, "M": "%m", "D": "%d"}[it] for it in order) + time


def _short_year_format(value: str) -> str | None:
    found = _SHORT_DAY.fullmatch(value)
    time = _time_format(found["time"]) if found else None
    return f"%y{found[2]}%m{found[2]}%d{time}" if found and time is not None else None


def _may_begin_with_year(values: Iterable[str]) -> bool:
    """Whether what comes first in 25/03/14 has no more values than what comes last, as years do."""
    found = [it for value in values if (it := _SHORT_DAY.fullmatch(value))]
    return bool(found) and len({it[1] for it in found}) <= len({it[3] for it in found})


def _named_format(value: str) -> str | None:
    """The format of a date with the name of its month in English."""
    weekday = _WEEKDAY.match(value)
    before = f"{'%a' if len(weekday[1]) == _SHORT else '%A'}{weekday[2]}" if weekday else ""
    found = _with_name(value[weekday.end() :] if weekday else value)
    if found is None or found["ordinal"] or not found["month"].isascii():
        return None
    return _format_around(found, before, "%B" if len(found["month"]) > _SHORT else "%b")


def _month_format(value: str) -> str | None:
    """The format of a date with the name of its month in a language that is declared."""
    before, rest = _without_weekday(value)
    found = _with_name(rest)
    return _format_around(found, before, "%B", may_have_point=True) if found else None


def _without_weekday(value: str) -> tuple[str, str]:
    """The format of a day of the week at the beginning, and the rest."""
    found = _ANY_WEEKDAY.match(value)
    if found is None or plain(found[1]).rstrip(".") in _ALL_MONTHS:
        return "", value
    return f"%A{found[2]}", value[found.end() :]


def _with_name(value: str) -> re.Match[str] | None:
    return _NAMED.fullmatch(value) or _NAMED_FIRST.fullmatch(value)


def _format_around(
    found: re.Match[str], before: str, month: str, *, may_have_point: bool = False
) -> str | None:
    time = _time_format(found["time"])
    year = "%Y" if len(found["year"]) > 2 else "%y"  # noqa: PLR2004
    is_day_first = found.start("day") < found.start("month")
    first, second = ("%d", month) if is_day_first else (month, "%d")
    behind = "s2" if is_day_first else "s1"
    # Behind an abbreviation a point is a part of it, unless nothing else is there.
    marks = {it: found[it] for it in ("s1", "s2")}
    if may_have_point and len(marks[behind]) > 1:
        marks[behind] = marks[behind].removeprefix(".")
    if time is None:
        return None
    return f"{before}{first}{marks['s1']}{second}{marks['s2']}{year}{time}"


_ALL_MONTHS: Final = frozenset(name for names in MONTHS.values() for name in names)


def _languages(values: Iterable[str]) -> list[str]:
    """The fewest languages that name all months of some dates; those that do equally are all told.

    None where it is English, as every format has it.
    """
    named = [found for it in values if (found := _with_name(_without_weekday(it)[1]))]
    if all(map(_is_english, named)):
        return []
    left = {plain(it["month"]) for it in named} & _ALL_MONTHS
    languages: list[str] = []
    while left:
        known = {it: len(left & {*names}) for it, names in MONTHS.items()}
        best = [it for it, count in known.items() if count == max(known.values())]
        languages += best
        left -= {name for it in best for name in MONTHS[it]}
    return languages


def _is_english(found: re.Match[str]) -> bool:
    return not found["ordinal"] and plain(found["month"]) in _ENGLISH


_ENGLISH: Final = frozenset(MONTHS["en"]) - {"sept"}
"""The names and abbreviations that a format has without a word."""


def _time_format(text: str | None) -> str | None:
    """The strptime format of the time of day behind a date; None where it is none."""
    if not text:
        return ""
    found = _TIME.fullmatch(text)
    if not found or (found["before"] and found["half"]):
        return None
    before = found["before"]
    hour, mark = "%I" if before or found["half"] else "%H", found["mark"]
    if before:
        hour = f"%p{' ' if before[-1].isspace() else ''}{hour}"
    seconds = f"{mark}%S" if found["seconds"] else ""
    fraction = f"{found['fraction'][0]}%f" if found["fraction"] else ""
    half = f"{' ' if found['half'][0].isspace() else ''}%p" if found["half"] else ""
    end = f"{half}{_zone_format(found['zone'])}{found['end'] or ''}"
    return f"{found['gap']}{hour}{mark}%M{seconds}{fraction}{end}"


def _zone_format(text: str | None) -> str:
    if not text:
        return ""
    gap = " " if text.startswith(" ") else ""
    name = text.strip()
    if name in UTC_NAMES:
        return f"{gap}{name}"
    return f"{gap}%Z" if name.isalpha() else f"{gap}%z"


def iso_format(value: str) -> str | None:
    """The strptime format of a value that begins with the year; None where it does not."""
    return _numeric_format(value, "YMD")


_OFFSET: Final = re.compile(r".*:[0-9]{2}([.,][0-9]+)? ?[+-][0-9]{2}(:?[0-9]{2})?", re.DOTALL)
_NAMED_ZONE: Final = re.compile(r".*[0-9] ?(Z|UTC|GMT)", re.DOTALL)
_ABBREVIATION: Final = re.compile(r".*[0-9]{1,2}[:.h][0-9]{2}.*?\W?([A-Z]{2,5})")


def abbreviations(column: ColumnProfile) -> dict[str, int]:
    """The abbreviations of zones at the end of instants, with the number of records."""
    counts = Counter[str]()
    for value, count in column.counts.items():
        found = _ABBREVIATION.fullmatch(value)
        if found and found[1] not in (*UTC_NAMES, "AM", "PM"):
            counts[found[1]] += count
    return dict(counts)


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
    return text.endswith(UTC_NAMES) and not text.endswith("%Z")
