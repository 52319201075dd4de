"""Where in a file its amounts become a hundred or a thousand times as large, or as small.

Such a step is one of the unit, as where a file was put together of euros and of cents. Ordinary
files have steps, too: where they are sorted by the amount, or by the shop, the kind or the person.
So it counts only where both sides are of the same shops, kinds and people, and neither is sorted;
where all sizes of one side, small ones and large ones, are as many times those of the other; and
where those of the larger side are whole, as cents are.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Final

FEWEST: Final = 10
"""Amounts that a side has at least."""

_FACTORS: Final = (100.0, 1000.0, 0.01, 0.001)
_SORTED: Final = 0.2
"""The share of the records that go the other way, up or down, of which fewer are a sorted file."""
_SHARED: Final = 0.5
"""The share of the records of a side whose shop, or the like, is on the other side as well."""
_FRACTIONS: Final = 0.02
"""The share of amounts of the larger side that may have decimals, beside one: the place of the step
is right within some records."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step.

    Attributes:
        place: The place of the first amount behind it, from 0 on.
        factor: How many times those before it the amounts behind it are.
        middle: A size between those of both sides.
    """

    place: int
    factor: float
    middle: float


def find_step(sizes: Sequence[float], kinds: Sequence[Sequence[object]]) -> Step | None:
    """Find the step of the unit in the amounts of a file.

    Args:
        sizes: The sizes of its amounts in their order, none of them zero.
        kinds: For each column that says of a record what it is of, the values in the same order.

    Returns:
        The step; None where there is none, or it may be what the file is sorted by.
    """
    if len(sizes) < 2 * FEWEST:
        return None
    logs = [*map(math.log, sizes)]
    place = _cut(logs)
    middle = (median(logs[:place]) + median(logs[place:])) / 2
    place = place_of(sizes, math.exp(middle))
    sides = logs[:place], logs[place:]
    if min(map(len, sides)) < FEWEST or any(map(_is_sorted, sides)):
        return None
    factor = _factor(*sides)
    if factor is None or not all(_is_shared(it, place) for it in kinds):
        return None
    larger = sizes[place:] if factor > 1 else sizes[:place]
    if sum(it != round(it) for it in larger) > 1 + _FRACTIONS * len(larger):
        return None
    return Step(place, factor, math.exp(middle))


def place_of(sizes: Sequence[float], middle: float) -> int:
    """The place that best parts sizes below a size from those above it, at least 1."""
    return _cut([math.copysign(1, it - middle) for it in sizes])


def _cut(values: Sequence[float]) -> int:
    """Where the sum of what came so far is farthest from what it would be were all alike."""
    mean, so_far, best, place = math.fsum(values) / len(values), 0.0, -1.0, 1
    for number, value in enumerate(values[:-1], 1):
        so_far += value - mean
        if abs(so_far) > best:
            best, place = abs(so_far), number
    return place


def _is_sorted(logs: Sequence[float]) -> bool:
    """Whether nearly all steps from one to the next go one way; also where none goes any."""
    ups = sum(it < after for it, after in pairwise(logs))
    downs = sum(it > after for it, after in pairwise(logs))
    return min(ups, downs) <= _SORTED * (ups + downs)


def _factor(before: Sequence[float], after: Sequence[float]) -> float | None:
    """How many times as large the sizes behind are, where that is a unit, of all sizes alike."""
    # Of few amounts the shares of the small and the large ones are known less well.
    unsure = math.sqrt(1 / len(before) + 1 / len(after))
    most, least = min(0.45, 0.1 + 1.4 * unsure), min(0.9, 0.4 + 1.2 * unsure)
    apart = {it: _distance([size + math.log(it) for size in before], after) for it in _FACTORS}
    factor = min(_FACTORS, key=lambda it: apart[it])
    if apart[factor] > most or _distance(before, after) < least:
        return None
    return factor


def _distance(one: Sequence[float], other: Sequence[float]) -> float:
    """By how much the shares that are below a size differ at most (Kolmogorov and Smirnov)."""
    one, other = sorted(one), sorted(other)
    return max(
        abs(bisect_right(one, it) / len(one) - bisect_right(other, it) / len(other))
        for it in (*one, *other)
    )


def _is_shared(values: Sequence[object], place: int) -> bool:
    """Whether most records of each side are of a kind that the other side has as well."""
    before, after = values[:place], values[place:]
    if len({*values}) * 2 > len(values):
        return True  # hardly any value comes again, as of a note
    sides = ((before, {*after}), (after, {*before}))
    return all(sum(it in others for it in side) >= _SHARED * len(side) for side, others in sides)
