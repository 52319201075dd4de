"""The proof in a run: before a single row is written, and only when something changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from workspace import Workspace

SENSITIVE = ("kind: EMAIL_ADDRESS, treatment: mask}", "kind: EMAIL_ADDRESS, treatment: hash}")
UNMASKED = ("sql/staging/stg_employees.sql", "mask_email(email) as email", "email")


@pytest.mark.usefixtures("finished")
def test_a_leak_stops_the_run_before_anything_is_written(workspace: Workspace) -> None:
    workspace.write("data/employees.csv", (workspace.data / "employees.csv").read_bytes() + b"\n")
    path, masked, _ = UNMASKED
    above, _, _ = (workspace.root / path).read_text(encoding="utf-8").partition(masked)
    line = above.count("\n") + 1
    workspace.replace(*UNMASKED)
    before = workspace.built()
    result = workspace.run_command()
    assert result.returncode == 35
    said = result.stderr + result.stdout
    assert (
        f"sql/staging/stg_employees.sql:{line} staging.stg_employees.email: declares mask, and no "
        "approved mask is applied to EMAIL_ADDRESS. Path: employees.email -> raw.employees.email "
        "-> base.employees.email (catalog.yaml:"
    ) in said
    assert (
        f"staging.stg_employees.email (sql/staging/stg_employees.sql:{line}, TRANSFORMATION)"
        in said
    )
    assert "marts.dim_employees.email" in result.stderr + result.stdout
    assert workspace.built() == before


@pytest.mark.nightly
def test_a_leak_stops_the_first_run_before_there_is_a_warehouse(workspace: Workspace) -> None:
    workspace.replace(*UNMASKED)
    assert workspace.run_command().returncode == 35
    assert not workspace.warehouse.exists()


@pytest.mark.usefixtures("finished")
def test_an_edited_mask_stops_the_run_until_it_is_approved(workspace: Workspace) -> None:
    workspace.replace("sql/macros/mask_email.sql", "'****@'", "'***@'")
    result = workspace.run_command()
    assert result.returncode == 35
    said = result.stderr + result.stdout
    assert "catalog.yaml _masking_policy.mask_email: sql/macros/mask_email.sql is not what" in said
    fingerprint = said.partition("set fingerprint: '")[2][:32]
    workspace.replace("catalog.yaml", "93e8b602baf7ef813227c853b038c27b", fingerprint)
    assert "marts.dim_employees" in workspace.run()


@pytest.mark.usefixtures("finished")
def test_what_was_proven_is_not_proven_again(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from benepass_tasks.sqlmodels import privacy  # noqa: PLC0415 - after the settings

    proven: list[object] = []
    prove = privacy.prove
    monkeypatch.setattr(privacy, "prove", lambda *given: proven.append(given) or prove(*given))
    workspace.write("data/employees.csv", (workspace.data / "employees.csv").read_bytes() + b"\n")
    workspace.run()
    workspace.replace("catalog.yaml", "Days from the date of hire", "Days since the date of hire")
    workspace.replace("catalog.yaml", "{min: '2000-01-01'}", "{min: '2000-01-02'}")
    workspace.run()
    assert proven == []
    workspace.replace("catalog.yaml", *SENSITIVE)
    assert not workspace.attempt()[1]
    assert proven


@pytest.mark.usefixtures("finished")
def test_a_memory_that_cannot_be_read_proves_anew(workspace: Workspace) -> None:
    memory = workspace.data / ".warehouse.models.json"
    kept = json.loads(memory.read_bytes())
    part = json.dumps({**kept, "sql": {"key": kept["sql"]["key"], "value": {"macros": 1}}})
    memory.write_text(part)
    workspace.run(as_of="2026-01-02")
    assert json.loads(memory.read_bytes()) == kept
