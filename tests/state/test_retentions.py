"""Which day decides what is past its retention."""

from __future__ import annotations

from datetime import date

import pytest

from benepass_tasks.catalog.datasets import Retention
from benepass_tasks.config.spans import Period
from benepass_tasks.state.retentions import Clock, Enforced, Limit

YEAR = Retention(Period(1, "year"), "paid_at", "delete")
TODAY = date(2026, 1, 31)
DECLARED = "retention declared"


def enforced(on: date, oldest: date | None = None, declared: Retention = YEAR) -> Enforced:
    return Enforced("claims", str(declared), on, oldest)


@pytest.mark.parametrize(
    ("as_of", "before", "decides"),
    [
        (TODAY, None, TODAY),
        (date(2024, 1, 1), None, date(2024, 1, 1)),
        # A day that is still to come decides nothing.
        (date(2099, 1, 1), None, TODAY),
        # A run that looks back brings nothing back.
        (date(2024, 1, 1), date(2026, 1, 30), date(2026, 1, 30)),
        # Where it was enforced on a day that is still to come, some clock was wrong.
        (TODAY, date(2031, 1, 1), TODAY),
    ],
)
def test_the_day_that_decides(as_of: date, before: date | None, decides: date) -> None:
    known = enforced(before) if before else None
    assert Clock(as_of, TODAY).day_for(known) == decides


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (None, DECLARED),
        (enforced(TODAY, declared=Retention(Period(2, "year"), "paid_at", "delete")), DECLARED),
        (enforced(TODAY, oldest=date(2025, 1, 31)), None),
        (enforced(TODAY, oldest=date(2025, 1, 30)), "records past their retention"),
        (enforced(TODAY), None),
    ],
)
def test_a_table_is_looked_through_only_where_something_is_past(
    known: Enforced | None, reason: str | None
) -> None:
    assert Limit(YEAR, TODAY, known).reason == reason


def test_a_leap_of_the_clock_is_seen() -> None:
    assert not Limit(YEAR, TODAY, enforced(date(2025, 12, 31))).is_leap
    assert Limit(YEAR, TODAY, enforced(date(2025, 12, 30))).is_leap
    assert not Limit(YEAR, TODAY, None).is_leap
