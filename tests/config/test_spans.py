"""A time of the calendar ends on the same day of a later month, or the first that there is."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benepass_tasks.config.spans import Period, read_period

DAY = st.dates(date(1990, 1, 1), date(2090, 12, 31))
PERIOD = st.builds(Period, st.integers(1, 60), st.sampled_from(["day", "week", "month", "year"]))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("25 months", Period(25, "month")),
        (" 1 month ", Period(1, "month")),
        ("7 years", Period(7, "year")),
        ("25m", None),
        ("0 days", None),
        ("a month", None),
        ("2.5 years", None),
    ],
)
def test_it_is_written_as_people_do(text: str, found: Period | None) -> None:
    assert read_period(text) == found


@pytest.mark.parametrize(
    ("period", "day", "before"),
    [
        ("1 month", "2026-03-31", "2026-02-28"),
        ("1 month", "2024-03-30", "2024-02-29"),
        ("1 year", "2024-02-29", "2023-02-28"),
        ("25 months", "2026-01-15", "2023-12-15"),
        ("2 weeks", "2026-01-10", "2025-12-27"),
        ("9999 years", "2026-01-10", "0001-01-01"),
    ],
)
def test_the_day_before_is_the_last_of_a_shorter_month(period: str, day: str, before: str) -> None:
    found = read_period(period)
    assert found is not None
    assert found.before(date.fromisoformat(day)).isoformat() == before


@given(PERIOD, DAY)
def test_nothing_ends_early_and_all_of_it_ends(period: Period, day: date) -> None:
    end = period.ends_on(day)
    assert period.before(end) > day
    assert period.before(end - timedelta(1)) <= day


@given(PERIOD, DAY)
def test_no_later_day_keeps_more(period: Period, day: date) -> None:
    assert period.before(day) <= period.before(day + timedelta(1))
