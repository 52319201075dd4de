"""What figures are to be expected after those before them: medians, and how far apart figures lie.

Nothing here knows where figures come from. All of it is robust: a third of the figures before may
be wrong, and what is expected hardly changes. So none is left out for having raised an alarm, and
a lasting new level is what is expected once it fills half of the window.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import fmean, median

NEEDED = 7
"""Figures that are compared with, at least."""

LIMIT = 4.0
"""Spreads that a figure may be away from what is expected."""

SEVERE = 2.0
"""Times that limit: what is further away than this is taken for certain."""

MAD_TO_DEVIATION = 1.4826
"""Makes a median absolute deviation as wide as the standard deviation of normal values."""

_SAME_WEEKDAY = 3
"""Figures of a weekday that make an expectation of its own."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A value and the day that it is of; None where the day is not known."""

    value: float
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a figure should be like.

    Attributes:
        center: The median of the figures before.
        lower: The least that is normal.
        upper: The most that is normal.
        figures: Those before that were compared with.
        weekday: The weekday that all of them are of, such as `Monday`; None where they differ.
    """

    center: float
    lower: float
    upper: float
    figures: Sequence[Figure]
    weekday: str | None = None

    def distance(self, value: float) -> float:
        """How far away a value is; 1 is the limit of what is normal."""
        width = self.upper - self.center if value > self.center else self.center - self.lower
        return abs(value - self.center) / width


@dataclass(frozen=True, slots=True)
class Scale:
    """How values are compared.

    Attributes:
        onto: Puts a value on the scale on which values spread alike.
        back: Takes it back.
        floor: The least spread around what is expected.
        most: Times what is expected that are normal in any case.
    """

    onto: Callable[[float], float]
    back: Callable[[float], float]
    floor: Callable[[float], float]
    most: float = 0.0


def ratios(
    relative: float, *, absolute: float = 0.0, counted: bool = False, most: float = 0.0
) -> Scale:
    """Compare amounts by how many times one is another; what is not positive is next to nothing.

    Args:
        relative: The least spread, as a part of what is expected.
        absolute: The least spread as an amount.
        counted: Whether single things are counted that come by chance, so that a small number
            spreads by its square root.
        most: Times what is expected that are normal in any case.
    """

    def floor(expected: float) -> float:
        chance = math.sqrt(expected) if counted else 0.0
        return max(relative, absolute / expected, chance / expected)

    def onto(amount: float) -> float:
        return math.log(max(amount, 0.5))

    return Scale(onto, math.exp, floor, most)


def shares(least: float, of: float) -> Scale:
    """Compare shares of a whole by their difference.

    Args:
        least: The least spread.
        of: How many things the share is of; the share of few spreads by chance.
    """

    def floor(expected: float) -> float:
        share = min(max(expected, 1 / of), 1 - 1 / of) if of > 1 else 0.5
        return max(least, math.sqrt(share * (1 - share) / max(of, 1)))

    return Scale(float, float, floor)


def expectations(before: Sequence[Figure], day: date | None, scale: Scale) -> list[Expectation]:
    """What a figure of a day should be like; one that fits any of these is normal.

    It is the median of all figures before, or that of the same weekday where the weekday is the
    better forecast: where, of each figure, the others of its weekday say more than all others do.
    While too few weeks are known to tell, the same weekday counts as well.

    Args:
        before: The figures to compare with, at least one.
        day: The day of the figure to judge.
        scale: How values are compared.
    """
    all_errors = _errors(before, scale)
    everything = _expectation(before, all_errors, scale)
    alike = [it for it in before if day and it.day and it.day.weekday() == day.weekday()]
    if not day or not alike or len(alike) == len(before):
        return [everything]
    errors = _errors_by_weekday(before, scale)
    weekday = f"{day:%A}"
    if len(alike) < _SAME_WEEKDAY or not errors:
        return [everything, _expectation(alike, all_errors, scale, weekday)]
    by_weekday = _expectation(alike, errors, scale, weekday)
    # By the mean: a median does not see the two days of a week that are unlike the others.
    return [by_weekday if fmean(errors) < fmean(all_errors) else everything]


def _expectation(
    figures: Sequence[Figure], errors: Sequence[float], scale: Scale, weekday: str | None = None
) -> Expectation:
    center = median(scale.onto(it.value) for it in figures)
    # Few figures say little about how far apart they lie.
    spread = MAD_TO_DEVIATION * median(errors) * (1 + 5 / len(errors))
    reach = LIMIT * max(spread, scale.floor(scale.back(center)))
    return Expectation(
        scale.back(center),
        scale.back(center - reach),
        max(scale.back(center + reach), scale.most * scale.back(center)),
        figures,
        weekday,
    )


def _errors(figures: Sequence[Figure], scale: Scale) -> list[float]:
    values = [scale.onto(it.value) for it in figures]
    center = median(values)
    return [abs(value - center) for value in values]


def _errors_by_weekday(figures: Sequence[Figure], scale: Scale) -> list[float]:
    """How wrong the median of the other figures of its weekday is about each figure."""
    weeks: dict[int, list[float]] = {}
    for it in figures:
        if it.day:
            weeks.setdefault(it.day.weekday(), []).append(scale.onto(it.value))
    return list(_left_out(weeks.values()))


def _left_out(groups: Iterable[list[float]]) -> Iterator[float]:
    for values in groups:
        if len(values) >= _SAME_WEEKDAY:
            for index, value in enumerate(values):
                yield abs(value - median(values[:index] + values[index + 1 :]))
