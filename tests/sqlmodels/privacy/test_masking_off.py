"""Masking off is possible into a warehouse of its own only: one file never holds both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

if TYPE_CHECKING:
    from workspace import Workspace

UNMASKED = ("--benepass-pii-masking", "false")


def emails(workspace: Workspace, file: str) -> set[str]:
    with duckdb.connect(str(workspace.data / file), read_only=True) as connection:
        return {
            email
            for (email,) in connection.execute("select email from marts.dim_employees").fetchall()
        }


@pytest.mark.slow
@pytest.mark.usefixtures("finished")
def test_a_masked_warehouse_is_not_unmasked(workspace: Workspace) -> None:
    before = workspace.content()
    result = workspace.run_command(*UNMASKED)
    assert result.returncode == 35
    assert (
        f"{workspace.warehouse} holds masked personal data, and one file never holds both: with "
        "--benepass-pii-masking false, name another one with --benepass-warehouse, such as "
        "warehouse-other.duckdb"
    ) in result.stderr + result.stdout
    assert workspace.content() == before


@pytest.mark.nightly
def test_an_unmasked_warehouse_is_not_masked(workspace: Workspace) -> None:
    assert workspace.run_command(*UNMASKED).returncode == 0
    assert "ann.archer@example.com" in emails(workspace, "warehouse.duckdb")
    result = workspace.run_command()
    assert result.returncode == 35
    assert "holds unmasked personal data" in result.stderr + result.stdout
    assert "ann.archer@example.com" in emails(workspace, "warehouse.duckdb")


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_both_exist_side_by_side(workspace: Workspace) -> None:
    beside = workspace.run_command(*UNMASKED, "--benepass-warehouse", "data/clear.duckdb")
    assert beside.returncode == 0
    assert emails(workspace, "clear.duckdb") == {
        "ann.archer@example.com",
        "bo.baker@example.org",
        "cy.cole@example.net",
    }
    assert emails(workspace, "warehouse.duckdb") == {
        "****@example.com",
        "****@example.org",
        "****@example.net",
    }


@pytest.mark.nightly
def test_a_killed_first_run_has_decided_already(workspace: Workspace) -> None:
    workspace.write("data/transactions.csv", "")
    _, succeeded = workspace.attempt(pii_masking="false")
    assert not succeeded
    assert workspace.query("select value from meta.properties where name = 'pii_masking'") == [
        ("false",)
    ]
