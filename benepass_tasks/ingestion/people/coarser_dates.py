"""Dates that say less, and still come before and after whatever they came before and after."""

from collections.abc import Collection
from datetime import date, timedelta

A_DAY = timedelta(days=1)


def start_of_year(day: date, others: Collection[date]) -> date:
    """The first day of the year, or else the first one after what came before the day in it.

    Args:
        day: The day.
        others: The days of all else that is known of the person, such as charges.
    """
    before = (it + A_DAY for it in others if it < day)
    return max(date(day.year, 1, 1), max(before, default=date.min))


def end_of_month(day: date, others: Collection[date]) -> date:
    """The last day of the month, or else the last one before what came after the day in it.

    It stays in its month, since allowances are counted by months.
    """
    last = (day.replace(day=28) + 4 * A_DAY).replace(day=1) - A_DAY
    after = (it - A_DAY for it in others if it > day)
    return min(last, min(after, default=date.max))
