"""How figures are written in what the monitors say."""

from datetime import timedelta

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def span(time: timedelta) -> str:
    """A time span in the two largest units that it has, such as `2 d 3 h`."""
    days, rest = divmod(time, _DAY)
    hours, minutes = rest // _HOUR, rest % _HOUR // _MINUTE
    units = [(days, "d"), (hours, "h"), (minutes, "min")]
    first = next((index for index, (number, _) in enumerate(units) if number), len(units) - 1)
    shown = [
        f"{number:,} {unit}"
        for index, (number, unit) in enumerate(units[first : first + 2])
        if number or not index
    ]
    return " ".join(shown)


def rows(number: float) -> str:
    """A number of rows."""
    return f"{number:,.0f}"


def share(part: float) -> str:
    """A part of a whole as per cent."""
    return f"{part:.1%}".replace("%", " %")


def usd(amount: float) -> str:
    """An amount of money."""
    return f"USD {amount:,.2f}"
