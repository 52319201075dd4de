"""Somebody is erased everywhere, and nothing else changes."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import duckdb
import pyarrow.parquet as pq
import pytest
from databases import VARIABLE, hr_database, read_from_table
from erasing import GRETA, erased, totals
from lakes import in_folder
from workspace import new_project

from benepass_tasks.cli import main
from benepass_tasks.config.errors import ProjectError
from benepass_tasks.config.settings import current_settings
from benepass_tasks.pipeline.erasure.erase import finish_pending
from tests.pipeline.erasure.conftest import copy_of

if TYPE_CHECKING:
    from pathlib import Path

    from workspace import Workspace

    from tests.pipeline.erasure.conftest import Erased

VALUES = (b"EMP-1001", b"Marlowe", b"Aldous", b"greta.aldous", b"ACC-2001", b"TXN-30002")
SOURCES = ("employees.csv", "benefit_accounts.csv", "transactions.csv")
MORE = """\
transaction_id,employee_id,benefit_account_id,merchant,amount,transaction_timestamp,category
TXN-30099,EMP-1002,ACC-2002,Plum Crate,1.00,2025-04-09T10:00:00Z,groceries
"""


def test_no_other_user_can_read_a_file_that_a_run_and_an_erasure_made(done: Erased) -> None:
    workspace = done.workspace
    # What audiences get is for others to read, as far as its declaration says.
    public = (*workspace.data.glob("published*"), workspace.site)
    made = [
        it
        for it in workspace.data.rglob("*")
        if it.is_file() and it.suffix != ".csv" and not any(map(it.is_relative_to, public))
    ]
    # The list, certificates, locks, what is known of the models: far more than the warehouse.
    assert {it.name for it in made} >= {"warehouse.duckdb", "warehouse.erased.json"}
    assert {it.suffix for it in made} >= {".lock", ".queue", ".md"}
    assert [it.name for it in made if stat.S_IMODE(it.stat().st_mode) & 0o077] == []


def test_no_file_but_the_sources_has_a_value_of_the_person(done: Erased) -> None:
    files = [it for it in done.workspace.root.rglob("*") if it.is_file()]
    assert len(files) > 100
    found = {it.name for it in files for value in VALUES if value in it.read_bytes()}
    assert found == {*SOURCES}


def test_whoever_looks_people_up_finds_the_person_before_and_no_more_afterwards(
    whole: Workspace, done: Erased
) -> None:
    before, after = (
        duckdb.execute(
            f"from read_parquet('{it.data}/published.staff/parquet/*.parquet', "
            "union_by_name = true) select first_name, last_name where last_name is not null"
        ).fetchall()
        for it in (whole, done.workspace)
    )
    assert ("Greta", "Marlowe") in before
    assert len(after) == len(before)
    assert not {"Greta", "Marlowe", "Aldous"} & {name for row in after for name in row}


def test_every_total_and_every_count_of_issues_is_as_it_was(done: Erased) -> None:
    assert totals(done.workspace) == done.before


def test_the_rows_stay_with_their_money_and_lead_to_nobody(done: Erased) -> None:
    rows = done.workspace.query(
        "select merchant, amount, transaction_timestamp, employee_id, benefit_account_id "
        "from raw.transactions where _row_number in (2, 6) order by _row_number"
    )
    assert [row[:3] for row in rows] == [
        ("Iron Heron Gym", "50.00", "2025-03-02T10:00:00Z"),
        ("Iron Heron Gym", "30.00", "2025-03-20T10:00:00Z"),
    ]
    ((_, _, _, person, account), (_, _, _, same_person, same_account)) = rows
    assert (person, account) == (same_person, same_account)
    assert person.startswith("erased-")


def test_dates_become_coarser_and_pass_no_charge(done: Erased) -> None:
    (hired, left), *_ = done.workspace.query(
        "select hire_date, termination_date from raw.employees where _row_number = 3"
    )
    # A charge before the hire was flagged on March 1, one on March 20 came after the last day.
    assert (hired, left) == ("2020-03-02", "2025-03-19")


def test_what_nobody_declared_goes(done: Erased) -> None:
    assert done.workspace.query("select note from raw.employees where _row_number = 1") == [(None,)]


def test_an_account_that_others_have_as_well_stays_theirs(done: Erased) -> None:
    owners = done.workspace.query(
        "select employee_id from raw.benefit_accounts where benefit_account_id = 'ACC-2003'"
    )
    assert len(owners) == 2
    assert ("EMP-1002",) in owners


def test_a_charge_of_somebody_else_to_the_account_stays_a_charge_to_it(done: Erased) -> None:
    ((person, account),) = done.workspace.query(
        "select employee_id, benefit_account_id from raw.transactions where _row_number = 4"
    )
    ((own,),) = done.workspace.query(
        "select benefit_account_id from raw.transactions where _row_number = 2"
    )
    assert (person, account) == ("EMP-1002", own)


def test_rejected_records_go_and_the_books_count_them_as_erased(done: Erased) -> None:
    assert done.workspace.query("select count(*) from raw.rejected_rows") == [(0,)]
    assert done.workspace.query(
        "select records, parsed, rejected, erased from meta.loads where source = 'transactions'"
    ) == [(13, 11, 0, 2)]


def test_the_certificate_says_what_was_done_and_holds_no_value(done: Erased) -> None:
    file = done.certificate.file
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    content = json.loads(file.read_text(encoding="utf-8"))
    assert content["is_proven"]
    assert content["hits"] == {}
    tables = {it["table"]: (it["rows_before"], it["rows_after"]) for it in content["tables"]}
    assert tables["raw.transactions"] == (8, 0)
    assert content["source_files_where_they_still_stand"]["employees.csv"] == [1, 3, 4]
    written = file.read_text(encoding="utf-8") + file.with_suffix(".md").read_text(encoding="utf-8")
    assert not [it for it in VALUES if it.decode() in written]


def test_the_list_is_its_owners_alone_and_holds_no_value(done: Erased) -> None:
    file = done.workspace.data / "warehouse.erased.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not [it for it in VALUES if it in file.read_bytes()]


def test_erasing_twice_does_nothing_and_says_so(
    done: Erased, capsys: pytest.CaptureFixture[str]
) -> None:
    before = done.workspace.built()
    with done.workspace.configured():
        code = main(["--benepass-project-dir", str(done.workspace.root), "privacy", "erase", GRETA])
    assert code == 0
    assert "Nothing to do: all of them were erased before." in capsys.readouterr().out
    assert done.workspace.built() == before


def test_a_run_afterwards_has_nothing_to_do(done: Erased) -> None:
    assert done.workspace.run("BuildSite") == set()


@pytest.fixture
def telling(whole: Workspace, tmp_path: Path) -> Workspace:
    """A project in which nobody is erased yet, and a file with a name that no table is of."""
    workspace = copy_of(whole, tmp_path / "project")
    workspace.write("logs/run.log", "ERROR: MARLOWE, Greta and EMP-10012")
    return workspace


def test_a_value_that_is_left_in_some_file_is_told_with_it(telling: Workspace) -> None:
    (certificate,) = erased(telling)
    assert not certificate.is_proven
    assert certificate.problems == ["logs/run.log has first and last name 1 times"]


@pytest.mark.nightly
def test_an_erasure_stays_begun_until_no_value_is_left(telling: Workspace) -> None:
    workspace = telling
    (certificate,) = erased(workspace)
    (workspace.data / "transactions_2.csv").write_text(MORE, encoding="utf-8")
    workspace.run("BuildMarts")
    (workspace.root / "logs" / "run.log").unlink()
    with workspace.configured():
        (again,) = finish_pending(current_settings(), lambda _: None)
        assert again.is_proven, "later loads move totals, and that is no matter of the erasure"
        assert again.file == certificate.file
        assert finish_pending(current_settings(), lambda _: None) == []


def test_nobody_is_erased_without_a_key(
    whole: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BENEPASS_HASH_KEY")
    workspace = copy_of(whole, tmp_path / "project")
    with pytest.raises(ProjectError, match="BENEPASS_HASH_KEY is not set"):
        erased(workspace)


def test_of_somebody_unknown_it_says_so_and_erases_nobody(whole: Workspace, tmp_path: Path) -> None:
    workspace = copy_of(whole, tmp_path / "project")
    with pytest.raises(ProjectError, match=r"number 2 of the 2 ids.*Nothing was erased"):
        erased(workspace, (GRETA, "EMP-9999"))
    assert not (workspace.data / "warehouse.erased.json").exists()


@pytest.mark.nightly
def test_who_came_from_a_database_is_erased_from_its_extract_and_stays_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = new_project(tmp_path / "project")
    hr = hr_database(tmp_path / "hr.sqlite")
    monkeypatch.setenv(VARIABLE, hr.url)
    read_from_table(workspace, "employees")
    workspace.run("BuildSite")
    (certificate,) = erased(workspace, ["E1"], rewrites_sources=True)
    assert not certificate.problems
    extract = workspace.data / "warehouse.extracts" / "employees.parquet"
    assert "Archer" not in str(pq.read_table(extract).to_pylist())
    # The database has her still.
    workspace.run("BuildMarts")
    assert workspace.query("select count(*) from raw.employees where last_name = 'Archer'") == [
        (0,)
    ]


@pytest.mark.nightly
def test_no_version_of_a_table_of_iceberg_has_the_person(
    whole: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for lake in in_folder(tmp_path / "lake", monkeypatch):
        workspace = copy_of(whole, tmp_path / "project")
        place = "    iceberg: {catalog: lake, namespace: staff}\n"
        workspace.replace("catalog.yaml", "  staff:\n", f"  staff:\n{place}")
        workspace.run("Publish")
        workspace.replace("data/employees.csv", "Ines", "Inez")
        workspace.run("Publish")
        assert len(lake.snapshots("staff.dim_employees")) == 2
        (certificate,) = erased(workspace)
        assert certificate.is_proven
        names = [it["first_name"] for it in lake.rows("staff.dim_employees")]
        assert "Hugo" in names
        assert "Greta" not in names
        files = [it for it in (tmp_path / "lake").rglob("*") if it.is_file()]
        assert not [it for it in files for value in VALUES if value in it.read_bytes()]
        assert len(lake.snapshots("staff.dim_employees")) == 1
