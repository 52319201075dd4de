"""A file whose name nearly is that of a source is warned about, with what would take it in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from projects import catalog_of

from benepass_tasks.config.settings import current_settings
from benepass_tasks.quality.monitors import judge_names

if TYPE_CHECKING:
    from collections.abc import Callable

    from workspace import Workspace

    Near = Callable[[str], list[tuple[str, str, str | None]]]

RENAME = "rename it so that it matches data/{}, or let filepath match it"


@pytest.fixture
def near(workspace: Workspace) -> Near:
    """What is said of a file of some name in the data folder."""

    def said_of(name: str) -> list[tuple[str, str, str | None]]:
        path = workspace.data / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.touch()
        with workspace.configured(data_dir="data"):
            results = [*judge_names(catalog_of(workspace.root), current_settings())]
        return [(it.dataset, it.message, it.name) for it in results]

    return said_of


@pytest.mark.parametrize(
    ("name", "source", "remedy"),
    [
        ("transactions_02.CSV", "transactions", RENAME.format("transactions*.csv")),
        ("Transactions_02.csv", "transactions", RENAME.format("transactions*.csv")),
        ("employees (1).csv", "employees", RENAME.format("employees.csv")),
        ("employees - Copy.csv", "employees", RENAME.format("employees.csv")),
        ("transactions.txt", "transactions", RENAME.format("transactions*.csv")),
        ("benefit_accounts.xlsx", "benefit_accounts", RENAME.format("benefit_accounts.csv")),
        (
            "transactions.csv.gz",
            "transactions",
            "unpack it, or let filepath match it: data/transactions*.csv.gz",
        ),
        (
            "2025/transactions_01.csv",
            "transactions",
            "move it beside the others, or let filepath lead to it: data/2025/transactions_01.csv",
        ),
    ],
)
def test_a_near_name_is_told_with_what_takes_it_in(
    near: Near, name: str, source: str, remedy: str
) -> None:
    assert near(name) == [(source, f"{name} is not taken in; {remedy}", name)]


@pytest.mark.parametrize(
    "name",
    ["transactions_02.csv", "merchants.csv", "published/transactions.parquet", ".transactions.csv"],
)
def test_what_is_taken_in_or_like_nothing_is_not_told(near: Near, name: str) -> None:
    assert near(name) == []


@pytest.mark.nightly
def test_it_is_one_incident_that_stays_open_until_the_file_is_gone(workspace: Workspace) -> None:
    open_keys = "select key, opened_run_id from meta.incidents where resolved_at is null"
    path = workspace.data / "transactions_02.CSV"
    path.touch()
    workspace.run()
    ((key, opened),) = workspace.query(open_keys)
    assert key == "near_names:transactions:transactions_02.CSV"
    workspace.run()
    assert workspace.query(open_keys) == [(key, opened)]
    path.unlink()
    workspace.run()
    assert workspace.query(open_keys) == []
