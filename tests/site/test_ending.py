"""Each run tells the pages how it ended, whatever became of it, and only those of its warehouse."""

from __future__ import annotations

import stat
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from endings import NOON, Told, made_in

from benepass_tasks.site import ending
from benepass_tasks.site.ending import tell_anew, tell_end
from benepass_tasks.state.history import beacon
from benepass_tasks.state.run import Run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def told(tmp_path: Path) -> Told:
    """A warehouse with pages, and no run yet."""
    made = made_in(tmp_path)
    made.vouch()
    return made


def test_a_warehouse_without_pages_tells_nothing(tmp_path: Path) -> None:
    made = made_in(tmp_path)
    made.run("r1")
    tell_end(made.warehouse, made.settings)
    assert not made.settings.site_dir.exists()
    made.settings.site_dir.mkdir()
    tell_end(made.warehouse, made.settings)
    assert not made.file.exists()


def test_no_warehouse_tells_nothing(told: Told) -> None:
    told.settings.warehouse.unlink()
    tell_end(told.warehouse, told.settings)
    assert not told.file.exists()


def test_a_run_that_built_something_is_told_with_its_nodes(told: Told) -> None:
    told.run("r1")
    told.node("r1", "marts.dim_employees")
    told.node("r1", "raw.employees", outcome="skipped")
    found = told.tell()
    assert found["runs"] == [
        {
            "id": "r1",
            "started_at": "2026-01-05T12:00:00Z",
            "began": NOON.timestamp(),
            "ended_at": "2026-01-05T12:00:07Z",
            "seconds": 7.5,
            "status": "succeeded",
            "as_of": "2026-01-01",
            "commit": None,
            "built": 1,
            "skipped": 1,
            "failed": 0,
            "restated": [],
        }
    ]
    assert found["nodes"] == {
        "r1": [
            {
                "node": "marts.dim_employees",
                "outcome": "built",
                "reason": "input changed",
                "how": None,
                "rows": 10,
                "touched": None,
                "seconds": 1.5,
                "done_at": NOON.timestamp() + 5,
            }
        ]
    }


def test_the_old_months_that_a_run_changed_are_named_without_their_money(told: Told) -> None:
    told.run("r1")
    for table, month in (("marts.b", "2025-01-01"), ("marts.a", "2025-02-01")):
        told.execute(
            "insert into meta.restatements values (?, ?, ?, '12.34', '56.78', true, now())",
            *("r1", table, month),
        )
    told.execute(
        "insert into meta.restatements "
        "values ('r1', 'marts.a', '2025-03-01', '1', '2', false, now())"
    )
    assert told.tell()["runs"][0]["restated"] == [
        {"table": "marts.a", "months": "2025-02, 2025-03"},
        {"table": "marts.b", "months": "2025-01"},
    ]
    assert "12.34" not in told.file.read_text()


def test_a_run_that_had_nothing_to_do_is_told(told: Told) -> None:
    told.run("r1")
    told.node("r1", "marts.dim_employees", outcome="skipped")
    found = told.tell()
    assert [(run["id"], run["skipped"]) for run in found["runs"]] == [("r1", 1)]
    assert found["nodes"] == {}


def test_a_run_that_failed_is_told_with_what_failed_first(told: Told) -> None:
    told.run("r1", status="failed", error="not finished: marts.a")
    told.node("r1", "marts.b", seconds=9.0)
    told.node("r1", "a/a.csv", outcome="failed", seconds=None, reason=None, error="no header")
    found = told.tell()
    assert (found["runs"][0]["status"], found["runs"][0]["failed"]) == ("failed", 1)
    assert [(it["node"], it["outcome"]) for it in found["nodes"]["r1"]] == [
        ("a/a.csv", "failed"),
        ("marts.b", "built"),
    ]
    # An error may name a record that stands where the header should.
    assert "no header" not in told.file.read_text()
    assert "not finished" not in told.file.read_text()


def test_a_run_that_was_killed_is_told_as_interrupted(told: Told) -> None:
    told.run("r1", status="running")
    assert told.tell()["runs"][0]["status"] == "interrupted"


def test_a_run_that_goes_on_is_told_as_running(told: Told) -> None:
    told.run("r1", status="running")
    lit = beacon.Beacon(told.warehouse, "r1")
    lit.light()
    try:
        found = told.tell()["runs"][0]
    finally:
        lit.put_out()
    assert (found["status"], found["ended_at"], found["seconds"]) == ("running", None, None)


@pytest.mark.nightly
def test_the_newest_runs_come_first_and_old_ones_are_left_out(told: Told) -> None:
    for number in range(ending.RUNS + 5):
        told.run(f"r{number}", minutes=number)
    found = [run["id"] for run in told.tell()["runs"]]
    assert found == [f"r{number}" for number in range(ending.RUNS + 4, 4, -1)]


def test_what_the_monitors_said_last_is_told_the_worst_first(told: Told) -> None:
    for run, monitor, status, minutes in (
        ("r1", "volume", "fail", 0),
        ("r2", "flag_rate", "ok", 1),
        ("r2", "freshness", "ok", 1),
        ("r2", "null_rate", "warn", 1),
    ):
        told.execute(
            "insert into meta.monitor_results values "
            "(?, ?, 'transactions', null, ?, null, null, null, 'the catalog', 'found', ?, null)",
            *(run, monitor, status, NOON + timedelta(minutes=minutes)),
        )
    found = told.tell()
    assert [it["monitor"] for it in found["monitors"]] == ["null_rate", "freshness", "flag_rate"]
    assert found["monitors"][0]["checked_at"] == "2026-01-05T12:01:00Z"
    assert found["totals"]["monitors"] == 3


def test_what_is_wrong_now_is_told_the_worst_first(told: Told) -> None:
    for name, severity, resolved in (
        ("aged", "warn", None),
        ("gone", "fail", NOON),
        ("worse", "fail", None),
    ):
        told.execute(
            "insert into meta.incidents values (?, ?, ?, 'how', ?, ?, 'r1', ?, null)",
            *(name, name, name, severity, NOON, resolved),
        )
    found = told.tell()
    assert [it["title"] for it in found["incidents"]] == ["worse", "aged"]
    assert found["totals"]["incidents"] == 2


def test_the_file_is_small_whatever_the_history(told: Told) -> None:
    """Many runs of many nodes with long texts, which take six bytes a letter as JSON."""
    long = "\N{SNOWMAN}" * 2_000
    told.execute(
        "insert into meta.runs select 'r' || i, "
        "timestamptz '2026-01-05 12:00:00Z' + to_minutes(i), "
        "timestamptz '2026-01-05 12:01:00Z' + to_minutes(i), 'failed', '2026-01-01', '{}', '{}', "
        "null, ? from range(70) t(i)",
        long,
    )
    told.execute(
        "insert into meta.materializations by name "
        "select 'r' || i as run_id, 'n' || n || ? as node, "
        "if(n = 0, 'failed', 'built') as outcome, ? as reason, 1 as row_count, n as seconds, "
        "? as error, now() as recorded_at "
        "from range(70) t(i), range(40) u(n)",
        *(long, long, long),
    )
    told.execute(
        "insert into meta.monitor_results select 'r1', 'volume', ?, ?, 'warn', null, null, null, "
        "?, ?, now(), null from range(300)",
        *(long, long, long, long),
    )
    told.execute(
        "insert into meta.incidents "
        "select i, i, ?, ?, 'fail', now(), 'r1', null, null from range(300) t(i)",
        *(long, long),
    )
    found = told.tell()
    assert told.file.stat().st_size < 400_000
    assert found["runs"][0]["id"] == "r69"
    assert found["nodes"]["r69"][0]["outcome"] == "failed"
    assert (found["totals"]["monitors"], found["totals"]["incidents"]) == (300, 300)
    assert 0 < len(found["monitors"]) < 300
    assert 0 < len(found["incidents"]) < 300


def test_a_usual_history_is_told_whole(told: Told) -> None:
    """As many runs as are told in detail, each with forty nodes."""
    told.execute(
        "insert into meta.runs select md5(i::varchar), "
        "timestamptz '2026-01-05 12:00:00Z' + to_minutes(i), now(), 'succeeded', "
        "'2026-01-01', '{}', '{}', md5('commit'), null from range(60) t(i)"
    )
    told.execute(
        "insert into meta.materializations by name select md5(i::varchar) as run_id, "
        "'intermediate.int_with_a_usual_name_' || n as node, 'built' as outcome, "
        "'input changed: raw.transactions' as reason, 10000 as row_count, 1 as bytes, "
        "0.123 as seconds, timestamptz '2026-01-05 12:00:00Z' as recorded_at "
        "from range(60) t(i), range(40) u(n)"
    )
    found = told.tell()
    assert len(found["runs"]) == ending.RUNS
    assert [len(nodes) for nodes in found["nodes"].values()] == [40] * ending.RUNS_IN_DETAIL


def test_all_may_read_the_file(told: Told) -> None:
    told.run("r1")
    told.tell()
    assert stat.S_IMODE(told.file.stat().st_mode) == 0o644


def test_another_warehouse_does_not_tell_in_these_pages(told: Told, tmp_path: Path) -> None:
    """Pages are of the warehouse that built them last, though another one had built some before."""
    (tmp_path / "other").mkdir()
    other = made_in(tmp_path / "other")
    object.__setattr__(other.settings, "site_dir", told.settings.site_dir)
    other.vouch(builder="another")
    other.run("theirs")
    told.run("ours")
    told.tell()
    tell_end(other.warehouse, other.settings)
    assert [run["id"] for run in told.told()["runs"]] == ["ours"]


def test_pages_that_were_just_built_are_of_the_warehouse_that_did(told: Told) -> None:
    told.settings.site_dir.mkdir(exist_ok=True)
    told.file.write_text(f"// The pages are of run {uuid.uuid4().hex}.\n")
    told.run("r1")
    tell_end(told.warehouse, told.settings)
    assert "r1" not in told.file.read_text()
    ours = Run(told.settings, lambda *_: [])
    told.execute("update meta.markers set run_id = ? where name = 'site'", ours.id)
    tell_anew(ours)
    assert [run["id"] for run in told.told()["runs"]] == ["r1"]
    told.run("r2", minutes=1)
    assert [run["id"] for run in told.tell()["runs"]] == ["r2", "r1"]
