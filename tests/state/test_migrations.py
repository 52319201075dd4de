"""A warehouse of any earlier release becomes one of this; one of a later release is refused."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import earlier_meta
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from examples import at_night
from warehouses import warehouse

from benepass_tasks.cli.program import main
from benepass_tasks.config.errors import OutdatedWarehouseError, WarehouseError
from benepass_tasks.state import meta, migrations

if TYPE_CHECKING:
    from workspace import Workspace

COLUMNS = (
    "select table_name, column_name, data_type, is_nullable from duckdb_columns() "
    "where schema_name = 'meta' order by all"
)
KEYS = (
    "select table_name, constraint_column_names from duckdb_constraints() "
    "where schema_name = 'meta' and constraint_type = 'PRIMARY KEY' order by all"
)
COMMANDS = ("status", "runs", "plan", "quarantine", "alerts", "schema history")
FIRST, *BETWEEN, LAST = earlier_meta.STATES
every_state = pytest.mark.parametrize("state", [FIRST, *at_night(*BETWEEN), LAST])


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


@every_state
def test_an_upgraded_warehouse_is_like_a_new_one(tmp_path: Path, state: str) -> None:
    new, old = warehouse(tmp_path, "new.duckdb"), warehouse(tmp_path, "old.duckdb")
    earlier_meta.create(old.path, state)
    for it in (new, old):
        with it.write():
            pass
    assert rows(old.path, COLUMNS) == rows(new.path, COLUMNS)
    assert rows(old.path, KEYS) == rows(new.path, KEYS)
    assert rows(old.path, "from meta.alembic_version") == [(meta.VERSION,)]


@every_state
def test_an_upgrade_keeps_every_row(tmp_path: Path, state: str) -> None:
    old = warehouse(tmp_path)
    earlier_meta.create(old.path, state)
    tables = earlier_meta.tables_of(state)
    before = {name: rows(old.path, f"from meta.{name}") for name in tables}
    with old.write():
        pass
    for name, (row,) in before.items():
        assert row in [it[: len(row)] for it in rows(old.path, f"from meta.{name}")]


@every_state
def test_what_only_reads_an_earlier_warehouse_says_that_a_run_upgrades_it(
    tmp_path: Path, state: str
) -> None:
    old = warehouse(tmp_path)
    earlier_meta.create(old.path, state)
    with pytest.raises(OutdatedWarehouseError, match="the next run upgrades it"), old.read():
        pass


def test_an_upgrade_that_fails_leaves_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = warehouse(tmp_path)
    earlier_meta.create(old.path, "markers")
    before = rows(old.path, COLUMNS)

    def upgrade_and_fail(connection: object, upgrade: object = migrations.upgrade) -> None:
        upgrade(connection)  # type: ignore[operator]
        raise ZeroDivisionError

    monkeypatch.setattr(migrations, "upgrade", upgrade_and_fail)
    with pytest.raises(ZeroDivisionError), old.write():
        pass
    assert rows(old.path, COLUMNS) == before


def test_the_declared_version_is_that_of_the_last_revision() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    revisions = [it.revision for it in ScriptDirectory.from_config(config).walk_revisions()]
    assert revisions[0] == meta.VERSION
    assert revisions == sorted(revisions, reverse=True)


@pytest.mark.usefixtures("finished")
@every_state
def test_a_run_upgrades_and_keeps_its_history(workspace: Workspace, state: str) -> None:
    # No earlier release kept the sums, and they are not needed to know that all is up to date.
    records = "select * exclude (hash_sum) from meta.markers"
    before = workspace.query(records)
    earlier_meta.reduce(workspace.warehouse, state)
    assert workspace.run() == set()
    assert workspace.query(records) == before
    assert workspace.query("select status from meta.runs order by started_at desc limit 1") == [
        ("succeeded",)
    ]


@pytest.mark.usefixtures("finished")
@pytest.mark.parametrize("command", [COMMANDS[0], *at_night(*COMMANDS[1:])])
def test_commands_say_that_the_next_run_upgrades(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    earlier_meta.reduce(workspace.warehouse, "alerts and monitors")
    with workspace.configured():
        assert main(command.split()) == 1
    assert "the next run upgrades it" in capsys.readouterr().err


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_a_warehouse_of_a_later_release_is_refused(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace.change("update meta.alembic_version set version_num = '9999'")
    before = workspace.warehouse.read_bytes()
    done = workspace.run_command()
    assert done.returncode == 35
    assert done.stderr.count("was written by a later release of benepass-tasks") == 1
    assert "leaked" not in done.stderr
    for command in COMMANDS:
        with workspace.configured():
            assert main(command.split()) == 1
        assert "later release" in capsys.readouterr().err
    assert workspace.warehouse.read_bytes() == before


def test_nothing_is_written_to_a_warehouse_of_a_later_release(tmp_path: Path) -> None:
    later = warehouse(tmp_path)
    with later.write():
        pass
    with duckdb.connect(str(later.path)) as connection:
        connection.execute("update meta.alembic_version set version_num = '9999'")
    with pytest.raises(WarehouseError, match="later release"), later.write():
        pass
