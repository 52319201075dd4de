"""What is past its retention goes, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benepass_tasks.cli import main
from tests.pipeline.retention.conftest import YEAR, charges

if TYPE_CHECKING:
    import pytest
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
    workspace.run("BuildSite", as_of="2026-01-16")
    workspace.write("data/transactions.csv", YEAR + "CHARGE-0014,E1,A1,Gym,1.00,2024-12-01,gym\n")
    workspace.run("BuildSite", as_of="2025-12-31")
    assert held(workspace)[0] == "2025-02-15"
    assert counted(workspace) == [(14, 12, 0, 2)]


def test_what_cannot_be_parsed_goes_as_long_after_its_load(workspace: Workspace) -> None:
    workspace.write("data/transactions.csv", YEAR + "CHARGE-0014,E1\n")
    workspace.run("BuildMarts", as_of="2026-01-15")
    assert counted(workspace) == [(14, 13, 1, 0)]
    workspace.change("update meta.loads set loaded_at = timestamp '2025-01-15 12:00:00'")
    workspace.run("BuildMarts", as_of="2026-01-16")
    assert counted(workspace) == [(14, 12, 0, 2)]
    assert workspace.query("select count(*) from raw.rejected_rows") == [(0,)]


def test_what_cannot_be_parsed_goes_earlier_where_a_setting_says_so(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace.write("data/transactions.csv", YEAR + "CHARGE-0014,E1\n")
    workspace.run("BuildMarts", as_of="2026-01-15")
    workspace.change("update meta.loads set loaded_at = loaded_at - interval 31 days")
    thirty = ("--benepass-keep-rejected", "30d", "--benepass-as-of", "2026-01-15")
    assert command(workspace, "privacy", "retain", "--dry-run", *thirty) == 0
    assert "(keep_rejected): 30 days; the next run deletes 1." in capsys.readouterr().out
    workspace.run("BuildMarts", as_of="2026-01-15", keep_rejected="30d")
    assert counted(workspace) == [(14, 13, 0, 1)]
    files = [it for it in workspace.root.rglob("*") if it.is_file()]
    assert {it.name for it in files if b"CHARGE-0014" in it.read_bytes()} == {"transactions.csv"}
    # The books are held against the counts once more, and hold.
    workspace.run("BuildMarts", as_of="2026-01-15", force="marts.dim_merchants")
    assert counted(workspace) == [(14, 13, 0, 1)]


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


def test_an_empty_file_and_one_that_stopped_lose_no_more(workspace: Workspace) -> None:
    workspace.write("data/transactions_02.csv", charges())
    workspace.run("BuildMarts", as_of="2026-02-14")
    assert held(workspace)[0] == "2025-02-15"
    assert len(held(workspace)) == 12
