"""Whether the newest figure of a series is like those before it.

A series has one observation for each run whose figures were others than before. So a run with
nothing new adds none, and its verdict is that of the run that brought the figures.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import islice, pairwise
from statistics import median
from typing import Literal

from benepass_tasks.quality.monitors.statistics import (
    NEEDED,
    SEVERE,
    Expectation,
    Figure,
    Scale,
    expectations,
    ratios,
    shares,
)

Status = Literal["ok", "warn", "fail"]
Odd = Literal["more", "less", "both"]
What = Literal["all", "new", "day"]

ARRIVALS = 20
"""Rows that have to arrive at once to be judged by themselves."""

RECENT = timedelta(days=7)
"""How long before the as-of date the spend of a day is still news."""

ALL_ROWS = ratios(0.025, absolute=0.5)
"""A table that is replaced: a tenth more or less, or two rows, is normal in any case."""

SELDOM_CHANGED = ratios(0.025, absolute=0.5, most=3)
"""A table of which little is known yet: more of the same at most doubles it."""

NEW_ROWS = ratios(0.11, counted=True)
"""What arrives: half as much again is normal in any case."""

DAY = ratios(0.11)
"""What a day has, of which nobody knows in how many parts it came."""

_LEAST_SHARE = 0.01
_STEADY = 0.9


@dataclass(frozen=True, slots=True)
class Observation:
    """What a run found.

    Attributes:
        position: The run's number, from 0, among those that brought anything new to any dataset.
        day: The run's as-of date; None where it is not known.
        total: How many rows there are.
        count: How many of them are NULL, quarantined or flagged.
    """

    position: int
    day: date | None
    total: float
    count: float = 0.0


@dataclass(frozen=True, slots=True)
class Series:
    """The figures of a dataset, run by run.

    Attributes:
        observations: What was found, oldest first; at least one.
        runs: How many runs brought anything new.
        window: How many figures to compare with.
    """

    observations: Sequence[Observation]
    runs: int
    window: int

    @property
    def newest(self) -> Observation:
        """What is judged."""
        return self.observations[-1]

    @property
    def before(self) -> Sequence[Observation]:
        """What it is compared with."""
        return self.observations[-self.window - 1 : -1]

    @property
    def has_stood(self) -> bool:
        """Whether the newest figures were found in so many runs that they are normal by now."""
        return self.runs - self.newest.position > self.window / 2

    @property
    def earlier(self) -> Iterator[Observation]:
        """What the newest may be a change of: the one before, and that of an earlier day.

        A file that is delivered once more on the same day may put right what came before it.
        """
        if self.before:
            yield self.before[-1]
            if self.before[-1].day == self.newest.day:
                others = (it for it in reversed(self.before) if it.day != self.newest.day)
                yield from islice(others, 1)

    @property
    def grows(self) -> bool:
        """Whether rows arrive in nearly every run, rather than being replaced."""
        arrived = [after.total - prior.total for prior, after in pairwise(self.before)]
        if len(arrived) < NEEDED or median(arrived) < ARRIVALS:
            return False
        return sum(it > 0 for it in arrived) >= _STEADY * len(arrived)

    def levels(self, of: Callable[[Observation], float]) -> list[Figure]:
        """A figure of the observations before, each as often as runs found it."""
        figures: list[Figure] = []
        for it, after in pairwise([*self.before, self.newest]):
            times = min(max(after.position - it.position, 1), self.window)
            figures += [Figure(of(it), it.day)] * times
        return figures[-self.window :]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said of a series.

    Attributes:
        status: Whether its newest figure is as expected.
        what: Whether all rows were judged, those that are new, or a day.
        value: The figure.
        known: How many figures there are to compare with.
        lower: The least that is normal; None where anything less is.
        upper: The most that is normal; None where anything more is.
        expected: What it was compared with; None where there is too little to compare with.
        day: The day that was judged.
        distance: How far the figure is from what is expected; 1 is the limit of what is normal.
        has_stood: Whether it was odd once, and is normal by now.
    """

    status: Status
    what: What
    value: float
    known: int
    lower: float | None = None
    upper: float | None = None
    expected: Expectation | None = None
    day: date | None = None
    distance: float = 0.0
    has_stood: bool = False


def judge_rows(series: Series) -> Verdict:
    """Judge how many rows a table has.

    Where rows arrive in nearly every run, those that arrived are judged, and otherwise all.
    """
    newest = series.newest
    if series.grows:
        arrived = [
            Figure(after.total - prior.total, after.day) for prior, after in pairwise(series.before)
        ]
        found = [newest.total - it.total for it in series.earlier]
        # After a pause there may be the rows of a day or of all days since.
        found.append(found[0] / _days_between(series.before[-1], newest))
        verdict = _judge("new", found, arrived, scale=NEW_ROWS, day=newest.day)
    else:
        figures = series.levels(lambda it: it.total)
        scale = ALL_ROWS if len(series.before) >= NEEDED else SELDOM_CHANGED
        verdict = _judge("all", [newest.total], figures, scale=scale)
    return _settled(verdict, series)


def judge_share(series: Series, odd: Odd) -> Verdict:
    """Judge which share of a table's rows is NULL, quarantined or flagged.

    Where rows arrive in nearly every run it is the share of those that arrived, in which a bad
    file shows however large the table is, and otherwise that of all rows.
    """
    newest = series.newest
    steps = [(newest.count - it.count, newest.total - it.total) for it in series.earlier]
    if series.grows and all(total >= ARRIVALS for _, total in steps):
        arrived = [
            Figure((after.count - prior.count) / (after.total - prior.total), after.day)
            for prior, after in pairwise(series.before)
            if after.total - prior.total >= ARRIVALS
        ]
        found = [count / total for count, total in steps]
        scale = shares(_LEAST_SHARE, min(total for _, total in steps))
        verdict = _judge("new", found, arrived, scale=scale, odd=odd)
    else:
        figures = series.levels(_share)
        scale = shares(_LEAST_SHARE, newest.total)
        verdict = _judge("all", [_share(newest)], figures, scale=scale, odd=odd)
    return _settled(verdict, series)


def judge_issues(series: Series, new: Series | None) -> Verdict:
    """Judge which share of a source's records is quarantined or flagged, less being no harm.

    Args:
        series: Of all records, in which old ones may turn bad.
        new: Of those alone that came last, in which a bad file shows however much there is.

    Returns:
        The verdict on the odder of the two.
    """
    figures = series.levels(_share)
    scale = shares(_LEAST_SHARE, series.newest.total)
    verdict = _judge("all", [_share(series.newest)], figures, scale=scale, odd="more")
    verdict = _settled(verdict, series)
    if new is None or not new.newest.total:
        return verdict
    before = [Figure(_share(it), it.day) for it in new.before if it.total]
    scale = shares(_LEAST_SHARE, new.newest.total)
    of_new = _judge("new", [_share(new.newest)], before, scale=scale, odd="more")
    return max(verdict, _settled(of_new, new), key=lambda it: (it.status != "ok", it.distance))


def judge_days(amounts: Mapping[date, float], as_of: date, seen: date | None) -> Verdict | None:
    """Judge the amounts of the newest complete days, each by the days before it.

    Args:
        amounts: What each day has; a day that is missing is not compared with.
        as_of: The day of the run, which with those after it is not complete.
        seen: The newest day that was complete in an earlier run; those after it are new.

    Returns:
        The verdict on the oddest of the new days; None where no recent day is complete.
    """
    days = [day for day in sorted(amounts) if day < as_of]
    if not days or as_of - days[-1] > RECENT:
        return None
    since = max(seen, days[-1] - RECENT) if seen and seen < days[-1] else days[-1]
    new = [day for day in days if day > since] or days[-1:]
    return max((_judge_day(amounts, days, day) for day in new), key=lambda it: it.distance)


def _judge_day(amounts: Mapping[date, float], days: Sequence[date], day: date) -> Verdict:
    before = [Figure(amounts[it], it) for it in days if it < day]
    verdict = _judge("day", [amounts[day]], before, scale=DAY, day=day)
    return replace(verdict, day=day)


def _judge(  # noqa: PLR0913 - what is judged, by what, and how
    what: What,
    found: Sequence[float],
    before: Sequence[Figure],
    *,
    scale: Scale,
    day: date | None = None,
    odd: Odd = "both",
) -> Verdict:
    """Judge a figure that may be meant in several ways by the one that fits best."""
    if len(before) < NEEDED:
        return Verdict("ok", what, found[0], len(before))
    fits = [
        (_distance(value, expected, odd), value, expected)
        for expected in expectations(before, day, scale)
        for value in found
    ]
    distance, value, expected = min(fits, key=lambda it: it[0])
    status: Status = "ok" if distance <= 1 else "warn" if distance <= SEVERE else "fail"
    return Verdict(
        status,
        what,
        value,
        len(before),
        lower=expected.lower if odd != "more" and expected.lower > 0 else None,
        upper=expected.upper if odd != "less" else None,
        expected=expected,
        distance=distance,
    )


def _distance(value: float, expected: Expectation, odd: Odd) -> float:
    is_more = value > expected.center
    return 0.0 if odd == ("less" if is_more else "more") else expected.distance(value)


def _settled(verdict: Verdict, series: Series) -> Verdict:
    if verdict.status == "ok" or not series.has_stood:
        return verdict
    return replace(verdict, status="ok", has_stood=True)


def _days_between(earlier: Observation, later: Observation) -> int:
    if earlier.day is None or later.day is None:
        return 1
    return max((later.day - earlier.day).days, 1)


def _share(observation: Observation) -> float:
    return observation.count / observation.total if observation.total else 0.0
