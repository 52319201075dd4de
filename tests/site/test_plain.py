"""Values of the database as a page has them."""

from __future__ import annotations

from datetime import datetime

import pytest

from benepass_tasks.site.plain import plain
from benepass_tasks.site.rendering import written


@pytest.mark.parametrize(
    ("value", "shown_as"),
    [
        ("0999-12-31 10:00:00.9", "0999-12-31 10:00 UTC"),
        ("9999-12-31T23:59:59+02:00", "9999-12-31 21:59 UTC"),
    ],
)
def test_an_instant_of_any_year_is_shown(value: str, shown_as: str) -> None:
    assert written(plain(datetime.fromisoformat(value)), "instant") == shown_as


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_json_has_no_number_for_is_none(value: float) -> None:
    assert plain(value) is None


@pytest.mark.parametrize(
    ("value", "shown_as"),
    [(1_234_567.0, "1,234,570"), (123_456_789, "123,457,000"), (0.30000000004, "0.3"), (6.0, "6")],
)
def test_a_number_has_six_digits_that_say_something(value: float, shown_as: str) -> None:
    assert written(value, "number") == shown_as
