"""What is expected of a figure follows from the median of those before it."""

import math
import random
from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benepass_tasks.config.settings import LEAST_WINDOW
from benepass_tasks.quality.monitors.statistics import NEEDED, Figure, expectations, ratios, shares

MONDAY = date(2026, 1, 5)
AMOUNTS = ratios(0.1)


def figures(values: Sequence[float]) -> list[Figure]:
    return [Figure(value, MONDAY + timedelta(days=index)) for index, value in enumerate(values)]


def weeks(number: int, weekday: float, weekend: float) -> list[float]:
    return ([weekday] * 5 + [weekend] * 2) * number


def test_the_setting_allows_no_window_with_which_nothing_is_judged() -> None:
    assert LEAST_WINDOW == NEEDED


def test_figures_that_never_changed_are_still_given_some_room() -> None:
    (expected,) = expectations(figures([100] * 10), None, AMOUNTS)
    assert expected.center == pytest.approx(100)
    assert expected.lower == pytest.approx(100 / math.exp(0.4))
    assert expected.upper == pytest.approx(100 * math.exp(0.4))
    assert expected.distance(expected.upper) == pytest.approx(1)
    assert expected.distance(expected.lower) == pytest.approx(1)
    assert expected.distance(100) == pytest.approx(0)


def test_what_spreads_more_is_given_more_room() -> None:
    narrow, wide = (
        expectations(figures([100 + it * step for it in range(-5, 6)]), None, AMOUNTS)[0]
        for step in (1, 10)
    )
    assert wide.upper > narrow.upper
    assert wide.lower < narrow.lower


def test_few_figures_are_given_more_room_than_many() -> None:
    few, many = (expectations(figures([80, 120] * times), None, AMOUNTS)[0] for times in (4, 15))
    assert few.upper > many.upper


@given(st.integers(0, 9), st.floats(0, 1e9))
def test_a_third_of_wrong_figures_changes_little(wrong: int, value: float) -> None:
    right = [95.0, 100.0, 105.0] * 7
    (without,) = expectations(figures(right), None, AMOUNTS)
    (with_wrong,) = expectations(figures([*right, *[value] * wrong]), None, AMOUNTS)
    assert with_wrong.center == pytest.approx(without.center, rel=0.06)


def test_a_number_of_things_that_come_by_chance_spreads_by_its_root() -> None:
    counted = ratios(0.1, counted=True)
    assert counted.floor(25) == pytest.approx(0.2)
    assert counted.floor(10_000) == pytest.approx(0.1)


def test_two_rows_more_or_less_are_normal_in_a_small_table() -> None:
    (expected,) = expectations(figures([6] * 8), None, ratios(0.025, absolute=0.5))
    assert expected.distance(5) < 1
    assert expected.distance(3) > 1


@pytest.mark.parametrize(("of", "odd"), [(10_000, 0.06), (20, 0.25), (1, 2.5)])
def test_the_share_of_few_things_spreads_by_chance(of: float, odd: float) -> None:
    (expected,) = expectations(figures([0.0] * 8), None, shares(0.01, of))
    assert expected.distance(odd) > 1
    assert expected.distance(odd / 2) < 1 or of == 10_000


def test_a_weekend_is_compared_with_weekends() -> None:
    saturday = MONDAY + timedelta(days=33)
    (expected,) = expectations(figures(weeks(4, 100, 50)), saturday, AMOUNTS)
    assert expected.weekday == "Saturday"
    assert [it.value for it in expected.figures] == [50] * 4
    assert expected.distance(50) < 1 < expected.distance(100)
    assert expected.distance(25) > 1


def test_a_weekend_of_one_week_is_enough_to_say_that_the_next_is_normal() -> None:
    found = expectations(figures(weeks(1, 100, 50)), MONDAY + timedelta(days=12), AMOUNTS)
    assert any(it.distance(50) < 1 for it in found)
    assert any(it.distance(100) < 1 for it in found)
    assert all(it.distance(20) > 1 for it in found)


def test_weekdays_are_not_told_apart_where_they_are_alike() -> None:
    chance = random.Random(1)  # noqa: S311 - the same each time
    alike = figures([chance.gauss(100, 20) for _ in range(28)])
    (expected,) = expectations(alike, MONDAY + timedelta(days=28), AMOUNTS)
    assert expected.weekday is None
    assert len(expected.figures) == 28


@pytest.mark.parametrize("number", [7, 10, 14, 21, 30])
@pytest.mark.parametrize("weekend", [100.0, 60.0])
def test_chance_raises_hardly_any_alarm(number: int, weekend: float) -> None:
    chance, odd = random.Random(number), 0  # noqa: S311 - the same each time
    for _ in range(100):
        first = MONDAY + timedelta(days=chance.randrange(7))
        days = [first + timedelta(days=index) for index in range(number + 1)]
        drawn = [
            Figure((weekend if it.weekday() > 4 else 100) * math.exp(chance.gauss(0, 0.1)), it)
            for it in days
        ]
        found = expectations(drawn[:-1], days[-1], ratios(0.05))
        odd += all(it.distance(drawn[-1].value) > 1 for it in found)
    assert odd <= 1
