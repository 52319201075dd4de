"""Values that a spreadsheet opens and does not calculate."""

from __future__ import annotations

import pytest

from benepass_tasks.publish.spreadsheet import harmless


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
@pytest.mark.parametrize("before", ["", "\t", "\r", "\n"])
def test_a_formula_is_text(before: str, sign: str) -> None:
    cell = f"{before}{sign}SUM(A1:A9)"
    assert harmless(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "-12.50", "+3", "a=b", "ann@example.com", "2026-01-31"])
def test_a_number_and_any_other_text_stay_as_they_are(cell: str) -> None:
    assert harmless(cell) == cell


@pytest.mark.parametrize("cell", ["-1+2", "+1e9", "-.5", "-1,5"])
def test_what_only_begins_like_a_number_is_text(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"
