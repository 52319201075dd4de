"""A run writes a new version of those tables of Iceberg that have changed, and of no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from lakes import Lake, configure, in_folder

from benepass_tasks.cli import main
from tests.pipeline.test_audiences import declare

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workspace import Workspace

TABLES = ("dim_employees", "dim_merchants")
STAFF = f"""\
_audiences:
  staff:
    datasets: [{", ".join(f"marts.{it}" for it in TABLES)}]
    treatment: {{FIRST_NAME: clear, LAST_NAME: clear}}
    reason: they look people up
    iceberg: {{catalog: lake, namespace: staff}}
"""
EMPLOYEES, MERCHANTS = (f"published:staff:iceberg:lake/staff/{it}" for it in TABLES)


@pytest.fixture
def lake(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Lake]:
    yield from in_folder(tmp_path_factory.mktemp("elsewhere") / "lake", monkeypatch)


def snapshots(lake: Lake) -> list[int]:
    return [len(lake.snapshots(f"staff.{it}")) for it in TABLES]


@pytest.mark.nightly
@pytest.mark.usefixtures("published")
def test_tables_come_change_and_go_with_their_rows_and_with_what_is_declared(
    workspace: Workspace, lake: Lake
) -> None:
    declare(workspace, STAFF)
    assert workspace.run("Publish") == {"published", EMPLOYEES, MERCHANTS}
    assert {it["first_name"] for it in lake.rows("staff.dim_employees")} == {"Ann", "Bo", "Cy"}
    assert workspace.run("Publish") == set()

    workspace.replace("data/employees.csv", "Ann", "Anna")
    assert EMPLOYEES in (made := workspace.run("Publish"))
    assert MERCHANTS not in made
    assert snapshots(lake) == [2, 1]

    lake.table("staff.dim_merchants").append(pa.table({"merchant": ["theirs"]}))
    assert workspace.run("Publish") == {"published", MERCHANTS}
    assert "theirs" not in {it["merchant"] for it in lake.rows("staff.dim_merchants")}
    assert workspace.run("Publish") == set()

    declare(workspace, STAFF.replace("marts.dim_employees, ", ""))
    workspace.run("Publish")
    assert lake.catalog.list_tables("staff") == [("staff", "dim_merchants")]
    declare(workspace, "")
    workspace.run("Publish")
    assert lake.catalog.list_tables("staff") == []
    assert workspace.run("Publish") == set()


@pytest.mark.nightly
@pytest.mark.usefixtures("published")
def test_a_record_that_was_lost_costs_no_new_version(workspace: Workspace, lake: Lake) -> None:
    declare(workspace, STAFF)
    workspace.run("Publish")
    workspace.change(f"delete from meta.markers where name = '{EMPLOYEES}'")
    assert EMPLOYEES in workspace.run("Publish")
    assert snapshots(lake) == [1, 1]


@pytest.mark.nightly
@pytest.mark.usefixtures("published")
def test_a_lake_that_is_not_there_ends_the_run_and_what_was_published_stays(
    workspace: Workspace, lake: Lake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    declare(workspace, STAFF)
    workspace.run("Publish")
    before = [it.stat().st_ino for it in sorted(workspace.published.rglob("*.*"))]
    with monkeypatch.context() as patched:
        configure(patched, uri=f"sqlite:///{tmp_path}/nowhere/catalog.db")
        # It cannot be asked, and nothing is new.
        assert workspace.run("Publish") == set()
        workspace.replace("data/employees.csv", "Ann", "Anna")
        with workspace.configured():
            line = ["--benepass-project-dir", str(workspace.root), "run", "Publish"]
            assert main(line) == 30
        assert [it.stat().st_ino for it in sorted(workspace.published.rglob("*.*"))] == before
    assert snapshots(lake) == [1, 1]
    workspace.run("Publish")
    assert "Anna" in {it["first_name"] for it in lake.rows("staff.dim_employees")}


@pytest.mark.nightly
@pytest.mark.usefixtures("published")
def test_a_branch_writes_no_table_of_its_parent(workspace: Workspace, lake: Lake) -> None:
    declare(workspace, STAFF)
    workspace.run("Publish")
    line = ["--benepass-project-dir", str(workspace.root), "branch", "create", "trial"]
    with workspace.configured():
        assert main(line) == 0
    workspace.replace("data/employees.csv", "Ann", "Anna")
    made = workspace.run("Publish", env="trial")
    assert not any("iceberg" in it for it in made)
    assert snapshots(lake) == [1, 1]
