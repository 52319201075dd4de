"""How many examples a property is tried with: few in the matrix, many each night.

In the matrix they are the same in each run, so that a change fails of what it did itself; each
night there are others. `pytest --hypothesis-profile nightly` asks for those.
"""

from hypothesis import HealthCheck, settings

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
