"""Two machines whose runs have one warehouse in object storage, and nothing else in common."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import laptop
import pytest
from databases import VARIABLE, hr_database, read_from_table
from deployed import program
from object_store import BUCKET, ObjectStore
from people_alone import EVERY_LAYER
from sharing import Machine, machine, shared_store
from workspace import KILLER, TRANSACTIONS

from benepass_tasks.cli import main
from benepass_tasks.engine import session
from benepass_tasks.engine.shared import storage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workspace import Workspace

HASH_KEY = "0123456789abcdef" * 4
BUILT = "select node, count(*) from meta.materializations where outcome = 'built' group by all"

DIES_IN_STORAGE = (
    (
        KILLER.partition("from luigi.cmdline")[0]
        + """
from benepass_tasks.engine.shared.storage import Storage
for name in ("swap", "put", "fetch", "remove", "sweep"):
    setattr(Storage, name, counted(getattr(Storage, name)))
from luigi.cmdline import luigi_run
luigi_run()
"""
    )
    .replace("Connection.exec_driver_sql = counted", "(lambda _: None)")
    .replace("Connection.execute = counted", "(lambda _: None)")
)
"""A program that dies before the n-th thing that it asks of the storage, or of dlt."""


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    with shared_store(monkeypatch) as made:
        yield made


@pytest.fixture
def machines(new_people: Workspace, store: ObjectStore) -> tuple[Machine, Machine]:
    assert store.client
    return machine(new_people, "a"), machine(new_people, "b")


def built_twice(made: Machine) -> list[str]:
    return [node for node, count in made.query(BUILT) if count > 1]


def test_what_one_machine_has_built_another_one_does_not_build(
    machines: tuple[Machine, Machine],
) -> None:
    one, other = machines
    assert EVERY_LAYER in one.run()
    assert other.run() == set()
    assert other.built() == one.built()
    other.write("data/employees.csv", (other.data / "employees.csv").read_bytes() + b"\n")
    assert "employees/employees.csv" in other.run()


def test_two_runs_at_once_build_nothing_twice(machines: tuple[Machine, Machine]) -> None:
    with ThreadPoolExecutor() as threads:
        done = list(threads.map(lambda it: it.run_command(), machines))
    assert [it.returncode for it in done] == [0, 0], [it.stderr for it in done]
    one, _ = machines
    one.run()
    assert one.query(BUILT)
    assert built_twice(one) == []
    assert one.query("select count(*) from meta.runs where status = 'succeeded'") == [(3,)]


def test_a_run_on_another_machine_goes_on_where_one_was_killed(
    machines: tuple[Machine, Machine],
) -> None:
    one, other = machines
    assert one.run_until_killed(KILLER, "commit 4")
    assert EVERY_LAYER in other.run()
    assert one.run() == set()
    assert one.built() == other.built()


@pytest.mark.nightly
@pytest.mark.parametrize("moment", range(12))
@pytest.mark.parametrize("which", ["the same", "another"])
def test_a_kill_at_any_moment_of_the_storage_loses_nothing(
    machines: tuple[Machine, Machine], moment: int, which: str
) -> None:
    one, other = machines
    one.run_until_killed(DIES_IN_STORAGE, moment)
    following = one if which == "the same" else other
    following.run()
    assert one.run() == other.run() == set()
    assert one.built() == other.built()
    assert built_twice(one) == []


def test_a_run_that_cannot_give_back_fails_and_the_next_one_goes_on(
    machines: tuple[Machine, Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = machines
    with monkeypatch.context() as patch:
        patch.setattr(storage.Storage, "put", _refuse)
        made, succeeded = one.attempt()
    assert made
    assert not succeeded
    assert not other.warehouse.exists()
    # What was made is here, and only what is noted of it is left to do.
    assert "raw.employees" not in one.run()
    assert other.run() == set()


def _refuse(*_: object) -> None:
    from benepass_tasks.config.errors import WarehouseError  # noqa: PLC0415 - here alone

    raise WarehouseError("no answer")


def test_a_storage_that_is_gone_ends_a_run_before_it_does_anything(
    machines: tuple[Machine, Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    one, _ = machines
    done = one.run_command()
    assert (done.returncode, "no answer" in done.stderr) == (35, True), done.stderr


def test_who_is_erased_on_one_machine_is_so_on_the_next_command_of_another(
    machines: tuple[Machine, Machine], monkeypatch: pytest.MonkeyPatch, store: ObjectStore
) -> None:
    monkeypatch.setenv("BENEPASS_HASH_KEY", HASH_KEY)
    one, other = machines
    one.write("pages/index.md", "---\ntitle: People\n---\n")
    one.run()
    other.run()
    assert b"ann.archer" in other.warehouse.read_bytes()
    with one.configured():
        assert main(["privacy", "erase", "E1", "--reason", "asked"]) == 0
    with other.configured():
        main(["status"])
    session.close()
    assert b"ann.archer" not in other.warehouse.read_bytes()
    assert [*other.warehouse.parent.glob("erasures/*.json")]
    found = store.client.list_objects_v2(Bucket=BUCKET)["Contents"]
    for it in found:
        answer = store.client.get_object(Bucket=BUCKET, Key=it["Key"])
        assert b"ann.archer" not in answer["Body"].read(), it["Key"]
    # Its files still have the person, and bring nobody back.
    other.run()
    assert other.query("select count(*) from raw.employees where employee_id = 'E1'") == [(0,)]


@pytest.mark.nightly
def test_one_machine_reads_a_database_on_from_where_another_one_has_come(
    workspace: Workspace, store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert store.client
    hr = hr_database(tmp_path / "hr.sqlite")
    monkeypatch.setenv(VARIABLE, hr.url)
    read_from_table(workspace, "employees", extract="{cursor: hire_date}")
    one, other = machine(workspace, "a"), machine(workspace, "b")
    one.run("raw.employees")
    hr.insert("employees", [("E4", "Di", "Dean", "di.dean@example.com", "2025-01-01", "active")])
    other.run("raw.employees")
    loads = "select parsed from meta.loads where source = 'employees' order by file"
    assert other.query(loads) == [(3,), (1,)]
    hr.path.unlink()
    assert one.run("raw.employees", extract="false") == set()
    assert one.query(loads) == [(3,), (1,)]


@pytest.mark.nightly
def test_each_machine_fetches_copies_of_its_own_of_objects_and_loads_none_again(
    workspace: Workspace, store: ObjectStore
) -> None:
    store.put("in/transactions_1.csv", TRANSACTIONS)
    workspace.replace(
        "catalog.yaml",
        "filepath: data/transactions*.csv",
        f"filepath: s3://{BUCKET}/in/transactions*.csv",
    )
    one, other = machine(workspace, "a"), machine(workspace, "b")
    assert "raw.transactions" in one.run("raw.transactions")
    assert other.run("raw.transactions") == {"extract/transactions"}
    assert other.run("raw.transactions", extract="false") == set()
    copies = [[*it.warehouse.parent.glob("*.extracts/.objects/*")] for it in (one, other)]
    assert [len(it) for it in copies] == [1, 1]


@pytest.mark.nightly
def test_a_branch_reads_what_is_newest_and_is_promoted_into_what_all_have(
    machines: tuple[Machine, Machine], capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = machines
    one.run()
    with other.configured():
        assert main(["branch", "create", "fix"]) == 0
    other.replace("sql/marts/dim_employees.sql", "select", "select -- as edited\n")
    assert other.run("CheckContracts", env="fix") == set()
    with other.configured():
        assert main(["promote", "fix"]) == 0, capsys.readouterr().err
    session.close()
    assert one.run() == set()


@pytest.mark.nightly
def test_workers_of_two_machines_on_one_luigid_build_nothing_twice(
    machines: tuple[Machine, Machine], tmp_path: Path
) -> None:
    (port,) = laptop.free_ports(1)
    address = f"http://127.0.0.1:{port}"
    for it in machines:
        it.replace("luigid.cfg", "http://127.0.0.1:8082", address)
    command = [program("luigid"), "--address", "127.0.0.1", "--port", str(port)]
    server = laptop.Server("luigid", address, port, command)
    with laptop.running(server, tmp_path) as process, ThreadPoolExecutor() as threads:
        laptop.wait_for(server, process, tmp_path)
        luigid = {"LUIGI_CONFIG_PATH": "luigid.cfg"}
        done = list(threads.map(lambda it: it.run_command(**luigid), machines))
    assert {it.returncode for it in done} <= {0, 10, 25}, [it.stderr for it in done]
    one, other = machines
    assert one.run() == other.run() == set()
    assert built_twice(one) == []


def test_a_machine_with_another_key_is_refused_before_it_writes_anything(
    machines: tuple[Machine, Machine], monkeypatch: pytest.MonkeyPatch, store: ObjectStore
) -> None:
    one, other = machines
    monkeypatch.setenv("BENEPASS_HASH_KEY", HASH_KEY)
    one.run("raw.employees")
    before = store.client.list_objects_v2(Bucket=BUCKET)["Contents"]
    monkeypatch.setenv("BENEPASS_HASH_KEY", HASH_KEY[::-1])
    done = other.run_command("--benepass-force", "raw.employees")
    assert (done.returncode, "another BENEPASS_HASH_KEY than this" in done.stderr) == (35, True)
    assert HASH_KEY[::-1] not in done.stderr
    after = store.client.list_objects_v2(Bucket=BUCKET)["Contents"]
    assert [it["Key"] for it in after] == [it["Key"] for it in before]
    # For all of them it may change, once somebody says so.
    assert other.run_command("--benepass-accept", "hash_key").returncode == 0
    assert other.run() == set()
