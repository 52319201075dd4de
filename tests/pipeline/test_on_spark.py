"""Runs whose tables a Spark Connect server computes: the same tables, and nothing half done."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
import sparking
from erasing import EMPLOYEES, GRETA, KEY, erased

from benepass_tasks.config.hash_key import VARIABLE
from benepass_tasks.config.settings import current_settings
from benepass_tasks.engine import spark
from benepass_tasks.pipeline import build
from benepass_tasks.pipeline.run import planned_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sparking import Served
    from workspace import Workspace

    from benepass_tasks.engine.handover import Made

pytest.importorskip("pyspark", reason="no client of Spark; `tox -e spark` has one")
pytestmark = pytest.mark.spark

PEOPLE = "marts.dim_employees"
FACT = "marts.fact_transactions"
MERCHANTS = "marts.dim_merchants"
SQL = "sql/marts/dim_merchants.sql"
COUNTS = "from marts.merchant_categories"
CHARGE = "T6,E1,A1,Fig & Son,7.25,2025-04-01T10:00:00Z,gym\n"
HOW = "select node, how, engine from meta.materializations where run_id = ({})"
LAST_RUN = "select run_id from meta.runs order by started_at desc limit 1"


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with sparking.served() as served:
        yield served


@pytest.fixture
def on_spark(workspace: Workspace, server: Served) -> Workspace:
    return asking(workspace, server)


def asking(workspace: Workspace, served: Served) -> Workspace:
    workspace.settings |= {"engine": "spark", "spark_remote": served.remote}
    return workspace


def handed_over(workspace: Workspace) -> list[Path]:
    with workspace.configured():
        return list(current_settings().exchange_dir.rglob("*.parquet"))


def last_how(workspace: Workspace) -> dict[str, tuple[str, str]]:
    found = workspace.query(HOW.format(LAST_RUN))
    return {node: (how, engine) for node, how, engine in found if how}


def data_hashes(workspace: Workspace) -> dict[str, str]:
    kept = "select name, content from meta.markers where kind = 'relation' and row_count > 0"
    return dict(workspace.query(kept))


@pytest.mark.nightly
def test_the_sample_is_the_same_row_for_row_and_digest_for_digest(
    sample_run: Workspace, tmp_path: Path, server: Served
) -> None:
    workspace = asking(sample_run.copied(tmp_path / "sample"), server)
    workspace.warehouse.unlink()
    workspace.run()
    layers = ("intermediate", "quality", "marts")
    assert workspace.content(layers) == sample_run.content(layers)
    assert {**data_hashes(sample_run), **data_hashes(workspace)} == data_hashes(sample_run)
    made = last_how(workspace)
    assert made.keys() == workspace.content(layers).keys()
    assert set(made.values()) == {("full", "spark")}
    assert handed_over(workspace) == []


@pytest.mark.usefixtures("finished")
def test_another_engine_has_nothing_to_build_and_asks_no_server(workspace: Workspace) -> None:
    workspace.settings |= {"engine": "spark", "spark_remote": "sc://127.0.0.1:1"}
    assert workspace.run() == set()


@pytest.mark.usefixtures("finished")
def test_an_edited_model_is_built_there_and_what_follows_where_its_rows_differ(
    on_spark: Workspace,
) -> None:
    on_spark.replace(SQL, COUNTS, f"{COUNTS}\nwhere category <> 'gym'")
    with on_spark.configured():
        table = planned_run()[MERCHANTS].table
    assert table is not None
    assert (table.how, table.why, table.engine) == ("full", "SQL changed", "spark")
    assert on_spark.run() >= {MERCHANTS}
    assert last_how(on_spark) == {MERCHANTS: ("full", "spark")}
    there = on_spark.content()
    on_spark.settings |= {"engine": "duckdb", "force": MERCHANTS}
    on_spark.run()
    assert on_spark.content() == there


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_changes_are_exchanged_here(on_spark: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "SMALL_ROWS", -1)
    monkeypatch.setattr(build, "LARGEST_SHARE", 9)
    with (on_spark.data / "transactions.csv").open("a") as file:
        file.write(CHARGE)
    on_spark.run()
    assert last_how(on_spark)[FACT] == ("changes", "duckdb")
    by_changes = on_spark.content()
    on_spark.run(force=FACT)
    assert last_how(on_spark)[FACT] == ("full", "spark")
    assert on_spark.content() == by_changes


def test_a_server_that_comes_back_is_asked_again(
    new_people: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = sparking.free_port()
    with sparking.served(port) as first, ExitStack() as second:
        _before_query(monkeypatch, 3, lambda: os.kill(first.pid, signal.SIGKILL))
        restart: list[object] = []

        def started(*_: object) -> None:
            restart.append(second.enter_context(sparking.served(port)))

        monkeypatch.setattr(spark.Spark, "_tell_lost", started)
        asking(new_people, first).run()
    assert len(restart) == 1
    new_people.settings["engine"] = "duckdb"
    assert new_people.run() == set()


def test_where_it_stays_gone_nothing_is_half_done_and_the_next_run_goes_on(
    new_people: Workspace,
    server: Served,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(spark, "ATTEMPTS", 2)
    with sparking.served() as doomed:
        _before_query(monkeypatch, 3, lambda: os.kill(doomed.pid, signal.SIGKILL))
        made, succeeded = asking(new_people, doomed).attempt()
    assert not succeeded
    assert "does not answer" in caplog.text
    assert caplog.text.count("asking it again") == 1
    assert "staging.stg_employees" in made
    assert PEOPLE not in made
    assert handed_over(new_people) == []
    rest = asking(new_people, server).run()
    assert PEOPLE in rest
    assert made.isdisjoint(rest)
    new_people.settings["engine"] = "duckdb"
    assert new_people.run() == set()


def test_what_spark_cannot_do_is_refused_before_anything_is_built(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    workspace.settings |= {"engine": "spark", "spark_remote": "sc://127.0.0.1:1"}
    workspace.replace(SQL, COUNTS, f"{COUNTS}\nwhere merchant like 'P%'")
    line = workspace.line_of(SQL, "like 'P%'")
    made, succeeded = workspace.attempt()
    assert (made, succeeded) == (set(), False)
    assert f"{SQL}:{line} cannot run on Spark: merchant LIKE 'P%'" in caplog.text


@pytest.mark.nightly
def test_an_erasure_builds_there_and_leaves_nobody_in_the_folder_between(
    new_people: Workspace, server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, KEY)
    new_people.write("data/employees.csv", EMPLOYEES)
    new_people.write("pages/index.md", "---\ntitle: People\n---\n")
    new_people.run()
    workspace = asking(new_people, server)
    with workspace.configured():
        folder = current_settings().handover_dir
    folder.mkdir(parents=True)
    (folder / "base.employees-left.parquet").write_text(f"{GRETA},Greta,Marlowe")
    (certificate,) = erased(workspace)
    assert certificate.is_proven
    assert not folder.exists()
    assert ("full", "spark") in last_how(workspace).values()


def _before_query(monkeypatch: pytest.MonkeyPatch, number: int, act: Callable[[], object]) -> None:
    """Do something before the query of a number is sent."""
    asked = []
    original = spark.Spark._written  # noqa: SLF001 - where a query is sent

    def written(self: spark.Spark, query: spark.Query, to: Path) -> Made:
        asked.append(query)
        if len(asked) == number:
            act()
        return original(self, query, to)

    monkeypatch.setattr(spark.Spark, "_written", written)
