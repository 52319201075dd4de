"""Who is past the retention of a source of people is erased, and no total moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.pipeline.retention.conftest import declare

if TYPE_CHECKING:
    from workspace import Workspace

LEFT = "select first_name, last_name from raw.employees where employee_id not like 'erased-%'"


@pytest.mark.nightly
def test_a_leaver_is_anonymised_in_time_and_everybody_else_stays(workspace: Workspace) -> None:
    declare(workspace, "employees", "termination_date", "anonymise")
    workspace.run(as_of="2026-01-15")
    assert len(workspace.query(LEFT)) == 4
    workspace.run("BuildSite", as_of="2026-02-11", accept="transactions")
    assert {last for _, last in workspace.query(LEFT)} == {"Archer", "Coleridge", "Dover"}
    assert workspace.query("select count(*) from marts.dim_employees") == [(4,)]
    files = [it for it in workspace.root.rglob("*") if it.is_file()]
    assert {it.name for it in files if b"Baker" in it.read_bytes()} == {"employees.csv"}
    assert len(list((workspace.data / "erasures").glob("*.json"))) == 1


@pytest.mark.nightly
def test_whom_a_run_loads_past_it_is_anonymised_before_it_publishes(workspace: Workspace) -> None:
    declare(workspace, "employees", "termination_date", "anonymise")
    workspace.run("BuildSite", as_of="2026-01-15")
    later = "E5,Flo,Farrier,flo.farrier@example.net,2019-01-01,terminated,2020-01-01\n"
    file = workspace.data / "employees.csv"
    workspace.write("data/employees.csv", file.read_text() + later)
    workspace.run("BuildSite", as_of="2026-01-15")
    files = [it for it in workspace.root.rglob("*") if it.is_file()]
    assert {it.name for it in files if b"Farrier" in it.read_bytes()} == {"employees.csv"}
    assert len(list((workspace.data / "erasures").glob("*.json"))) == 1
