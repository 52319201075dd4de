"""Months that are asked for are built anew, and the result is what a full build makes."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import pytest
from commands import run_line
from examples import at_night
from sqlalchemy import Engine, event
from workspace import MadeOnce, Workspace, new_project

from benepass_tasks.cli.program import main
from benepass_tasks.engine import session

if TYPE_CHECKING:
    from pathlib import Path

FACT = "marts.fact_transactions"
CHARGES = "".join(
    f"T{number},E1,A1,Fig & Son,7.25,2025-0{month}-10T10:00:00Z,gym\n"
    for number, month in ((6, 1), (7, 2), (8, 4))
)
HOW = "select reason, how, touched_rows from meta.materializations where how = 'months'"


@pytest.fixture
def months(tmp_path: Path, made_once: MadeOnce) -> Workspace:
    """A project after a run, with charges of January to April."""

    def make(root: Path) -> None:
        made = new_project(root)
        with (made.data / "transactions.csv").open("a") as file:
            file.write(CHARGES)
        made.run()

    return Workspace(made_once("months", make)).copied(tmp_path / "months")


def _backfill(workspace: Workspace, first: str, last: str, *tables: str) -> int:
    named = [part for it in tables for part in ("--table", it)]
    with workspace.configured():
        return main(["backfill", "--from", first, "--to", last, *named])


def _verify(workspace: Workspace) -> int:
    with workspace.configured():
        return main(["verify"])


def _edit(workspace: Workspace) -> None:
    """Let another SQL make the rows of the fact."""
    merchant = "transactions.merchant,"
    upper = "upper(transactions.merchant) as merchant,"
    workspace.replace("sql/marts/fact_transactions.sql", merchant, upper)
    workspace.describe("merchant", "{class: none}")


def _merchants(workspace: Workspace) -> list[tuple[str, str]]:
    return workspace.query(
        f"select distinct strftime(transaction_timestamp, '%m'), merchant from {FACT} order by all"
    )


@pytest.mark.nightly
def test_rows_that_were_altered_are_put_right_in_the_months_asked_for(
    months: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    before = months.content()
    months.change(f"update {FACT} set amount = amount + 1 where month(transaction_timestamp) < 3")
    assert _backfill(months, "2025-01", "2025-02", FACT) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == [
        f"{FACT} 2025-01: 2 rows touched (1 of 2)",
        f"{FACT} 2025-02: 2 rows touched (2 of 2)",
    ]
    assert months.content() == before
    assert months.query(HOW) == [("backfill 2025-01 to 2025-02", "months", 4)]
    assert _verify(months) == 0
    months.change(f"update {FACT} set amount = amount + 1")
    capsys.readouterr()
    assert _backfill(months, "2025-01", "2025-01", FACT) == 0
    assert capsys.readouterr().out.startswith(f"{FACT} 2025-01: 2 rows touched (1 of 1)")
    assert _backfill(months, "2025-01", "2025-03", FACT) == 0
    others = f"select count(*) from {FACT} where month(transaction_timestamp) = 4 and amount = 8.25"
    assert months.query(others) == [(1,)]


@pytest.mark.nightly
def test_all_tables_that_have_months_are_built_anew_and_what_reads_them_follows(
    months: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    before = months.content()
    months.change("update marts.program_balances set spend = spend + 1")
    months.change("delete from intermediate.int_transactions_enriched")
    assert _backfill(months, "2024-01", "2026-12") == 0
    said = capsys.readouterr().out
    assert "intermediate.int_transactions_enriched 2025-03: 5 rows touched (3 of 4)" in said
    assert "marts.program_balances 2025-04:" in said
    months.run()
    assert months.content() == before
    assert _verify(months) == 0
    assert months.query("from meta.backfills") == []


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("last", "said"),
    [
        ("2025-04", f"{FACT} 2025-01: 2 rows touched (1 of 4)"),
        *at_night(
            (
                "2025-03",
                f"{FACT}: built in full: it was not there, or its SQL or a setting had changed",
            )
        ),
    ],
)
def test_after_other_sql_no_month_stays_as_the_old_one_made_it(
    months: Workspace, capsys: pytest.CaptureFixture[str], last: str, said: str
) -> None:
    before = _merchants(months)
    _edit(months)
    assert _backfill(months, "2025-01", last, FACT) == 0
    assert capsys.readouterr().out.splitlines()[0] == said
    assert _merchants(months) == [(month, it.upper()) for month, it in before]
    assert FACT not in months.run()
    assert _verify(months) == 0


def test_a_december_is_a_month_like_any_other(
    months: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    with (months.data / "transactions.csv").open("a") as file:
        file.write("T9,E1,A1,Fig & Son,1.00,2024-12-31T23:59:59Z,gym\n")
    months.run(FACT)
    months.change(f"update {FACT} set amount = 2 where transaction_id = 'T9'")
    assert _backfill(months, "2024-12", "2024-12", FACT) == 0
    assert capsys.readouterr().out.startswith(f"{FACT} 2024-12: 2 rows touched (1 of 1)")


@pytest.mark.nightly
def test_what_a_table_reads_is_brought_up_to_date_before(months: Workspace) -> None:
    with (months.data / "transactions.csv").open("a") as file:
        file.write("T9,E1,A1,Fig & Son,1.00,2025-05-10T10:00:00Z,gym\n")
    assert _backfill(months, "2025-05", "2025-05", FACT) == 0
    assert months.query(f"select count(*) from {FACT} where transaction_id = 'T9'") == [(1,)]
    assert FACT not in months.run()


@pytest.mark.usefixtures("finished")
@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (["marts.dim_merchants"], "Declare months: {column: ...}"),
        (["marts.nothing"], "no table that SQL of the project makes"),
    ],
)
def test_a_table_without_months_is_refused_by_name(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], tables: list[str], message: str
) -> None:
    before = workspace.built()
    assert _backfill(workspace, "2025-01", "2025-02", *tables) == 1
    said = capsys.readouterr().err
    assert tables[0] in said
    assert message in said
    assert workspace.built() == before


def test_a_month_that_is_none_is_a_command_line_that_cannot_be_understood(
    workspace: Workspace,
) -> None:
    assert _backfill(workspace, "2025-13", "2025-02") == 2
    assert _backfill(workspace, "2025-02", "2025-01") == 2


class KilledError(BaseException):
    """The process ends here; nothing that it would still write is written."""


def _killed_before(workspace: Workspace, commit: int) -> bool:
    """Let a backfill die before a commit; whether it came to that."""
    left = commit

    def die(_: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise KilledError

    event.listen(Engine, "commit", die)
    try:
        _backfill(workspace, "2025-01", "2025-04", FACT)
    except KilledError:
        session.close()
        return True
    finally:
        event.remove(Engine, "commit", die)
    return False


@pytest.mark.nightly
def test_one_that_is_killed_before_any_of_its_commits_goes_on_where_it_was(
    months: Workspace,
) -> None:
    before = _merchants(months)
    _edit(months)
    commit, seen = 0, set[int]()
    while _killed_before(months, commit):
        # Each try goes on from what the one before has left, and is killed a commit later.
        done = {month for month, it in _merchants(months) if it == it.upper()}
        commit, seen = commit + 1, seen | {len(done)}
    assert min(seen) == 0
    assert max(seen) == 4
    assert len(seen) > 2
    assert _merchants(months) == [(month, it.upper()) for month, it in before]
    assert months.query("from meta.backfills") == []
    months.run()
    assert _verify(months) == 0


@pytest.mark.nightly
@pytest.mark.sweep
def test_so_does_one_whose_process_is_killed(months: Workspace, killer: str) -> None:
    before = _merchants(months)
    _edit(months)
    ending = "from luigi.cmdline import luigi_run\nluigi_run()\n"
    assert killer.endswith(ending)
    command = "from benepass_tasks.cli.program import main\nsys.exit(main(sys.argv[1:]))\n"
    program = killer.removesuffix(ending) + command
    asked = ["backfill", "--from", "2025-01", "--to", "2025-04", "--table", FACT]
    settings = ["--benepass-as-of", "2026-01-01"]
    commit, codes = 0, list[int]()
    while not codes or codes[-1]:
        line = [sys.executable, "-c", program, f"commit {commit}", *asked, *settings]
        codes.append(run_line(line, months.root, months.environment).returncode)
        assert codes[-1] in (0, -signal.SIGKILL)
        commit += 1
    assert len(codes) > 3
    assert _merchants(months) == [(month, it.upper()) for month, it in before]
    months.run()
    assert _verify(months) == 0


@pytest.mark.nightly
def test_months_that_were_done_are_not_done_again(
    months: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    _edit(months)
    commit = 0
    while _killed_before(months, commit) and not months.query("from meta.backfills"):
        commit += 1
    capsys.readouterr()
    assert _backfill(months, "2025-01", "2025-04", FACT) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"{FACT} 2025-01: done before (1 of 4)"
    assert "done before" not in said[3]


def test_months_of_a_table_that_was_altered_meanwhile_are_done_again(
    months: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    months.change(
        f"insert into meta.backfills select '{FACT}', '2025-01', fingerprint, 'other', 'r', now() "
        f"from meta.markers where name = '{FACT}'"
    )
    assert _backfill(months, "2025-01", "2025-01", FACT) == 0
    assert "done before" not in capsys.readouterr().out
