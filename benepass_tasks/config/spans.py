"""Time spans as the catalog and the settings write them: `90m`, `36h`, `7d`."""

import re
from datetime import timedelta

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
