"""Dates that say less, and still come before and after whatever they came before and after."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from benepass_tasks.ingestion.people.coarser_dates import end_of_month, start_of_year

DAYS = st.dates(date(2019, 12, 1), date(2021, 2, 1))


@given(DAYS, st.sets(DAYS))
def test_they_pass_nothing_and_stay_where_money_is_counted(day: date, others: set[date]) -> None:
    first, last = start_of_year(day, others), end_of_month(day, others)
    assert first.year == day.year
    assert (last.year, last.month) == (day.year, day.month)
    for it in others:
        assert (it < first) == (it < day)
        assert (it > last) == (it > day)


@given(DAYS)
def test_without_anything_in_between_only_year_or_month_is_left(day: date) -> None:
    assert start_of_year(day, set()) == date(day.year, 1, 1)
    last = end_of_month(day, set())
    assert date.fromordinal(last.toordinal() + 1).day == 1
