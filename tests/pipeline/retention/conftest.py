"""A project with a retention of its charges, at the moment before the first of them is past it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from erasing import KEY
from workspace import MadeOnce, Workspace, new_project

from benepass_tasks.config.hash_key import VARIABLE
from tests.pipeline.erasure.conftest import copy_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEADER = (
    "transaction_id,employee_id,benefit_account_id,merchant,amount,transaction_timestamp,category\n"
)
EMPLOYEES = """employee_id,first_name,last_name,email,hire_date,status,termination_date
E1,Ann,Archer,ann.archer@example.com,2020-01-01,active,
E2,Bo,Baker,bo.baker@example.org,2021-06-15,terminated,2025-02-10
E3,Cy,Coleridge,cy.coleridge@example.net,2024-02-29,on_leave,
E4,Di,Dover,di.dover@example.net,2024-02-29,active,
"""


def charges(*days: str) -> str:
    """A file of charges, one at each instant."""
    return HEADER + "".join(
        f"CHARGE-{number:04},E1,A1,Iron Heron Gym,10.00,{day},gym\n"
        for number, day in enumerate(days, 1)
    )


YEAR = charges(*(f"2025-{month:02}-15T10:00:00Z" for month in range(1, 13)), "not a day")
"""A charge in each month, and one that says no day."""


def declare(workspace: Workspace, source: str, by: str, then: str, keep: str = "1 year") -> None:
    """Declare a retention of a source."""
    path = f"data/{source}*.csv" if source == "transactions" else f"data/{source}.csv"
    there = f"filepath: {path}\n  metadata:\n"
    retention = f"    retention: {{keep: {keep}, by: {by}, then: {then}}}\n"
    workspace.replace("catalog.yaml", there, there + retention)


@pytest.fixture(autouse=True, scope="package")
def _key() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, KEY)
        yield


@pytest.fixture(scope="package")
def whole(made_once: MadeOnce) -> Workspace:
    """The project, published on the last day of the first charge; for copying only."""

    def make(root: Path) -> None:
        made = new_project(root)
        made.write("data/transactions.csv", YEAR)
        made.write("data/employees.csv", EMPLOYEES)
        declare(made, "transactions", "transaction_timestamp", "delete")
        made.run("BuildSite", as_of="2026-01-15")

    return Workspace(made_once("aging", make))


@pytest.fixture
def workspace(whole: Workspace, tmp_path: Path) -> Workspace:
    """A copy of it."""
    return copy_of(whole, tmp_path / "project")
