"""Time spans as the catalog and the settings write them: `90m`, `36h`, `7d`; `25 months`."""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

SPAN = re.compile(r"([1-9]\d{0,5})([mhd])", re.ASCII)
"""A whole number of minutes, hours or days."""

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def read_span(text: str) -> timedelta | None:
    """The time span that a text is; None where it is none."""
    found = SPAN.fullmatch(text.strip())
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None


def written_span(span: timedelta) -> str:
    """A span of whole minutes as it is written, in the largest unit that it is a number of."""
    minutes = int(span / timedelta(minutes=1))
    for unit, many in (("d", 1_440), ("h", 60)):
        if minutes % many == 0:
            return f"{minutes // many}{unit}"
    return f"{minutes}m"


PERIOD = re.compile(r"([1-9]\d{0,4}) (day|week|month|year)s?", re.ASCII)
"""A whole number of days, weeks, months or years of the calendar."""


@dataclass(frozen=True, slots=True)
class Period:
    """A time of the calendar.

    Attributes:
        number: Of how many units.
        unit: `day`, `week`, `month` or `year`.
    """

    number: int
    unit: str

    def before(self, day: date) -> date:
        """The day that is this long before another; of a shorter month its last one.

        So a month before the 28th to 31st of March is the 28th of February. What is of that day or
        later is not older than this on the other; before the calendar begins, nothing is.
        """
        return self._moved(day, -1)

    def ends_on(self, day: date) -> date:
        """The first day on which what is of a day is older than this."""
        found = self._moved(day, 1)
        while found < date.max and self.before(found) <= day:
            found += timedelta(1)
        return found

    def _moved(self, day: date, direction: int) -> date:
        number = self.number * direction
        try:
            if self.unit in ("day", "week"):
                return day + timedelta(number * (7 if self.unit == "week" else 1))
            months = day.year * 12 + day.month - 1 + number * (12 if self.unit == "year" else 1)
            year, month = months // 12, months % 12 + 1
            return date(year, month, min(day.day, monthrange(year, month)[1]))
        except (OverflowError, ValueError):
            # It is before or after all days that there are.
            return date.min if direction < 0 else date.max

    def __str__(self) -> str:
        """As it is written: `25 months`."""
        return f"{self.number} {self.unit}{'s' if self.number > 1 else ''}"


def read_period(text: str) -> Period | None:
    """The time of the calendar that a text is; None where it is none."""
    found = PERIOD.fullmatch(text.strip())
    return Period(int(found[1]), found[2]) if found else None
