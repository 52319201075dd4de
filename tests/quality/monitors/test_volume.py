"""A dataset has as many rows as the catalog says, and the newest file of a source any."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from examples import at_night

from benepass_tasks.catalog import Volume
from benepass_tasks.quality.monitors.volume import judge_rows

if TYPE_CHECKING:
    from workspace import Workspace

HEADER = (
    "transaction_id,employee_id,benefit_account_id,merchant,amount,transaction_timestamp,category"
)


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


def month(number: int) -> str:
    day = f"2025-{number:02}-03T10:00:00Z"
    return f"{HEADER}\nT{number},E1,A1,Iron Heron Gym,10.00,{day},gym\n"


@pytest.fixture
def months(workspace: Workspace) -> Workspace:
    (workspace.data / "transactions.csv").unlink()
    for number in (2, 10):
        workspace.write(f"data/transactions_2025-{number}.csv", month(number))
    return workspace


def warnings(workspace: Workspace, monitor: str = "empty_file") -> list[str]:
    workspace.run()
    found = workspace.query("select key from meta.incidents where resolved_at is null")
    return [key for (key,) in found if key.startswith(monitor)]


@pytest.mark.nightly
def test_a_new_file_with_a_header_alone_is_an_incident_until_it_has_records(
    months: Workspace,
) -> None:
    assert warnings(months) == []
    months.write("data/transactions_2025-11.csv", f"{HEADER}\n")
    assert warnings(months) == ["empty_file:transactions:transactions_2025-11.csv"]
    assert warnings(months) == ["empty_file:transactions:transactions_2025-11.csv"]
    months.write("data/transactions_2025-11.csv", month(11))
    assert warnings(months) == []


@pytest.mark.nightly
def test_a_month_that_a_later_file_follows_may_have_been_one_without_spend(
    months: Workspace,
) -> None:
    months.write("data/transactions_2025-9.csv", f"{HEADER}\n")
    months.write("data/transactions_2025-11.csv", f"{HEADER}\n")
    assert warnings(months) == ["empty_file:transactions:transactions_2025-11.csv"]
    months.write("data/transactions_2025-12.csv", month(12))
    assert warnings(months) == []


@pytest.mark.nightly
def test_where_empty_files_are_declared_none_is_warned_of(months: Workspace) -> None:
    months.write("data/transactions_2025-11.csv", f"{HEADER}\n")
    months.replace("catalog.yaml", "guards: {min_clean", "guards: {empty_files: true, min_clean")
    assert warnings(months) == []


@pytest.mark.nightly
@pytest.mark.parametrize("part", ["T12,E1,A1,Iron He", *at_night('T12,E1,A1,"Iron He')])
def test_a_file_that_ends_within_a_record_is_an_incident_until_it_comes_whole(
    months: Workspace, part: str
) -> None:
    months.write("data/transactions_2025-11.csv", month(11) + part)
    key = "cut_off_file:transactions:transactions_2025-11.csv"
    assert warnings(months, "cut_off_file") == [key]
    assert warnings(months, "cut_off_file") == [key]
    months.write("data/transactions_2025-11.csv", month(11))
    assert warnings(months, "cut_off_file") == []
