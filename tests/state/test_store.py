"""The state is kept by any database that SQLAlchemy speaks to, and only its store opens one."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest
from sqlalchemy import Connection, event, inspect
from warehouses import settings_in, warehouse

import benepass_tasks
from benepass_tasks.engine.attached import attached, within
from benepass_tasks.engine.measure import ColumnProfile
from benepass_tasks.quality.alerts.incidents import compare, read_incidents, write_changes
from benepass_tasks.quality.alerts.news import News, channel_since, claim, read_told, settle
from benepass_tasks.quality.alerts.problems import problems_of
from benepass_tasks.quality.data_tests.results import Result, keep_results, read_latest
from benepass_tasks.quality.monitors.census import judge_census
from benepass_tasks.quality.monitors.results import Result as Verdict
from benepass_tasks.quality.monitors.results import keep_results as keep_verdicts
from benepass_tasks.quality.monitors.results import results_on
from benepass_tasks.state import decisions, markers
from benepass_tasks.state.history import materializations, read, runs
from benepass_tasks.state.history.beacon import Beacon
from benepass_tasks.state.markers import Load, Materialization
from benepass_tasks.state.meta import METADATA, QUALITY_FIGURES, SCHEMA_CHANGES, VERSION
from benepass_tasks.state.ownership import environment_of, owner_of, take_ownership
from benepass_tasks.state.store import StateStore, missing_tables, present_tables, state_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benepass_tasks.engine.session import Warehouse

PACKAGE = Path(benepass_tasks.__file__).parent
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)


def sqlite(folder: Path) -> StateStore:
    """A store in a file of SQLite, where a schema is a file of its own."""
    store = StateStore(f"sqlite:///{folder / 'state.db'}")

    @event.listens_for(store.engine, "connect")
    def attach(connection: object, _record: object) -> None:
        connection.execute(f"attach '{folder / 'meta.db'}' as meta")  # type: ignore[attr-defined]

    return store


@pytest.fixture
def elsewhere(tmp_path: Path) -> Warehouse:
    """A warehouse whose state is in another database."""
    made = replace(warehouse(tmp_path), tables=sqlite(tmp_path))
    with made.write():
        pass
    return made


@pytest.fixture
def session(elsewhere: Warehouse) -> Iterator[Connection]:
    with elsewhere.write() as connection:
        assert state_of(connection).dialect.name == "sqlite"
        yield connection


def record(name: str = "marts.m", run_id: str = "r1") -> Materialization:
    return Materialization(name, "1", "f", "h", 3, 0.5, run_id, NOON, "relation")


LOAD = Load("s", "a.csv", "1", "sha", "state", "load", 3, 2, 2, 0, 0.1, "r1", NOON)


def test_by_default_a_record_is_written_in_the_transaction_of_its_table(tmp_path: Path) -> None:
    here = warehouse(tmp_path)

    def fail() -> None:
        with here.write() as connection:
            assert state_of(connection) is connection
            connection.exec_driver_sql("create schema marts")
            connection.exec_driver_sql("create table marts.m as select 1 as x")
            markers.write_materializations(connection, [record()])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with here.write() as connection:
        found = markers.snapshot_of(connection)
    assert "marts.m" not in {*found.relations, *found.materializations}


def test_which_tables_there_are_is_asked_of_the_database_in_use(tmp_path: Path) -> None:
    """A branch is compared with warehouses that other releases have written."""
    older, database = tmp_path / "older.duckdb", warehouse(tmp_path)
    with duckdb.connect(older) as made:
        made.execute("create schema meta; create table meta.runs (run_id varchar)")
    with database.write():
        pass
    with database.read() as session:
        here = present_tables(session)
        with attached(session, older, "older"):
            with within(session, "older"):
                assert present_tables(session) == {"runs"}
            assert present_tables(session) == here > {"runs"}


def test_elsewhere_nothing_of_the_state_is_in_the_warehouse(elsewhere: Warehouse) -> None:
    with elsewhere.write() as connection:
        markers.write_materializations(connection, [record()])
    with elsewhere.read() as connection:
        assert markers.snapshot_of(connection).materializations == {"marts.m": record()}
    with duckdb.connect(str(elsewhere.path), read_only=True) as raw:
        assert (
            raw.execute("select 1 from duckdb_tables() where schema_name = 'meta'").fetchall() == []
        )


def test_elsewhere_no_record_is_kept_of_a_table_that_is_not(elsewhere: Warehouse) -> None:
    def fail() -> None:
        with elsewhere.write() as connection:
            markers.write_materializations(connection, [record()])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with elsewhere.read() as connection:
        assert markers.snapshot_of(connection).materializations == {}


def test_elsewhere_markers_and_loads_are_kept(session: Connection) -> None:
    markers.write_materializations(session, [record(), record("marts.n")])
    markers.forget_materializations(session, ["marts.n"])
    markers.write_loads(session, {LOAD: ["id", "name"]})
    found = markers.snapshot_of(session)
    assert (found.materializations, found.loads) == ({"marts.m": record()}, {("s", "a.csv"): LOAD})
    assert found.is_masked
    assert markers.loaded_columns(session, "s") == {"id", "name"}
    markers.interrupt_loads(session, "s", ["a.csv"])
    (load,) = markers.snapshot_of(session).loads.values()
    assert load.code_version == markers.INTERRUPTED
    markers.forget_loads(session, "s")
    assert markers.snapshot_of(session).loads == {}


def test_elsewhere_decisions_and_the_owner_are_kept(session: Connection, tmp_path: Path) -> None:
    accepted = decisions.Decision("accepted", "s", "a.csv", "2 of 3", "g", "sha", None, NOON)
    decisions.record_decision(session, accepted)
    assert decisions.pending_decisions(session) == [accepted]
    used = replace(accepted, run_id="r1")
    decisions.use_decisions(session, [used])
    assert decisions.pending_decisions(session) == []
    assert decisions.decisions_of(session, "r1", since=LATER) == [used]
    assert environment_of(session) == ""
    take_ownership(session, replace(settings_in(tmp_path), env="prod"))
    assert (owner_of(session), environment_of(session)) == (tmp_path, "prod")


def test_elsewhere_the_history_of_runs_is_kept(elsewhere: Warehouse, tmp_path: Path) -> None:
    begun = [
        runs.Beginning(name, at, settings_in(tmp_path))
        for name, at in (("r1", NOON), ("r2", LATER))
    ]
    lights = [Beacon(elsewhere, it.run_id) for it in begun]
    for beginning, light in zip(begun, lights, strict=True):
        runs.begin(elsewhere, beginning, light)
    lights[0].put_out()
    with elsewhere.write() as session:
        profile = ColumnProfile("x", 3, 0, 2, "1", "2", 1.5)
        materializations.record_built(session, record(), "first run", [profile])
        materializations.record_loaded(session, {LOAD: "first load"})
        failure = materializations.Failure("marts.n", "relation", "long", "short")
        materializations.record_failed(session, "r2", failure)
        materializations.record_skipped(session, "r2", {"site": ("site", "f")})
        materializations.record_bytes(session, "r2")
        markers.write_materializations(session, [record()])
        runs.settle_interrupted(session, elsewhere)
        runs.end(session, begun[1], runs.Ending("succeeded"))
        statuses = {it.run_id: it.status for it in read.last_runs(elsewhere, session, 5)}
        assert statuses == {"r1": "interrupted", "r2": "succeeded"}
        assert read.find_run(elsewhere, session, "r2").seconds > 0
        assert [it.node for it in read.outcomes_of(session, "r2")] == ["marts.n", "site"]
        assert read.tally_of(session, ["r1"]) == {"r1": {"built": 2}}
        assert read.newest_profiles(session) == {"marts.m": {"x": profile}}
        runs.forget_old(session, 1)
        # What it made is still there.
        assert len(read.last_runs(elsewhere, session, 5)) == 2
        markers.forget_materializations(session, ["marts.m"])
        runs.forget_old(session, 1)
        assert len(read.last_runs(elsewhere, session, 5)) == 1
    lights[1].put_out()


def test_elsewhere_figures_are_kept(elsewhere: Warehouse, tmp_path: Path) -> None:
    begun = runs.Beginning("r1", NOON, settings_in(tmp_path))
    with elsewhere.write() as session:
        runs.end(session, begun, runs.Ending("succeeded"))
        figures = {"records": 4, "clean": 3, "flagged": 1, "missing_with_charges": 1}
        rows = [
            {"run_id": "r1", "dataset": "employees", "figure": name, "value": value}
            for name, value in figures.items()
        ]
        state_of(session).execute(QUALITY_FIGURES.insert(), rows)
        (found,) = read.newest_figures(session)
        assert (found.source, found.records, found.flagged) == ("employees", 4, 1)
        assert read.figures_before(session, NOON - timedelta(days=1)) == []
        ((of_run,),) = [it.sources for it in read.figures_over_runs(session, 3)]
        assert of_run == found
        assert list(judge_census(session)) == []


def test_elsewhere_incidents_and_news_are_kept(elsewhere: Warehouse, tmp_path: Path) -> None:
    begun = runs.Beginning("r1", NOON, settings_in(tmp_path))
    with elsewhere.write() as session:
        runs.end(session, begun, runs.Ending("failed", "why"))
        failed = materializations.Failure("s/a.csv", "source file", "long", "it is empty")
        materializations.record_failed(session, "r1", failed)
        outcome = Result(
            *("r1", "marts.m", "x", "unique", "", "fail", "failed", 1, 3, ["1", "2"], 0.1, NOON)
        )
        keep_results(session, [outcome])
        verdict = Verdict("volume", "s", "fail", "3 rows", "the catalog", value=3, basis="b")
        keep_verdicts(session, "r1", [verdict])
        change = {
            "load_id": "l",
            "run_id": "r1",
            "source": "s",
            "file": "a.csv",
            "relation": "raw.s",
        }
        change |= {"column_name": "x", "change": "added", "severity": "warning"}
        state_of(session).execute(
            SCHEMA_CHANGES.insert(),
            {**change, "changed_at": markers.now(), "entry": 1, "is_guess": False}
            | {"misfits": 2, "misfit_rows": [1, 2], "severity": "warning"},
        )
        assert read_latest(session) == [outcome]
        assert [it.message for it in results_on(session, "b")] == ["3 rows"]
        problems = problems_of(session, "r1", None)
        assert {it.title for it in problems} == {
            "marts.m.x: unique",
            "s: volume",
            "s/a.csv could not be loaded",
            "s: new columns (1)",
        }
        write_changes(session, compare(problems, [], "r1", NOON))
        incidents = read_incidents(session)
        write_changes(session, compare([], incidents, "r1", LATER))
        assert read_incidents(session) == []
        assert len(read_incidents(session, since=NOON)) == 4
        assert channel_since(session, "webhook", NOON) == NOON
        assert channel_since(session, "webhook", LATER) == NOON
        news = News({"new": incidents})
        claim(session, "webhook", news, NOON)
        settle(session, news, is_delivered=True, now=LATER)
        assert {it.at for it in read_told(session, "webhook", incidents, LATER)} == {NOON}


def test_elsewhere_the_state_is_brought_to_the_newest_version(tmp_path: Path) -> None:
    """From the first version on: what is older than that is only in warehouses."""
    store = sqlite(tmp_path)
    with store.engine.begin() as state:
        store.prepare_tables(state, {"pii_masking": "true"})
        new = columns_in(state)
        # As the first version was.
        for statement in (
            "drop table meta.decisions",
            "alter table meta.loads drop column passed_over",
            "alter table meta.loads drop column erased",
            "alter table meta.loads drop column expired",
            "alter table meta.markers drop column kind",
            "alter table meta.materializations drop column kind",
            "alter table meta.markers drop column hash_sum",
            "alter table meta.materializations drop column how",
            "alter table meta.materializations drop column changed_rows",
            "alter table meta.materializations drop column engine",
            "alter table meta.materializations drop column touched_rows",
            "alter table meta.materializations drop column why_full",
            "alter table meta.column_profiles drop column touched_rows",
            "alter table meta.month_totals drop column row_count",
            "alter table meta.month_totals drop column content",
            "update meta.alembic_version set version_num = '0001'",
            "insert into meta.markers select 'contracts/marts.m', '', '', '', 1, 1, '', ''",
        ):
            state.exec_driver_sql(statement)
        assert columns_in(state) != new
        store.prepare_tables(state, {"pii_masking": "true"})
        assert (columns_in(state), missing_tables(state)) == (new, [])
        assert store.version_of(state) == VERSION
        kinds = state.exec_driver_sql("select kind from meta.markers").scalars().all()
        assert kinds == ["tests of a table"]


def columns_in(state: Connection) -> dict[str, set[str]]:
    found = inspect(state)
    names = found.get_table_names(schema="meta")
    return {it: {column["name"] for column in found.get_columns(it, "meta")} for it in names}


def _bypasses(path: Path) -> list[int]:
    """The lines on which a table of `meta` is read or written elsewhere than in the store."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tables = {
        name.asname or name.name
        for it in ast.walk(tree)
        if isinstance(it, ast.ImportFrom) and it.module == "benepass_tasks.state.meta"
        for name in it.names
    } & {table.name.upper() for table in METADATA.tables.values()}
    if not tables:
        return []
    return [
        it.lineno
        for it in ast.walk(tree)
        if isinstance(it, ast.Call)
        and isinstance(it.func, ast.Attribute)
        and it.func.attr == "execute"
        and not ast.unparse(it.func.value).startswith("state")
    ]


def test_the_state_is_read_and_written_through_its_store_alone() -> None:
    modules = {path.relative_to(PACKAGE).as_posix(): path for path in PACKAGE.rglob("*.py")}
    assert {name: lines for name, path in modules.items() if (lines := _bypasses(path))} == {}
    opening = [name for name, path in modules.items() if "create_engine(" in path.read_text()]
    of_others = "ingestion/extracts/database.py"
    assert sorted(opening) == ["engine/dialect.py", of_others, "state/store.py"]


def test_no_text_of_sql_names_a_table_of_the_state() -> None:
    named = re.compile(r"\b(from|into|join|update) meta\.\w")
    speaking = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for it in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(it, ast.Constant) and named.search(str(it.value))
    }
    assert speaking == set()
