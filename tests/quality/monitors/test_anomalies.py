"""A series is judged by its newest figure, against those of the runs before."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benepass_tasks.quality.monitors.anomalies import (
    Observation,
    Series,
    judge_days,
    judge_issues,
    judge_rows,
    judge_share,
)

MONDAY = date(2026, 1, 5)
WINDOW = 30


def series(totals: Sequence[float], counts: Sequence[float] | None = None) -> Series:
    """One run a day, each with other figures than the one before."""
    found = counts or [0] * len(totals)
    observations = [
        Observation(index, MONDAY + timedelta(days=index), total, count)
        for index, (total, count) in enumerate(zip(totals, found, strict=True))
    ]
    return Series(observations, len(totals), WINDOW)


def growing(days: int, *arrived: float, daily: float = 400, weekend: float = 0.6) -> list[float]:
    """The rows of a table to which some are added each day, at the end those that are given."""
    chance, totals = random.Random(1), [10_000.0]  # noqa: S311 - the same each time
    for index in range(days):
        usual = daily * (weekend if (index + 1) % 7 in (5, 6) else 1)
        totals.append(totals[-1] + round(chance.gauss(usual, usual * 0.05)))
    for number in arrived:
        totals.append(totals[-1] + number)
    return totals


# ------------------------------------------------------------------------------ how many rows


@pytest.mark.parametrize("runs", range(1, 8))
def test_fewer_than_seven_runs_raise_no_alarm(runs: int) -> None:
    totals = [100.0 + it for it in range(runs - 1)] + [1.0]
    verdict = judge_rows(series(totals))
    assert verdict.status == "ok"
    assert verdict.known == runs - 1
    assert verdict.expected is None


def test_seven_runs_are_enough() -> None:
    verdict = judge_rows(series([100, 101, 102, 103, 104, 105, 106, 50]))
    assert (verdict.status, verdict.what, verdict.value) == ("fail", "all", 50)
    assert verdict.known == 7


@pytest.mark.parametrize("days", range(7, 45))
def test_steady_growth_with_weekends_is_normal_from_the_first_day_on(days: int) -> None:
    assert judge_rows(series(growing(days))).status == "ok"


def test_what_arrived_is_judged_where_rows_arrive_each_day() -> None:
    verdict = judge_rows(series(growing(30, 390)))
    assert (verdict.status, verdict.what, verdict.value) == ("ok", "new", 390)
    assert verdict.expected is not None
    assert verdict.lower is not None
    assert verdict.lower < 390 < (verdict.upper or 0)


@pytest.mark.parametrize(
    ("arrived", "status"),
    [(200, "warn"), (40, "fail"), (800, "warn"), (1_200, "fail"), (-400, "fail"), (-9_000, "fail")],
)
def test_too_few_and_too_many_rows_that_arrive_are_odd(arrived: float, status: str) -> None:
    assert judge_rows(series(growing(30, arrived))).status == status


def test_a_weekend_with_the_rows_of_a_working_day_is_odd() -> None:
    saturday = next(it for it in range(28, 36) if (MONDAY + timedelta(days=it + 1)).weekday() == 5)
    assert judge_rows(series(growing(saturday, 240))).status == "ok"
    assert judge_rows(series(growing(saturday, 480))).status == "warn"


def test_the_rows_of_several_days_may_come_after_a_pause() -> None:
    found = series(growing(28, 1_150))
    assert judge_rows(found).status == "fail"
    before = found.observations[-2].day
    assert before
    later = replace(found.newest, day=before + timedelta(days=3))
    after_pause = replace(found, observations=[*found.observations[:-1], later])
    assert judge_rows(after_pause).status == "ok"


def test_a_second_delivery_of_the_day_puts_the_first_right() -> None:
    found = series(growing(30, 200, 190))
    assert judge_rows(found).status == "warn"
    again = replace(found.newest, day=found.observations[-2].day)
    corrected = replace(found, observations=[*found.observations[:-1], again])
    verdict = judge_rows(corrected)
    assert (verdict.status, verdict.value) == ("ok", 390)


def test_a_table_that_never_changed_is_judged_by_the_runs_that_found_it_so() -> None:
    lasting = Observation(0, MONDAY, 300)
    lost = Observation(20, MONDAY + timedelta(days=20), 200)
    verdict = judge_rows(Series([lasting, lost], 21, WINDOW))
    assert (verdict.status, verdict.known) == ("fail", 20)
    assert verdict.upper == pytest.approx(900)


@pytest.mark.parametrize(("total", "status"), [(600, "ok"), (890, "ok"), (6_000, "fail")])
def test_a_table_that_never_changed_may_grow_by_as_much_again(total: float, status: str) -> None:
    lasting = Observation(0, MONDAY, 300)
    grown = Observation(20, MONDAY + timedelta(days=20), total)
    assert judge_rows(Series([lasting, grown], 21, WINDOW)).status == status


def test_a_table_that_is_replaced_is_judged_as_a_whole() -> None:
    hired = [300 + it // 2 for it in range(20)]
    assert judge_rows(series([*hired, 320])).status == "ok"
    assert judge_rows(series([*hired, 270])).status == "warn"
    assert judge_rows(series([*hired, 200])).status == "fail"
    assert judge_rows(series([*hired, 620])).status == "fail"


def test_a_lasting_new_level_is_normal_in_the_end() -> None:
    before = [300 + it % 3 for it in range(30)]
    statuses = [
        judge_rows(series([*before, *(200 + it % 3 for it in range(days))])).status
        for days in range(1, 31)
    ]
    assert statuses[:10] == ["fail"] * 10
    assert statuses[20:] == ["ok"] * 10


def test_what_has_stood_for_half_of_the_window_is_normal() -> None:
    found = [Observation(0, MONDAY, 300), Observation(20, MONDAY, 200)]
    verdicts = [judge_rows(Series(found, runs, WINDOW)) for runs in range(21, 50)]
    statuses = [it.status for it in verdicts]
    assert statuses == ["fail"] * 15 + ["ok"] * 14
    assert verdicts[-1].has_stood


# ------------------------------------------------------------------------- which share of them


def test_the_share_of_the_new_rows_is_judged_in_a_table_that_grows() -> None:
    totals = growing(30, 400)
    counts = [round(it * 0.01) for it in totals]
    assert judge_share(series(totals, counts), "both").status == "ok"
    counts[-1] = counts[-2] + 60
    verdict = judge_share(series(totals, counts), "both")
    assert (verdict.status, verdict.what, verdict.value) == ("fail", "new", 0.15)


def test_the_share_of_all_rows_is_judged_in_a_table_that_is_replaced() -> None:
    totals, counts = [300.0 + it for it in range(20)], [3.0] * 20
    assert judge_share(series(totals, counts), "both").status == "ok"
    verdict = judge_share(series(totals, [*counts[:-1], 60]), "both")
    assert (verdict.status, verdict.what) == ("fail", "all")


def test_a_bad_delivery_shows_however_much_was_there_before() -> None:
    of_all = series(growing(30), [it * 10 for it in range(31)])
    of_new = series([400.0 + it for it in range(31)], [4.0] * 30 + [100.0])
    assert judge_issues(of_all, None).status == "ok"
    verdict = judge_issues(of_all, of_new)
    assert (verdict.status, verdict.what) == ("fail", "new")


def test_old_records_that_turn_bad_show_where_the_new_are_clean() -> None:
    of_all = series(growing(30), [*(it * 10 for it in range(30)), 6_000])
    of_new = series([400.0 + it for it in range(31)], [4.0] * 31)
    verdict = judge_issues(of_all, of_new)
    assert (verdict.status, verdict.what) == ("fail", "all")


def test_nothing_is_new_where_a_source_is_replaced_as_a_whole() -> None:
    replaced = series([300.0 + it for it in range(20)], [3.0] * 19 + [60.0])
    verdict = judge_issues(replaced, replaced)
    assert (verdict.status, verdict.what) == ("fail", "all")


def test_what_is_wrong_with_a_file_without_records_is_not_judged() -> None:
    of_new = series([400.0 + it for it in range(30)] + [0.0])
    assert judge_issues(series(growing(30)), of_new).what == "all"


def test_old_rows_that_turn_bad_show_among_the_few_new_ones() -> None:
    totals = growing(30, 400)
    counts = [round(it * 0.01) for it in totals]
    counts[-1] += 5_000
    assert judge_share(series(totals, counts), "more").status == "fail"


def test_less_of_what_is_bad_is_not_an_alarm() -> None:
    totals, counts = [1_000.0 + it for it in range(20)], [500.0] * 19 + [0.0]
    assert judge_share(series(totals, counts), "more").status == "ok"
    assert judge_share(series(totals, counts), "both").status == "fail"


def test_a_few_dirty_records_of_a_small_delivery_are_normal() -> None:
    totals = growing(30, 25, daily=25, weekend=1)
    counts = [0.0] * len(totals)
    counts[-1] = 3
    assert judge_share(series(totals, counts), "more").status == "ok"
    counts[-1] = 12
    assert judge_share(series(totals, counts), "more").status != "ok"


# ------------------------------------------------------------------------------- an amount a day

DAYS = {
    MONDAY + timedelta(days=it): 1_000.0 * (0.5 if it % 7 in (5, 6) else 1) + it for it in range(34)
}
NEWEST = max(DAYS)


def test_the_newest_complete_day_is_judged_by_the_days_before() -> None:
    verdict = judge_days(DAYS, NEWEST + timedelta(days=1), None)
    assert verdict is not None
    assert (verdict.status, verdict.day, verdict.known) == ("ok", NEWEST, 33)
    odd = judge_days({**DAYS, NEWEST: 20_000.0}, NEWEST + timedelta(days=1), None)
    assert odd is not None
    assert odd.status == "fail"


def test_the_day_of_the_run_and_those_after_it_are_not_judged() -> None:
    amounts = {**DAYS, NEWEST + timedelta(days=1): 1.0, date(2099, 1, 1): 1.0}
    verdict = judge_days(amounts, NEWEST + timedelta(days=1), None)
    assert verdict is not None
    assert (verdict.status, verdict.day) == ("ok", NEWEST)


def test_each_day_since_the_last_run_is_judged() -> None:
    odd_day = NEWEST - timedelta(days=2)
    amounts = {**DAYS, odd_day: 1.0}
    as_of = NEWEST + timedelta(days=1)
    last, all_new = (
        judge_days(amounts, as_of, seen) for seen in (None, NEWEST - timedelta(days=3))
    )
    assert last is not None
    assert (last.status, last.day) == ("ok", NEWEST)
    assert all_new is not None
    assert (all_new.status, all_new.day) == ("fail", odd_day)


def test_days_long_ago_are_not_reported() -> None:
    assert judge_days(DAYS, NEWEST + timedelta(days=8), None) is None
    assert judge_days({}, NEWEST, None) is None


def test_a_week_is_needed() -> None:
    few = {day: DAYS[day] for day in sorted(DAYS)[-7:]}
    verdict = judge_days({**few, NEWEST: 0.0}, NEWEST + timedelta(days=1), None)
    assert verdict is not None
    assert (verdict.status, verdict.known) == ("ok", 6)


# ------------------------------------------------------------------------- nothing has changed

FIGURES = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 5_000), st.integers(0, 200)),
    min_size=1,
    max_size=40,
)


@given(FIGURES, st.integers(1, 60))
def test_a_run_that_changes_nothing_raises_no_alarm_that_was_not_there(
    found: list[tuple[int, int, int]], reruns: int
) -> None:
    """Not even where other datasets have changed meanwhile."""
    position, total, observations = 0, 0, []
    for gap, arrived, count in found:
        position, total = position + 1 + gap, total + arrived
        day = MONDAY + timedelta(days=position)
        observations.append(Observation(position, day, total, min(count, total)))
    before = Series(observations, position + 1, WINDOW)
    after = Series(observations, position + 1 + reruns, WINDOW)
    for judge in (judge_rows, lambda it: judge_share(it, "both")):
        assert judge(after).status in ("ok", judge(before).status)


@given(st.integers(1, 10_000), st.integers(0, 100), st.integers(1, 40))
def test_figures_that_stay_the_same_never_alarm(total: int, count: int, runs: int) -> None:
    same = series([total] * runs, [min(count, total)] * runs)
    assert judge_rows(same).status == "ok"
    assert judge_share(same, "both").status == "ok"
