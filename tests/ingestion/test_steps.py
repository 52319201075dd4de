"""A file of which a part is in cents is told, and no file that is merely sorted or uneven."""

from __future__ import annotations

import math
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from benepass_tasks.ingestion.steps import Step, find_step

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Charge(NamedTuple):
    shop: str
    category: str
    person: str
    amount: float


ORDERS: dict[str, Callable[[Charge], Any]] = {
    "by day": lambda _: 0,
    "smallest first": lambda it: it.amount,
    "largest first": lambda it: -it.amount,
    "by shop": lambda it: it.shop,
    "by category": lambda it: it.category,
    "by person": lambda it: it.person,
    "by shop and amount": lambda it: (it.shop, it.amount),
}


def charges_of(random: Random, count: int) -> list[Charge]:
    """The charges of a company: each shop has a level of its own, from coffee to laptops."""
    levels = random.choice([0.3, 1, 2, 3])
    shops = [
        (f"shop {it}", f"category {it % 4}", math.exp(random.gauss(3, levels)))
        for it in range(random.randint(1, 12))
    ]
    size: Callable[[float], float] = random.choice(
        [
            lambda level: level * random.lognormvariate(0, 0.6),
            lambda level: level * random.lognormvariate(0, 2),
            lambda level: level * random.paretovariate(0.7),
            lambda level: random.choice([level, 100 * level]),
        ]
    )
    people, digits = random.randint(2, 30), random.choice([0, 2])
    return [
        Charge(
            shop, category, f"person {random.randrange(people)}", max(1, round(size(level), digits))
        )
        for shop, category, level in (random.choice(shops) for _ in range(count))
    ]


def step_in(charges: Sequence[Charge]) -> Step | None:
    *kinds, sizes = zip(*charges, strict=True)
    return find_step(sizes, kinds)


@examples(40)
@given(seed=st.integers(0), count=st.integers(20, 200))
def test_ordinary_files_have_none_however_they_are_sorted(seed: int, count: int) -> None:
    charges = charges_of(Random(seed), count)  # noqa: S311 - no secret
    found = {name: step_in(sorted(charges, key=order)) for name, order in ORDERS.items()}
    assert {name: it for name, it in found.items() if it} == {}


USUAL = [12.5, 8.0, 60.0, 25.0, 31.9, 7.7, 19.0, 4.2, 99.0, 15.35]


def usual(count: int, times: float = 1, shops: int = 3) -> list[Charge]:
    return [
        Charge(f"shop {it % shops}", "gym", f"person {it % 4}", round(times * USUAL[it % 10], 2))
        for it in range(count)
    ]


@pytest.mark.parametrize("factor", [100, 1000])
@pytest.mark.parametrize(("before", "after"), [(30, 30), (20, 200), (200, 15)])
def test_where_amounts_go_on_in_another_unit_is_told(before: int, after: int, factor: int) -> None:
    found = step_in([*usual(before), *usual(after, factor)])
    assert found is not None
    assert (found.place, found.factor) == (before, factor)
    found = step_in([*usual(after, factor), *usual(before)])
    assert found is not None
    assert (found.place, found.factor) == (after, 1 / factor)


@pytest.mark.parametrize(
    "charges",
    [
        sorted([*usual(40), *usual(40, 100)], key=lambda it: it.amount),
        [*usual(40), *(it._replace(shop=f"another {it.shop}") for it in usual(40, 100))],
        [*usual(40), *(it._replace(amount=it.amount + 0.5) for it in usual(40, 100))],
        [*usual(40), *usual(40, 20)],
        [*usual(40), *usual(40, 3000)],
        [*usual(40), *(it._replace(amount=1900.0 + it.amount) for it in usual(40, 10))],
        [*usual(9), *usual(9, 100)],
        [*usual(40), *usual(5, 100)],
    ],
    ids=["sorted", "other shops", "decimals", "20", "3000", "another shape", "few", "few behind"],
)
def test_what_may_be_something_else_is_not(charges: list[Charge]) -> None:
    assert step_in(charges) is None
