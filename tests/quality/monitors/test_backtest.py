"""The monitors tell bad days from normal ones, in the real pipeline over simulated days."""

import random
from collections.abc import Iterator

import luigi
import pytest
from backtest import backtest
from company import FAULTS, deliveries

PLANTED = [
    "every row comes twice",
    "no file comes",
    "half of the categories are missing",
    "amounts are in cents",
    "dates are written as 3/14/2026",
    "a third of the accounts is missing",
]


@pytest.fixture
def _settings_as_before() -> Iterator[None]:
    config = luigi.configuration.get_config()
    yield
    for name in ("project_dir", "as_of"):
        config.remove_option("benepass", name)


@pytest.mark.nightly
@pytest.mark.sweep
@pytest.mark.usefixtures("_settings_as_before")
def test_faults_are_found_and_normal_days_raise_no_alarm() -> None:
    result = backtest(days=16, seed=3, faults=PLANTED, warm_up=10)
    assert [it.name for it in result.faults if not it.alarms] == []
    assert {day: alarms for day, alarms in result.healthy.items() if alarms} == {}
    assert result.precision >= 0.95


def test_there_are_thirty_faults_and_each_changes_what_arrives() -> None:
    assert len(FAULTS) == 30
    before, now = list(deliveries(2, seed=1))
    for name, fault in FAULTS.items():
        bad = fault(now, before, random.Random(name))  # noqa: S311 - the same each time
        assert bad != now, name


def test_the_same_seed_makes_the_same_days() -> None:
    assert list(deliveries(3, seed=1)) == list(deliveries(3, seed=1))
    assert list(deliveries(3, seed=1)) != list(deliveries(3, seed=2))
