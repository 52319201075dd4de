"""How much is tried: in the matrix each behaviour once, each night all that there is.

A property has few examples in the matrix. There they are the same in each run, so that a change
fails of what it did itself; each night there are others, and more of them:
`pytest --hypothesis-profile nightly` asks for those.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet

MATRIX, NIGHTLY = "matrix", "nightly"
TIMES = 20
"""How many times as many there are each night."""

_UNIT = 100
"""The examples of a property that does not say how many, in the matrix."""

settings.register_profile(
    MATRIX,
    max_examples=_UNIT,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile(
    NIGHTLY,
    settings.get_profile(MATRIX),
    max_examples=_UNIT * TIMES,
    derandomize=False,
    print_blob=True,
)


def examples(number: int) -> settings:
    """Try a property with so many examples in the matrix.

    Args:
        number: As many as take a second or two.
    """
    return settings(max_examples=number * settings().max_examples // _UNIT)


def at_night(*cases: object) -> list[ParameterSet]:
    """More cases of `parametrize`, which are tried each night and not in the matrix.

    Args:
        cases: Each of them as `parametrize` takes it; a tuple has a value for each argument.
    """
    return [
        pytest.param(*(it if isinstance(it, tuple) else (it,)), marks=pytest.mark.nightly)
        for it in cases
    ]
