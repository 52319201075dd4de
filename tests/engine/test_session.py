"""Sessions on the warehouse: private, in turns, all or nothing, and safe to fork around."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import duckdb
import pytest
import warehouses
from warehouses import rows, warehouse

from benepass_tasks.config.errors import WarehouseError
from benepass_tasks.engine import write_lock
from benepass_tasks.engine.measure import columns_of, measure_table
from benepass_tasks.engine.quoting import quote_name, quote_text
from benepass_tasks.engine.session import Warehouse, _is_locked, let_go, seen_in
from benepass_tasks.engine.write_lock import acquire_write_lock, is_awaited
from benepass_tasks.state.store import StateStore


def test_a_session_is_one_transaction(tmp_path: Path) -> None:
    made = warehouse(tmp_path)
    with made.write() as connection:
        connection.exec_driver_sql("create table t as select 1 as a")
    with contextlib.suppress(ZeroDivisionError), made.write() as connection:
        connection.exec_driver_sql("create or replace table t as select 2 as a")
        raise ZeroDivisionError
    assert rows(made, "from t") == [(1,)]


def test_what_was_seen_is_forgotten_once_another_process_has_written(tmp_path: Path) -> None:
    made = warehouse(tmp_path)
    with made.write() as connection:
        seen_in(connection)["rows"] = 1
    with made.read() as connection:
        assert seen_in(connection)["rows"] == 1
    with duckdb.connect(str(made.path)) as other:
        other.execute("create table t as select 1 as a")
    with made.read() as connection:
        assert "rows" not in seen_in(connection)


def test_what_was_seen_is_forgotten_where_it_may_be_undone(tmp_path: Path) -> None:
    made = warehouse(tmp_path)
    with contextlib.suppress(ZeroDivisionError), made.write() as connection:
        seen_in(connection)["rows"] = 1
        raise ZeroDivisionError
    with made.write() as connection:
        assert "rows" not in seen_in(connection)
        seen_in(connection)["rows"] = 1
    with made.native(), made.read() as connection:
        pass
    with made.read() as connection:
        assert "rows" not in seen_in(connection)


def test_the_state_is_another_once_it_is_written_and_not_when_the_log_is(tmp_path: Path) -> None:
    made = warehouse(tmp_path)
    with made.write():
        pass
    states = [made.state]
    with made.exclusive():
        with made.write() as connection:
            connection.exec_driver_sql("create table t as select 1 as a")
        states.append(made.state)
        log = made.path.with_name(f"{made.path.name}.wal")
        assert log.exists()
    assert not log.exists()
    with made.read():
        pass
    states.append(made.state)
    with duckdb.connect(str(made.path)) as other:
        other.execute("insert into t values (2)")
    states.append(made.state)
    assert states[1] == states[2]
    assert len({*states}) == 3


def test_sql_sees_the_settings_and_utc(tmp_path: Path) -> None:
    with warehouse(tmp_path).write() as connection:
        seen = connection.exec_driver_sql(
            "select getvariable('as_of_date'), getvariable('pii_masking'), "
            "current_setting('TimeZone')"
        ).one()
    assert tuple(seen) == (date(2026, 1, 1), True, "UTC")


@pytest.mark.parametrize("name", ["marts.duckdb", 'it\'s a "name".duckdb', "raw"])
def test_any_file_name_will_do(tmp_path: Path, name: str) -> None:
    made = warehouse(tmp_path, name)
    with made.write() as connection:
        connection.exec_driver_sql("create schema marts; create table marts.t as select 1 as a")
    assert rows(made, "from marts.t") == [(1,)]


def test_all_files_that_a_session_makes_are_private(tmp_path: Path) -> None:
    made = warehouse(tmp_path)
    with made.exclusive(), made.write() as connection:
        connection.exec_driver_sql("create table t as select 1 as a")
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name


def test_waiting_for_another_process_is_told_and_ends_with_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(write_lock, "QUIET", 0)
    made = warehouse(tmp_path)
    with made.write() as connection:
        connection.exec_driver_sql("create table t as select 1 as a")
    hold = f"import duckdb; it = duckdb.connect({str(made.path)!r}); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        other.stdout.readline()
        with pytest.raises(WarehouseError, match=r"in use by another process for 0\.3 s"):
            rows(made, "from t")
        other.communicate("\n")
    assert caplog.text.count(f"lets go of {made.path}") == 1
    assert rows(made, "from t") == [(1,)]


def test_no_bar_is_drawn_into_what_a_command_prints(tmp_path: Path) -> None:
    made = warehouse(tmp_path)
    shown = "select current_setting('enable_progress_bar')"
    with made.write() as connection:
        assert connection.exec_driver_sql(shown).scalar() is False
    with made.native() as connection:
        assert connection.execute(shown).fetchall() == [(False,)]


def test_sessions_of_several_processes_take_turns(tmp_path: Path) -> None:
    made = warehouse(tmp_path)
    with (
        made.exclusive(),
        pytest.raises(WarehouseError, match="in use by another process"),
        made.exclusive(),
    ):
        pytest.fail("two turns at once")


def test_a_session_that_writes_holds_the_write_lock(tmp_path: Path) -> None:
    made = warehouse(tmp_path)
    with made.write() as connection:
        connection.exec_driver_sql("create table t as select 1 as a")
        with pytest.raises(TimeoutError):
            acquire_write_lock(made.path, 0)
    with made.write() as connection:
        connection.exec_driver_sql("insert into t values (2)")
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
    acquire_write_lock(made.path, 0).close()


def test_a_process_waits_in_vain_only_once(tmp_path: Path) -> None:
    """A run asks for the warehouse again and again, and each time would wait as long."""
    made = warehouse(tmp_path, lock_timeout=1.5)
    keep_open(made)
    let_go()

    def waits() -> float:
        began = time.monotonic()
        with (
            acquire_write_lock(made.path, 0),
            pytest.raises(WarehouseError, match=r"in use .* for 1\.5 s"),
        ):
            keep_open(made)
        return time.monotonic() - began

    assert waits() > 1.5
    assert waits() < 1.0
    assert rows(made, "from t") == [(1,)]
    assert waits() > 1.5


READING = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from warehouses import rows, warehouse
made = warehouse(Path(sys.argv[2]), lock_timeout=float(sys.argv[3]))
print("waits", flush=True)
print(rows(made, "from t"), flush=True)
"""


def start_reading(of: Warehouse, lock_timeout: float) -> subprocess.Popen[str]:
    here = Path(warehouses.__file__).parent
    program = [sys.executable, "-c", READING, str(here), str(of.path.parent), str(lock_timeout)]
    reader = subprocess.Popen(
        program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    )
    assert reader.stdout
    assert reader.stdout.readline() == "waits\n"
    return reader


def keep_open(made: Warehouse) -> None:
    with made.exclusive(lambda: True), made.write() as connection:
        connection.exec_driver_sql("create or replace table t as select 1 as a")


def test_a_process_that_waits_gets_the_file_after_one_more_session_of_the_one_that_keeps_it(
    tmp_path: Path,
) -> None:
    made = warehouse(tmp_path, lock_timeout=20)
    keep_open(made)
    with start_reading(made, 20) as reader:
        deadline = time.monotonic() + 10
        while not is_awaited(made.path):
            assert time.monotonic() < deadline, "nobody waits"
            time.sleep(0.01)
        with made.exclusive(lambda: True), made.write() as connection:
            connection.exec_driver_sql("create or replace table t as select 2 as a")
        assert reader.communicate(timeout=10)[0] == "[(2,)]\n"


@pytest.mark.skipif(not shutil.which("flock"), reason="no flock")
def test_a_file_that_is_kept_is_not_written_while_another_process_holds_the_lock(
    tmp_path: Path,
) -> None:
    """A process that copies the file under the write lock, as for a backup, has all of it."""
    made = warehouse(tmp_path)
    keep_open(made)
    command = ["flock", f"{made.path}.lock", "cp", str(made.path), str(tmp_path / "copy")]
    with subprocess.Popen(command) as copy:
        time.sleep(0.2)
        assert copy.poll() is None
        let_go()
    assert (tmp_path / "copy").read_bytes() == made.path.read_bytes()
    assert not made.path.with_name("w.duckdb.wal").exists()


def test_a_process_that_waits_for_a_file_that_is_kept_and_not_used_says_so(tmp_path: Path) -> None:
    made = warehouse(tmp_path)
    keep_open(made)
    with start_reading(made, 0.3) as reader:
        assert "in use by another process for 0.3 s" in reader.communicate()[1]
    let_go()
    with start_reading(made, 0.3) as reader:
        assert reader.communicate()[0] == "[(1,)]\n"


def test_a_file_is_kept_only_where_it_is_said_and_all_went_well(tmp_path: Path) -> None:
    made = warehouse(tmp_path)
    for keeps, fails in ((False, False), (True, True)):
        with contextlib.suppress(ZeroDivisionError), made.exclusive(lambda: keeps):  # noqa: B023
            with made.write() as connection:
                connection.exec_driver_sql("create or replace table t as select 1 as a")
            if fails:
                raise ZeroDivisionError
        with start_reading(made, 0.3) as reader:
            assert reader.communicate()[0] == "[(1,)]\n"


def test_what_is_kept_is_private_when_others_get_it(tmp_path: Path) -> None:
    made = warehouse(tmp_path)
    keep_open(made)
    let_go()
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name


def test_a_file_that_is_not_a_database_is_named(tmp_path: Path) -> None:
    made = warehouse(tmp_path)
    made.path.write_text("no database, and longer than a header of one" * 1000)
    with pytest.raises(WarehouseError, match="cannot be opened"):
        rows(made, "select 1")


def test_a_file_of_data_is_neither_read_nor_written_as_a_warehouse(tmp_path: Path) -> None:
    made = warehouse(tmp_path, "employees.csv")
    made.path.write_text("id\nE1\n")
    with pytest.raises(WarehouseError, match="cannot be opened"):
        rows(made, "select 1")
    with pytest.raises(WarehouseError, match="cannot be opened"), made.write():
        pytest.fail("what is written there is kept nowhere")
    assert made.path.read_text() == "id\nE1\n"


def test_a_forked_process_opens_a_database_of_its_own(tmp_path: Path) -> None:
    made = warehouse(tmp_path, lock_timeout=10)
    with made.write() as connection:
        connection.exec_driver_sql("create table t as select 1 as a")
    child = os.fork()
    if child == 0:
        try:
            with made.write() as connection:
                connection.exec_driver_sql("create or replace table t as select 2 as a")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert rows(made, "from t") == [(2,)]


def test_names_and_texts_are_quoted() -> None:
    assert quote_name("a", 'b"c') == '"a"."b""c"'
    assert quote_text("it's") == "'it''s'"


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ("(2, 'b'), (1, 'a')", True),
        ("(1, 'a'), (2, 'b'), (2, 'b')", False),
        ("(1, 'b'), (2, 'a')", False),
        ("(1, 'a'), (2, null)", False),
        ("(1, 'a')", False),
    ],
)
def test_the_content_of_a_table_is_its_rows_in_any_order(
    tmp_path: Path, other: str, *, same: bool
) -> None:
    with warehouse(tmp_path).write() as connection:
        for name, values in (("s.one", "(1, 'a'), (2, 'b')"), ("s.two", other)):
            connection.exec_driver_sql("create schema if not exists s")
            connection.exec_driver_sql(f"create table {name} as from (values {values}) v(a, b)")
        one, two = (
            measure_table(connection, name, columns_of(connection, name)).data_hash
            for name in ("s.one", "s.two")
        )
    assert (one == two) is same


def test_the_names_and_types_of_columns_are_content_too(tmp_path: Path) -> None:
    with warehouse(tmp_path).write() as connection:
        contents = set()
        for name, select in (("a", "1 as x"), ("b", "1 as y"), ("c", "1::bigint as x")):
            connection.exec_driver_sql(f"create table {name} as select {select}")
            columns = columns_of(connection, f"main.{name}")
            contents.add(measure_table(connection, f"main.{name}", columns).data_hash)
    assert len(contents) == 3


def test_an_excluded_column_is_not_content(tmp_path: Path) -> None:
    with warehouse(tmp_path).write() as connection:
        connection.exec_driver_sql("create table a as select 1 as x, 1 as y")
        connection.exec_driver_sql("create table b as select 1 as x, 2 as y")
        one, two = (
            measure_table(connection, f"main.{name}", {"x": "INTEGER"}).data_hash for name in "ab"
        )
    assert one == two


def test_the_time_zone_of_the_machine_does_not_matter(tmp_path: Path) -> None:
    ask = """
import pathlib, sys
from benepass_tasks.engine.session import Warehouse
from benepass_tasks.state.store import StateStore

made = Warehouse(pathlib.Path(sys.argv[1]), "200MB", 1.0, (("pii_masking", "true"),), StateStore())
with made.write() as connection:
    print(connection.exec_driver_sql("select current_setting('TimeZone')").scalar_one())
"""
    done = subprocess.run(
        [sys.executable, "-c", ask, str(tmp_path / "w.duckdb")],
        env=os.environ | {"TZ": "America/New_York"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "UTC"


@pytest.mark.slow
def test_what_is_larger_than_memory_spills_beside_the_warehouse(tmp_path: Path) -> None:
    made = Warehouse(tmp_path / "w.duckdb", "40MB", 1.0, (("pii_masking", "true"),), StateStore())
    with made.write() as connection:
        connection.exec_driver_sql(
            "create table t as "
            "select hash(i) as a, 'text ' || hash(i + 1) as b from range(800000) r(i) "
            "order by a, b"
        )
    assert rows(made, "select count(*) from t") == [(800_000,)]


def test_a_full_disk_or_memory_is_not_a_lock_to_wait_for() -> None:
    said = {
        'IO Error: Could not set lock on file "w.duckdb": Conflicting lock is held': True,
        "IO Error: Could not write block: No space left on device": False,
    }
    for message, is_lock in said.items():
        assert _is_locked(duckdb.IOException(message)) is is_lock
