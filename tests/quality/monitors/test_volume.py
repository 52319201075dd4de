"""A dataset has as many rows as the catalog says."""

import pytest

from benepass_tasks.catalog import Volume
from benepass_tasks.quality.monitors.volume import judge_rows


@pytest.mark.parametrize(
    ("rows", "status"), [(0, "fail"), (1, "ok"), (1_500, "ok"), (2_000, "ok"), (2_001, "fail")]
)
def test_both_bounds_are_inside(rows: int, status: str) -> None:
    assert judge_rows("claims", Volume(1, 2_000), rows).status == status


def test_one_bound_is_enough() -> None:
    assert judge_rows("claims", Volume(minimum=5), 10**12).status == "ok"
    assert judge_rows("claims", Volume(maximum=5), 0).status == "ok"


def test_the_message_says_how_many_there_are_and_should_be() -> None:
    result = judge_rows("claims", Volume(1, 2_000), 12_345)
    assert str(result) == "claims: 12,345 rows; expected are at least 1 and at most 2,000"
    assert (result.value, result.lower, result.upper) == (12_345, 1, 2_000)
    assert result.compared_with == "the catalog: at least 1 and at most 2,000"
