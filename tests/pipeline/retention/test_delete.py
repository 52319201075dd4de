"""What is past its retention goes, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from examples import at_night
from lakes import in_folder

from benepass_tasks.cli import main
from tests.pipeline.retention.conftest import YEAR, charges

if TYPE_CHECKING:
    from pathlib import Path

    from workspace import Workspace


def held(workspace: Workspace) -> list[str]:
    """What the charges in raw say of their days."""
    found = workspace.query("select transaction_timestamp from raw.transactions order by 1")
    return [day[:10] for (day,) in found]


def counted(workspace: Workspace) -> list[tuple[int, ...]]:
    """What became of the records of the charges' file."""
    return workspace.query(
        "select records, parsed, rejected, expired from meta.loads where source = 'transactions'"
    )


def command(workspace: Workspace, *line: str) -> int:
    """Run a command on the project."""
    with workspace.configured():
        return main(["--benepass-project-dir", str(workspace.root), *line])


def test_a_record_goes_on_the_day_on_which_it_is_past_it(workspace: Workspace) -> None:
    assert held(workspace)[0] == "2025-01-15"
    workspace.run("BuildSite", as_of="2026-01-16")
    assert held(workspace)[0] == "2025-02-15"
    assert held(workspace)[-1] == "not a day"
    assert counted(workspace) == [(13, 12, 0, 1)]
    assert workspace.query("select min(transaction_timestamp) from marts.fact_transactions") == [
        workspace.query("select timestamp '2025-02-15 10:00:00'")[0]
    ]
    # No byte of it is left but in the file that is the company's own.
    files = [it for it in workspace.root.rglob("*") if it.is_file()]
    assert {it.name for it in files if b"CHARGE-0001" in it.read_bytes()} == {"transactions.csv"}
    assert workspace.run("BuildSite", as_of="2026-01-16") == set()


def test_no_file_and_no_look_back_brings_it_back(workspace: Workspace) -> None:
    workspace.run("raw.transactions", as_of="2026-01-16")
    workspace.write("data/transactions.csv", YEAR + "CHARGE-0014,E1,A1,Gym,1.00,2024-12-01,gym\n")
    workspace.run("raw.transactions", as_of="2025-12-31")
    assert held(workspace)[0] == "2025-02-15"
    assert counted(workspace) == [(14, 12, 0, 2)]


@pytest.mark.nightly
def test_what_cannot_be_parsed_goes_as_long_after_its_load(workspace: Workspace) -> None:
    workspace.write("data/transactions.csv", YEAR + "CHARGE-0014,E1\n")
    workspace.run("BuildMarts", as_of="2026-01-15")
    assert counted(workspace) == [(14, 13, 1, 0)]
    workspace.change("update meta.loads set loaded_at = timestamp '2025-01-15 12:00:00'")
    workspace.run("BuildMarts", as_of="2026-01-16")
    assert counted(workspace) == [(14, 12, 0, 2)]
    assert workspace.query("select count(*) from raw.rejected_rows") == [(0,)]


@pytest.mark.nightly
def test_what_cannot_be_parsed_goes_earlier_where_a_setting_says_so(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace.write("data/transactions.csv", YEAR + "CHARGE-0014,E1\n")
    workspace.run("BuildMarts", as_of="2026-01-15")
    workspace.change("update meta.loads set loaded_at = loaded_at - interval 31 days")
    thirty = ("--benepass-keep-rejected", "30d", "--benepass-as-of", "2026-01-15")
    assert command(workspace, "privacy", "retain", "--dry-run", *thirty) == 0
    assert (
        "(keep_rejected): 30 days after their load; the next run deletes 1; it will refuse to, "
        "unless transactions is accepted: 1 of its 1 records that could not be parsed are kept for "
        "longer than keep_rejected says, 30 days: max_expired is 25%."
    ) in capsys.readouterr().out
    assert command(workspace, "plan", *thirty) == 0
    assert "(keep_rejected): 30 days after their load; the next run" in capsys.readouterr().out
    # The setting is new and takes all there is, as a wrong one would.
    workspace.run("BuildMarts", as_of="2026-01-15", keep_rejected="30d")
    assert counted(workspace) == [(14, 13, 1, 0)]
    workspace.run("BuildMarts", as_of="2026-01-15", keep_rejected="30d", accept="transactions")
    assert counted(workspace) == [(14, 13, 0, 1)]
    assert workspace.query("select guard, source from meta.decisions") == [
        ("max_expired", "transactions")
    ]
    files = [it for it in workspace.root.rglob("*") if it.is_file()]
    assert {it.name for it in files if b"CHARGE-0014" in it.read_bytes()} == {"transactions.csv"}
    # The books are held against the counts once more, and hold.
    workspace.run("BuildMarts", as_of="2026-01-15", force="marts.dim_merchants")
    assert counted(workspace) == [(14, 13, 0, 1)]


@pytest.mark.parametrize(("days", "left"), [(32, 1), *at_night((31, 0))])
def test_a_clock_that_has_leapt_deletes_nothing_that_could_not_be_parsed(
    workspace: Workspace, days: int, left: int
) -> None:
    workspace.write("data/transactions.csv", YEAR + "CHARGE-0014,E1\n")
    workspace.run("BuildMarts", as_of="2026-01-15", keep_rejected="30d")
    workspace.change("update meta.loads set loaded_at = loaded_at - interval 40 days")
    workspace.change(
        f"update meta.retentions set enforced_on = enforced_on - {days} "
        "where source = 'raw.rejected_rows'"
    )
    workspace.run("BuildMarts", as_of="2026-01-15", keep_rejected="30d")
    assert workspace.query("select count(*) from raw.rejected_rows") == [(left,)]
    workspace.run("BuildMarts", as_of="2026-01-15", keep_rejected="30d", accept="transactions")
    assert workspace.query("select count(*) from raw.rejected_rows") == [(0,)]


@pytest.mark.nightly
def test_what_else_is_kept_is_told_with_what_the_next_run_deletes(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace.run("BuildSite", as_of="2026-01-15", force="marts.dim_merchants")
    runs = workspace.query("select count(*) from meta.runs")[0][0]
    line = ("privacy", "retain", "--dry-run", "--benepass-keep-runs", "1")
    assert command(workspace, *line) == 0
    told = capsys.readouterr().out
    due = int(
        told.partition("(keep_runs): the last 1 runs; the next run deletes ")[2].split(".")[0]
    )
    workspace.run("BuildSite", as_of="2026-01-15", keep_runs="1")
    assert workspace.query("select count(*) from meta.runs") == [(runs + 1 - due,)]
    for what in ("keep_changes", "branches", "(.wal)", "logs", "source files", "certificates"):
        assert what in told


@pytest.mark.nightly
def test_nothing_that_a_run_needs_meanwhile_outlives_it(workspace: Workspace) -> None:
    """No log, no log of the database, nothing written aside, no past version."""
    file = workspace.data / "transactions.csv"
    file.write_text(file.read_text().replace("Iron Heron", "Copper Heron"))
    workspace.run("BuildSite", as_of="2026-01-15")
    files = [it for it in workspace.root.rglob("*") if it.is_file()]
    with_it = {it.name for it in files if b"Iron Heron" in it.read_bytes()}
    assert with_it <= {"warehouse.duckdb"}, "free blocks may have it until they are used again"
    assert not [it for it in files if it.suffix in (".wal", ".log", ".tmp") or "aside" in it.name]


def test_more_than_the_guard_allows_has_to_be_accepted(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    later = ("--benepass-as-of", "2026-07-01")
    published = (workspace.published / "benepass.duckdb").read_bytes()
    assert command(workspace, "privacy", "retain", "--dry-run", *later) == 0
    assert (
        "transactions (1 year by transaction_timestamp, then delete): the next run deletes 6 of 13 "
        "records, from before 2025-07-01; 1 more within 30 days, the next on 2026-07-16; 1 records "
        "say no day, and stay; it will refuse to, unless that is accepted: max_expired is 25%"
    ) in capsys.readouterr().out
    assert command(workspace, "plan", *later) == 0
    assert "the next on 2026-07-16" in capsys.readouterr().out
    assert command(workspace, "privacy", "retain", *later) == 1
    assert "let it pass once with --benepass-accept transactions" in capsys.readouterr().err
    assert len(held(workspace)) == 13
    assert (workspace.published / "benepass.duckdb").read_bytes() == published
    accepted = ("--benepass-accept", "transactions")
    assert command(workspace, "privacy", "retain", *later, *accepted) == 0
    assert len(held(workspace)) == 7
    assert workspace.query("select guard, source from meta.decisions") == [
        ("max_expired", "transactions")
    ]


def test_a_leap_of_the_clock_has_to_be_accepted(workspace: Workspace) -> None:
    made, succeeded = workspace.attempt("BuildMarts", as_of="2026-02-16")
    assert not succeeded
    assert not {it for it in made if "transactions" in it}
    assert len(held(workspace)) == 13


@pytest.mark.nightly
def test_an_empty_file_and_one_that_stopped_lose_no_more(workspace: Workspace) -> None:
    workspace.write("data/transactions_02.csv", charges())
    workspace.run("BuildMarts", as_of="2026-02-14")
    assert held(workspace)[0] == "2025-02-15"
    assert len(held(workspace)) == 12


@pytest.mark.nightly
def test_no_earlier_version_of_a_table_of_iceberg_keeps_what_went(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for lake in in_folder(tmp_path / "lake", monkeypatch):
        place = "_audiences:\n  staff:\n    iceberg: {catalog: lake, namespace: staff}\n"
        workspace.replace("catalog.yaml", "_audiences:\n", place)
        workspace.run("BuildSite", as_of="2026-01-15")
        assert "CHARGE-0001" in {
            it["transaction_id"] for it in lake.rows("staff.fact_transactions")
        }
        workspace.run("BuildSite", as_of="2026-01-16")
        assert len(lake.snapshots("staff.fact_transactions")) == 1
        ids = {it["transaction_id"] for it in lake.rows("staff.fact_transactions")}
        assert "CHARGE-0001" not in ids
        assert "CHARGE-0002" in ids
