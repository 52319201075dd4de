"""Many small files of a source: loaded together, and the same comes out as of each by itself."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from benepass_tasks.ingestion import load
from benepass_tasks.pipeline import loading
from benepass_tasks.state.run import Run

if TYPE_CHECKING:
    from pathlib import Path

    from workspace import Workspace

HEADER = (
    "transaction_id,employee_id,benefit_account_id,merchant,amount,transaction_timestamp,category"
)
NUMBER = 24
RAW = "raw.transactions"

# What is known of files, without what differs from load to load.
LOADED = {
    "rows": f"select * exclude (_dlt_load_id) from {RAW} order by all",
    "rejected": "select * exclude (_dlt_load_id) from raw.rejected_rows order by all",
    "loads": "select source, file, sha256, lines, records, parsed, rejected, passed_over "
    "from meta.loads order by all",
    "columns": "from meta.loaded_columns order by all",
    "changes": "select * exclude (load_id, run_id, changed_at) from meta.schema_changes "
    "order by changed_at, entry",
    "schemas": "select source, file, count(*) from meta.accepted_schemas group by all order by all",
    "history": "select node, outcome, reason, row_count, fingerprint from meta.materializations "
    "where kind = 'source file' order by all",
}
PACKAGES = "select count(distinct load_id) from meta.loads where source = 'transactions'"


def charge(number: int) -> str:
    return f"M{number},E1,A1,Iron Heron Gym,{number}.00,2025-03-01T10:00:00Z,gym"


def name_of(number: int) -> str:
    return f"data/transactions_{number:02}.csv"


@pytest.fixture
def many(workspace: Workspace) -> Workspace:
    """A project with a file for each of many charges, and files with everything that may differ."""
    (workspace.data / "transactions.csv").unlink()
    for number in range(1, NUMBER + 1):
        workspace.write(name_of(number), f"{HEADER}\n{charge(number)}\n")
    workspace.write(name_of(10), f"{HEADER},note\n{charge(10)},of ten\n")
    # The note of the file before has another name.
    workspace.write(name_of(11), f"{HEADER},remark\n{charge(11)},of ten\n")
    workspace.write(name_of(15), f"{HEADER}\n{charge(15)}\nbroken\n{charge(150)}\n")
    workspace.write(name_of(18), f"{HEADER}\n")
    return workspace


def loaded(workspace: Workspace) -> dict[str, list[tuple[object, ...]]]:
    return {what: workspace.query(sql) for what, sql in LOADED.items()}


def packages(workspace: Workspace) -> int:
    ((number,),) = workspace.query(PACKAGES)
    return int(number)


@pytest.fixture
def apart(
    many: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, list[tuple[object, ...]]]:
    """What is known of the files after each was loaded by itself."""
    other = type(many)(tmp_path / "apart")
    shutil.copytree(many.root, other.root)
    from benepass_tasks.pipeline.tasks import LoadRaw  # noqa: PLC0415 - after the settings

    with monkeypatch.context() as patched:
        patched.setattr(loading, "FEW", NUMBER)
        # In the order of their names, which is that of the files in a package.
        order = property(lambda task: 100 - int("0" + "".join(filter(str.isdigit, task.file))))
        patched.setattr(LoadRaw, "priority", order)
        other.run(RAW)
    assert packages(other) == NUMBER
    return loaded(other)


@pytest.mark.nightly
def test_what_is_known_of_files_is_the_same_as_of_each_by_itself(
    many: Workspace, apart: dict[str, list[tuple[object, ...]]]
) -> None:
    many.run(RAW)
    # A column may have another name: that is told from values of the file before, in raw.
    assert packages(many) == 2
    assert loaded(many) == apart
    assert any("renamed" in change for change in apart["changes"])


@pytest.mark.nightly
def test_files_that_are_too_much_for_one_package_are_loaded_in_several(
    many: Workspace, apart: dict[str, list[tuple[object, ...]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "TOGETHER", 1_000)
    many.run(RAW)
    assert packages(many) > 3
    assert loaded(many) == apart


def test_only_what_has_changed_is_loaded_again(many: Workspace) -> None:
    many.run(RAW)
    many.write(name_of(7), f"{HEADER}\n{charge(70)}\n")
    many.write(name_of(25), f"{HEADER}\n{charge(25)}\n")
    files = {f"transactions/transactions_{number:02}.csv" for number in (7, 25)}
    assert many.run(RAW) == {*files, RAW}
    amounts = many.query(f"select amount from {RAW} where _source_file = 'transactions_07.csv'")
    assert amounts == [("70.00",)]
    assert many.run(RAW) == set()


@pytest.mark.nightly
def test_a_file_that_cannot_be_loaded_does_not_stop_the_others(
    many: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    many.write(name_of(3), "transaction_id,amount\nM3,3.00\n")
    made, succeeded = many.attempt()
    assert not succeeded
    assert len([name for name in made if name.startswith("transactions/")]) == NUMBER - 1
    assert RAW not in made
    said = (
        "1 of 24 files cannot be loaded, the others are:\ntransactions: transactions_03.csv lacks"
    )
    assert said in caplog.text
    failed = "select node, reason from meta.materializations where outcome = 'failed'"
    ((node, reason),) = many.query(failed)
    assert node == "transactions/transactions_03.csv"
    assert "lacks" in reason
    many.write(name_of(3), f"{HEADER}\n{charge(3)}\n")
    assert {"transactions/transactions_03.csv", RAW} <= many.run()


@pytest.mark.nightly
def test_of_a_file_that_a_guard_refuses_the_rows_stay(
    many: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    many.write(name_of(5), "\n".join([HEADER, *(charge(500 + it) for it in range(9))]))
    many.run(RAW)
    before = many.query(f"from {RAW} order by all")
    many.write(name_of(5), f"{HEADER}\n{charge(500)}\n")
    many.write(name_of(6), f"{HEADER}\n{charge(60)}\n")
    assert many.attempt(RAW) == ({"transactions/transactions_06.csv"}, False)
    said = "transactions_05.csv is refused: it holds 1 rows where its last load held 9"
    assert said in caplog.text
    after = many.query(f"from {RAW} order by all")
    others = [row for row in before if "transactions_06.csv" not in row]
    assert [row for row in after if "transactions_06.csv" not in row] == others
    many.run(RAW, accept="transactions")
    left = f"select count(*) from {RAW} where _source_file = 'transactions_05.csv'"
    assert many.query(left) == [(1,)]


@pytest.mark.nightly
def test_large_files_are_loaded_each_by_itself(
    many: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    big = "\n".join([HEADER, *(charge(900 + it) for it in range(9))])
    many.write(name_of(20), big)
    monkeypatch.setattr("benepass_tasks.pipeline.nodes.source_file.SMALL", len(big) - 1)
    many.run(RAW)
    sizes = "select count(*) from meta.loads where source = 'transactions' group by load_id"
    # Of those that are together, file 11 has to wait for the ten before it.
    assert sorted(many.query(sizes)) == [(1,), (10,), (13,)]


@pytest.mark.nightly
def test_files_are_looked_at_once_for_each_task_however_many_there_are(
    many: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, files = 0, Run.files

    def counted(run: Run) -> object:
        nonlocal looks
        looks += 1
        return files(run)

    monkeypatch.setattr(Run, "files", counted)
    many.run(RAW)
    # One when the tasks are made, one for each of the two, one at the end, with some to spare.
    assert looks <= 6


@pytest.mark.nightly
@pytest.mark.sweep
def test_killed_at_any_commit_the_next_run_loads_the_same(
    many: Workspace, apart: dict[str, list[tuple[object, ...]]], killer: str, tmp_path: Path
) -> None:
    base = tmp_path / "base"
    shutil.copytree(many.root, base)
    moments = ["loaded", *(f"commit {number}" for number in range(100))]
    kills = 0
    for moment in moments:
        shutil.rmtree(many.root)
        shutil.copytree(base, many.root)
        was_killed = many.run_until_killed(killer, moment, RAW)
        many.run(RAW)
        found = loaded(many)
        assert {it: found[it] for it in ("rows", "rejected", "loads", "columns")} == {
            it: apart[it] for it in ("rows", "rejected", "loads", "columns")
        }, moment
        if not was_killed:
            break
        kills += 1
    assert kills > 4
    assert not was_killed, "the run never came to its end; the sweep covers only a part of it"
