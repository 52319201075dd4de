"""What tables held at an earlier time, and what changed since, as far as that was kept."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from benepass_tasks.cli.program import main

if TYPE_CHECKING:
    from pathlib import Path

    from workspace import Workspace

FACT = "marts.fact_transactions"
UTILIZATION = "marts.program_utilization"
LATE = "T6,E1,A1,Fig & Son,7.25,2025-02-10T10:00:00Z,gym\n"
LATER = "T7,E1,A1,Fig & Son,0.75,2025-02-11T10:00:00Z,gym\n"


@pytest.fixture
def kept(workspace: Workspace, finished: None) -> Workspace:  # noqa: ARG001 - a fixture
    """A project after a run, which keeps what changes from then on."""
    workspace.settings["keep_changes"] = "90d"
    return workspace


def _charge(workspace: Workspace, line: str) -> None:
    with (workspace.data / "transactions.csv").open("a") as file:
        file.write(line)


def _main(workspace: Workspace, *arguments: str) -> int:
    with workspace.configured():
        return main([*arguments])


def _runs(workspace: Workspace) -> list[str]:
    return [it for (it,) in workspace.query("select run_id from meta.runs order by started_at")]


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_a_table_is_shown_as_it_was_at_an_instant(
    kept: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    spend, before = f"select spend_month, spend from {UTILIZATION}", _now()
    then = sorted([str(day), str(it)] for day, it in kept.query(spend))
    _charge(kept, LATE)
    kept.run()
    now = sorted([str(day), str(it)] for day, it in kept.query(spend))
    assert now != then
    for at, expected in ((before, then), (_now(), now), ("2099-01-01", now)):
        assert _main(kept, "asof", at, "--table", UTILIZATION, "--json") == 0
        rows = json.loads(capsys.readouterr().out)
        assert sorted([it["spend_month"], it["spend"]] for it in rows) == expected


def test_it_is_written_as_a_file_that_its_owner_alone_can_read(
    kept: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "then.csv"
    assert _main(kept, "asof", _now(), "--table", "marts.dim_employees", "--csv", str(file)) == 0
    assert "3 rows are in" in capsys.readouterr().out
    text = file.read_text()
    assert "E1,****,****,****@example.com,2020-01-01" in text
    assert "Ann" not in text
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.nightly
def test_a_past_that_is_not_known_is_told_so(
    kept: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _main(kept, "asof", "2020-01-31", "--table", FACT) == 1
    assert "is not known" in capsys.readouterr().err
    before = _now()
    kept.settings.pop("keep_changes")
    _charge(kept, LATE)
    kept.run()
    assert _main(kept, "asof", before, "--table", FACT) == 1
    said = capsys.readouterr().err
    assert "its changes were not kept; `keep_changes` keeps those to come" in said
    kept.settings["keep_changes"] = "90d"
    since = _now()
    _charge(kept, LATER)
    kept.run()
    assert _main(kept, "asof", before, "--table", FACT) == 1
    assert "its changes are known since" in capsys.readouterr().err
    assert _main(kept, "asof", since, "--table", FACT) == 0


@pytest.mark.nightly
def test_a_table_that_was_dropped_has_no_past_beyond_that(
    kept: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    before = _now()
    _charge(kept, LATE)
    kept.run()
    kept.change(f"drop table {FACT}")
    _charge(kept, LATER)
    kept.run()
    assert _main(kept, "asof", before, "--table", FACT) == 1
    assert "its changes are known since" in capsys.readouterr().err
    assert _main(kept, "asof", before, "--table", UTILIZATION) == 0


@pytest.mark.nightly
def test_rows_that_do_not_lead_back_give_no_answer(
    kept: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    before = _now()
    _charge(kept, LATE)
    kept.run()
    kept.change(f"update {FACT} set amount = 1 where transaction_id = 'T1'")
    assert _main(kept, "asof", before, "--table", FACT) == 1
    assert "somebody altered it" in capsys.readouterr().err


@pytest.mark.nightly
def test_what_is_below_the_marts_is_not_kept(
    kept: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    _charge(kept, LATE)
    kept.run()
    tables = kept.query("select distinct relation from meta.kept_changes")
    assert {name.partition(".")[0] for (name,) in tables} == {"marts"}
    assert _main(kept, "asof", _now(), "--table", "quality.employee_issues") == 1
    assert "only of marts" in capsys.readouterr().err


@pytest.mark.nightly
def test_what_a_run_changed_is_told_by_month_and_what_comes_and_goes_cancels_out(
    kept: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    transactions = (kept.data / "transactions.csv").read_text()
    _charge(kept, LATE)
    kept.run()
    kept.write("data/transactions.csv", transactions)
    _charge(kept, LATER)
    kept.run()
    first, second, third = _runs(kept)

    def changed(one: str, other: str, table: str = FACT) -> list[dict[str, object]]:
        assert _main(kept, "diff", one, other, "--json") == 0
        found = {it["table"]: it for it in json.loads(capsys.readouterr().out)}
        assert found[table]["unknown"] is None
        months: list[dict[str, object]] = found[table]["months"]
        return months

    month = {"month": "2025-02", "gone_rows": 0, "come_rows": 1}
    assert changed(first, second) == [month | {"money": "7.25"}]
    assert changed(second, third) == [month | {"gone_rows": 1, "money": "-6.50"}]
    assert changed(first, third) == [month | {"money": "0.75"}]
    (merchants,) = changed(first, second, "marts.dim_merchants")
    assert (merchants["month"], merchants["money"]) == (None, None)
    assert _main(kept, "diff", third, first) == 1
    assert "name the earlier one first" in capsys.readouterr().err


@pytest.mark.nightly
def test_what_is_older_than_is_kept_is_dropped_and_all_of_it_where_nothing_is(
    kept: Workspace,
) -> None:
    stored = "select 1 from duckdb_tables() where contains(table_name, '__kept__')"
    _charge(kept, LATE)
    kept.run()
    was = len(kept.query(stored))
    assert was > 3
    between = _now()
    kept.change("update meta.kept_changes set kept_at = kept_at - to_days(100)")
    _charge(kept, LATER)
    kept.run()
    assert len(kept.query(stored)) == was
    assert _main(kept, "asof", between, "--table", FACT) == 0
    kept.settings.pop("keep_changes")
    kept.run()
    assert kept.query(stored) == []
    assert kept.query("from meta.kept_changes") == []


@pytest.mark.nightly
def test_the_run_tells_which_old_months_changed(
    workspace: Workspace, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    _charge(workspace, LATE)
    workspace.run()
    _charge(workspace, LATER)
    workspace.run(max_restated="0.50")
    assert f"{FACT}: the money of old months changed: 2025-02 +0.75" in caplog.text
    assert _main(workspace, "runs", "show") == 0
    said = [it.split() for it in capsys.readouterr().out.splitlines()]
    assert [FACT, "2025-02", "7.25", "8.00", "+0.75"] in said
    ((title, detail, severity),) = workspace.query(
        "select title, detail, severity from meta.incidents"
    )
    assert (title, severity) == ("the money of old months changed (1)", "warn")
    assert f"{FACT} 2025-02 +0.75" in detail
    _charge(workspace, LATER.replace("T7", "T8"))
    workspace.run(max_restated="0.76")
    assert len(workspace.query("from meta.incidents")) == 1
