"""A warehouse in object storage: machines take it in turn, and none undoes what another did."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import IO, TYPE_CHECKING

import laptop
import pytest
from deployed import program
from object_store import BUCKET, SECRET, Fault, ObjectStore, object_store
from sharing import shared_store
from warehouses import rows, settings_in

from benepass_tasks.config.errors import ProjectError, WarehouseError
from benepass_tasks.config.shared_warehouse import SharedWarehouse, read_shared_warehouse
from benepass_tasks.engine import session
from benepass_tasks.engine.shared import storage, turn
from benepass_tasks.engine.shared.local_copy import LocalCopy
from benepass_tasks.engine.shared.storage import OutdatedError, Storage
from benepass_tasks.engine.write_lock import acquire_write_lock
from benepass_tasks.state.erasures import job_file, list_file
from benepass_tasks.state.warehouse import warehouse_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from benepass_tasks.engine.session import Warehouse
    from benepass_tasks.engine.shared.head import Stored

ADDRESS = f"s3://{BUCKET}/prod/w.duckdb"
PREFIX = "prod/w.duckdb/"
GONE = -2.0
"""A lease that is over as soon as it begins: who has it counts as killed."""


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    with shared_store(monkeypatch) as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path, store: ObjectStore) -> Path:
    assert store.client
    return tmp_path


def machine(
    folder: Path, host: str, lease: float = 60, name: str = "w.duckdb", patience: float = 0
) -> Warehouse:
    """The warehouse of a name, as a machine has it."""
    address = f"s3://{BUCKET}/prod/{name}"
    place = SharedWarehouse(address, folder / host / "copy" / name, lease)
    settings = replace(settings_in(folder / host), warehouse=place.copy, shared=place)
    return warehouse_of(replace(settings, lock_timeout=patience), run_id=f"run-of-{host}")


def write(made: Warehouse, number: int) -> None:
    with made.write() as connection:
        connection.exec_driver_sql(f"create or replace table t as select {number} as n")


def number(made: Warehouse) -> object:
    ((found,),) = rows(made, "from t")
    return found


def keys(store: ObjectStore) -> list[str]:
    found = store.client.list_objects_v2(Bucket=BUCKET, Prefix="prod/").get("Contents", [])
    return sorted(it["Key"].removeprefix(PREFIX) for it in found)


def files(store: ObjectStore) -> list[str]:
    """The objects but the head, without what makes their names others each time."""
    return [it.split("-", 2)[2] for it in keys(store) if it != "head.json"]


def head(store: ObjectStore) -> dict[str, object]:
    answer = store.client.get_object(Bucket=BUCKET, Key=f"{PREFIX}head.json")
    found: dict[str, object] = json.loads(answer["Body"].read())
    return found


def kill(made: Warehouse, work: Callable[[], object] = lambda: None) -> None:
    """Let a process take the warehouse, work on it, and be killed."""
    with warnings.catch_warnings():
        # The threads of the storage stay in this process.
        warnings.simplefilter("ignore", DeprecationWarning)
        process = os.fork()
    if not process:
        with made.exclusive(lambda: True):
            work()
        os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitpid(process, 0)[1] == signal.SIGKILL


def test_what_one_machine_gives_back_another_one_has(folder: Path, store: ObjectStore) -> None:
    write(machine(folder, "a"), 1)
    assert number(machine(folder, "b")) == 1
    write(machine(folder, "b"), 2)
    assert number(machine(folder, "a")) == 2
    assert files(store) == ["w.duckdb"]
    assert head(store)["holder"] is None


def test_what_is_there_already_is_neither_fetched_nor_given_back(
    folder: Path, store: ObjectStore
) -> None:
    write(machine(folder, "a"), 1)
    before, fetched = keys(store), store.fetched
    assert number(machine(folder, "a")) == 1
    with machine(folder, "a").exclusive():
        pass
    assert keys(store) == before
    assert [it for it in store.fetched if it not in fetched] == []
    assert {it for it in store.fetched[len(fetched) :] if "head.json" not in it} == set()


def test_a_copy_is_for_its_owner_alone(folder: Path) -> None:
    write(machine(folder, "a"), 1)
    copied = machine(folder, "b").path.parent
    assert stat.S_IMODE(copied.stat().st_mode) == 0o700
    for path in copied.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name


def test_who_waits_in_vain_is_told_who_has_it(folder: Path) -> None:
    ours, theirs = machine(folder, "a"), machine(folder, "b")
    with (
        ours.exclusive(),
        pytest.raises(
            WarehouseError, match=r"in use by run run-of-a on .*, since 2.*-lock-timeout"
        ),
        theirs.exclusive(),
    ):
        pytest.fail("two turns at once")
    with theirs.exclusive():
        pass


def test_what_the_head_says_of_who_has_it_moves_no_cursor(folder: Path, store: ObjectStore) -> None:
    write(machine(folder, "a"), 1)
    holder = {"id": "1", "run": "", "host": "\x1b[2J", "since": "now", "lease": 60}
    store.put(f"{PREFIX}head.json", json.dumps(head(store) | {"holder": holder}))
    with pytest.raises(WarehouseError, match=r"by a command on \\x1b\[2J, since"):
        write(machine(folder, "a"), 2)


def test_who_reads_does_not_wait(folder: Path) -> None:
    write(machine(folder, "a"), 1)
    with machine(folder, "a").exclusive():
        assert number(machine(folder, "b")) == 1


def test_who_has_it_says_so_also_while_a_statement_runs(folder: Path, store: ObjectStore) -> None:
    with machine(folder, "a", lease=0.3).exclusive():
        store.asked.clear()
        time.sleep(0.5)
        assert store.asked.count("PUT head.json") >= 2
    store.asked.clear()
    time.sleep(0.3)
    assert store.asked == []


def test_while_the_interpreter_ends_no_thread_is_needed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, store: ObjectStore
) -> None:
    def thread(**_: object) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    known = SimpleNamespace(Thread=thread, RLock=threading.RLock, Event=threading.Event)
    monkeypatch.setattr(turn, "threading", known)
    write(machine(folder, "a", lease=0.01), 1)
    # How far an upload is says so, too.
    assert store.asked.count("PUT head.json") >= 4


def test_after_a_kill_the_next_one_goes_on_from_what_was_given_back(
    folder: Path, store: ObjectStore
) -> None:
    write(machine(folder, "a"), 1)
    kill(machine(folder, "a", lease=GONE))
    left, later = (f"{it:08d}-0123456789ab-w.duckdb" for it in (2, 9))
    store.put(f"{PREFIX}{left}", b"half of it")
    store.client.create_multipart_upload(Bucket=BUCKET, Key=f"{PREFIX}{left}")
    for name in (later, "of-somebody-else.txt"):
        store.put(f"{PREFIX}{name}", b"not ours")
    write(machine(folder, "b"), 2)
    assert number(machine(folder, "a")) == 2
    assert left not in keys(store)
    assert {later, "of-somebody-else.txt"} < {*keys(store)}
    assert "Uploads" not in store.client.list_multipart_uploads(Bucket=BUCKET)


def test_a_lease_that_is_not_over_is_left(folder: Path) -> None:
    kill(machine(folder, "a"))
    with (
        pytest.raises(WarehouseError, match="in use by run run-of-a"),
        machine(folder, "b").write(),
    ):
        pytest.fail("its lease goes on")


def test_who_was_outdated_cannot_give_back(folder: Path) -> None:
    write(machine(folder, "a"), 1)
    outdated = machine(folder, "a", lease=GONE)

    def write_meanwhile() -> None:
        with outdated.exclusive():
            write(outdated, 666)
            write(machine(folder, "b"), 2)

    with pytest.raises(WarehouseError, match=r"was taken by somebody else.*Run again"):
        write_meanwhile()
    assert number(machine(folder, "b")) == 2
    assert number(machine(folder, "a")) == 2
    write(machine(folder, "a"), 3)
    assert number(machine(folder, "b")) == 3


def test_a_run_that_was_outdated_learns_it_with_its_next_task(folder: Path) -> None:
    write(machine(folder, "a"), 1)
    outdated = machine(folder, "a", lease=GONE)

    def work_on() -> None:
        with outdated.exclusive(lambda: True):
            write(outdated, 666)
            write(machine(folder, "b"), 2)
            # Until the thread has told it.
            time.sleep(0.2)

    with pytest.raises(WarehouseError, match="was taken by somebody else"):
        work_on()


def test_what_a_killed_run_has_made_is_gone_on_with_here_unless_others_were_there(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(machine(folder, "a"), 1)
    ours = machine(folder, "a", lease=GONE)
    kill(ours, lambda: write(ours, 2))
    assert number(machine(folder, "b")) == 1
    with machine(folder, "a").exclusive():
        pass
    assert number(machine(folder, "b")) == 2
    kill(ours, lambda: write(ours, 3))
    write(machine(folder, "b"), 4)
    assert number(machine(folder, "a")) == 4
    assert "not given back is dropped" in caplog.text


def test_a_run_gives_back_between_two_tasks_where_it_takes_long(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = machine(folder, "a")
    with made.exclusive(lambda: True):
        write(made, 1)
    assert machine(folder, "b").exists() is False
    monkeypatch.setattr(turn, "OFTEN", 0.0)
    with made.exclusive(lambda: True):
        write(made, 2)
    assert number(machine(folder, "b")) == 2


@pytest.mark.parametrize("lost", [1, 3, 4], ids=["taken", "given back", "let go"])
def test_an_answer_that_is_lost_is_told_from_a_refusal(
    folder: Path, store: ObjectStore, lost: int
) -> None:
    made = machine(folder, "a")
    put = storage.Storage.swap
    swaps = 0

    def swap(self: storage.Storage, content: bytes, before: str | None) -> str:
        nonlocal swaps
        swaps += 1
        if swaps == lost:
            store.unanswered.append("PUT head.json")
        return put(self, content, before)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(storage.Storage, "swap", swap)
        write(made, 1)
    assert (swaps, store.unanswered) == (4, [])
    assert head(store)["holder"] is None
    assert number(machine(folder, "b")) == 1


def test_throttling_is_waited_out(folder: Path, store: ObjectStore) -> None:
    write(machine(folder, "a"), 1)
    store.faults += [Fault("503 Slow Down", "SlowDown"), None]
    assert number(machine(folder, "b")) == 1


@pytest.mark.parametrize("keeps_versions", [False, True])
def test_nothing_of_what_was_there_before_stays(
    folder: Path, store: ObjectStore, *, keeps_versions: bool
) -> None:
    if keeps_versions:
        store.client.put_bucket_versioning(
            Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"}
        )
    for it in (1, 2, 3):
        write(machine(folder, "a"), it)
    found = store.client.list_object_versions(Bucket=BUCKET, Prefix=PREFIX)["Versions"]
    assert len([it for it in found if it["Key"].endswith(".duckdb")]) == 1
    assert number(machine(folder, "b")) == 3


def test_what_the_next_run_needs_goes_with_it(folder: Path, store: ObjectStore) -> None:
    made = machine(folder, "a")
    with made.exclusive():
        beside = made.path.parent
        for name in ("w.extracts/members/1.parquet", "erasures/erasure-1.json"):
            (beside / name).parent.mkdir(parents=True)
            (beside / name).write_text(name)
        for file in (list_file(made.path), job_file(made.path)):
            file.write_text(file.name)
        (beside / "w.extracts/.aside").mkdir()
        (beside / "w.extracts/.aside/1.parquet").write_text("of a reading that goes on")
        (beside / "notes.txt").write_text("of somebody")
    assert {*files(store)} == {".w.erasing.json", "1.parquet", "erasure-1.json", "w.erased.json"}
    copied = machine(folder, "b").path.parent
    assert (copied / "w.extracts/members/1.parquet").read_text() == "w.extracts/members/1.parquet"
    with machine(folder, "b").exclusive():
        job_file(copied / "w.duckdb").unlink()
    machine(folder, "a")
    assert not job_file(made.path).exists()
    assert (beside / "notes.txt").exists()


def test_a_copy_stays_as_it_was_until_what_is_newer_is_here(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(*_: object) -> None:
        raise WarehouseError("no answer")

    write(machine(folder, "a"), 1)
    before = machine(folder, "b").path.read_bytes()
    write(machine(folder, "a"), 2)
    with monkeypatch.context() as patch:
        patch.setattr(storage.Storage, "fetch", fetch)
        with pytest.raises(WarehouseError, match="no answer"):
            machine(folder, "b")
    assert (folder / "b/copy/w.duckdb").read_bytes() == before
    assert number(machine(folder, "b")) == 2


def test_who_comes_while_the_first_copy_is_fetched_waits_until_there_is_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch = Storage.fetch

    def slowly(
        made: Storage, stored: Stored, into: IO[bytes], on_progress: Callable[[int], None]
    ) -> None:
        time.sleep(0.5)
        fetch(made, stored, into, on_progress)

    def found(_: int) -> bool:
        return machine(folder, "b", patience=60).exists()

    write(machine(folder, "a"), 1)
    monkeypatch.setattr(Storage, "fetch", slowly)
    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(found, range(2))) == [True, True]


def test_who_waits_for_the_first_copy_in_vain_is_told(folder: Path) -> None:
    write(machine(folder, "a"), 1)
    copy = folder / "b/copy/w.duckdb"
    with (
        acquire_write_lock(copy, 0),
        pytest.raises(WarehouseError, match="being fetched by another process"),
    ):
        machine(folder, "b")


def test_where_the_bucket_was_emptied_no_copy_comes_back(folder: Path, store: ObjectStore) -> None:
    write(machine(folder, "a"), 1)
    for key in keys(store):
        store.delete(f"{PREFIX}{key}")
    assert not machine(folder, "a").exists()


def test_a_warehouse_begins_with_what_somebody_puts_where_its_copy_is(folder: Path) -> None:
    ours = settings_in(folder / "before")
    write(warehouse_of(ours), 7)
    session.close()
    made = machine(folder, "a", name="other.duckdb")
    shutil.copy(ours.warehouse, made.path)
    with made.exclusive():
        pass
    assert number(machine(folder, "b", name="other.duckdb")) == 7


def test_a_copy_that_was_begun_is_no_beginning(
    folder: Path, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(machine(folder, "a"), 1)
    with monkeypatch.context() as patch:
        patch.setattr(LocalCopy, "note", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        kill(machine(folder, "a", lease=GONE), lambda: machine(folder, "b"))
    assert (folder / "b/copy/w.duckdb").exists()
    for key in keys(store):
        store.delete(f"{PREFIX}{key}")
    assert not machine(folder, "b").exists()


def test_what_is_no_head_of_ours_stays_as_it_is(folder: Path, store: ObjectStore) -> None:
    holder = {"id": "1", "run": "2", "host": "a", "since": "now", "lease": "long"}
    ours = {"of": "benepass-tasks warehouse", "turn": 1, "files": {}, "holder": holder}
    for content in (b"", b"[]", b'{"of": "something"}', json.dumps(ours).encode()):
        store.put(f"{PREFIX}head.json", content)
        with pytest.raises(WarehouseError, match="not what benepass-tasks wrote"):
            write(machine(folder, "a"), 1)
        answer = store.client.get_object(Bucket=BUCKET, Key=f"{PREFIX}head.json")
        assert answer["Body"].read() == content
    assert keys(store) == ["head.json"]


@pytest.mark.parametrize("name", ["../w.duckdb", "/etc/w", "w.extracts/../../w", "notes.txt", ""])
def test_no_head_makes_files_elsewhere(folder: Path, store: ObjectStore, name: str) -> None:
    write(machine(folder, "a"), 1)
    said = head(store)
    said["files"] = {name: said["files"]["w.duckdb"]}  # type: ignore[index]
    store.put(f"{PREFIX}head.json", json.dumps(said))
    before = {*folder.rglob("*")}
    with pytest.raises(WarehouseError, match="which is no file of a warehouse"):
        machine(folder, "b")
    made = {it.name for it in {*folder.rglob("*")} - before if it.is_file()}
    assert made == {"w.duckdb.lock", "w.duckdb.queue"}


@pytest.mark.parametrize("content", [None, b"another one"])
def test_an_object_that_is_not_as_it_was_written_is_damage(
    folder: Path, store: ObjectStore, content: bytes | None
) -> None:
    write(machine(folder, "a"), 1)
    (key,) = [it for it in keys(store) if it != "head.json"]
    store.delete(f"{PREFIX}{key}")
    if content is not None:
        store.put(f"{PREFIX}{key}", content)
    for ask in (lambda: machine(folder, "b"), lambda: write(machine(folder, "c"), 1)):
        with pytest.raises(WarehouseError, match="is damaged"):
            ask()


def test_a_file_that_is_no_warehouse_is_not_written_over(folder: Path, store: ObjectStore) -> None:
    made = machine(folder, "a")
    with made.exclusive():
        made.path.write_bytes(b"no database" * 1_000)
    before = keys(store)
    with pytest.raises(WarehouseError, match="cannot be opened"):
        write(machine(folder, "b"), 1)
    assert keys(store) == before


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault("403 Forbidden", "AccessDenied"), "access is denied"),
        (Fault("404 Not Found", "NoSuchBucket"), "there is no such bucket"),
        (Fault("501 Not Implemented", "NotImplemented"), "cannot write on a condition"),
        (Fault("400 Bad Request", "Odd"), "it answers Odd"),
    ],
)
def test_a_refusal_is_told_without_a_secret(
    folder: Path, store: ObjectStore, fault: Fault, said: str
) -> None:
    store.faults += [fault] * 2
    with pytest.raises(WarehouseError, match=f"{ADDRESS} cannot be used: .*{said}") as refused:
        machine(folder, "a")
    assert SECRET not in str(refused.value)


def test_a_storage_that_does_not_answer_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    with pytest.raises(WarehouseError, match="no answer"):
        machine(folder, "a")


def test_what_reads_object_storage_has_to_be_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "boto3.exceptions", None)
    with pytest.raises(WarehouseError, match=r"pip install 'benepass-tasks\[s3\]'"):
        machine(tmp_path, "a")


@pytest.mark.parametrize(
    "address",
    [
        "s3://bucket",
        "s3://bucket/",
        "s3://b/w",
        "s3://key:secret@bucket/w",
        "s3://bucket/a b",
        "s3://bucket//w",
    ],
)
def test_an_address_names_bucket_and_key(tmp_path: Path, address: str) -> None:
    with pytest.raises(
        ProjectError, match=r"such as s3://bucket/prod/warehouse\.duckdb"
    ) as refused:
        read_shared_warehouse(address, tmp_path, 60)
    assert "secret" not in str(refused.value)


def test_a_lease_is_long_enough_to_be_renewed(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="--benepass-warehouse-lease is 1; it must be 3 seconds"):
        read_shared_warehouse(ADDRESS, tmp_path, 1)


@pytest.fixture(params=["moto", "seaweed"])
def any_storage(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Storage]:
    """What is below an address of each kind of server."""
    place = SharedWarehouse(ADDRESS, tmp_path / "w.duckdb", 60)
    if request.param == "moto":
        with object_store(monkeypatch):
            yield Storage(place)
        return
    program("weed")
    found = laptop.storage(tmp_path)
    for name, value in found.variables.items():
        monkeypatch.setenv(name, value)
    with laptop.running(found.server, tmp_path) as process:
        laptop.wait_for(found.server, process, tmp_path)
        found.client().create_bucket(Bucket=BUCKET)
        yield Storage(place)


def test_of_all_who_write_at_once_one_has_written(any_storage: Storage) -> None:
    before = None
    for turns in range(3):
        said = [f"{turns}-{it}" for it in range(8)]
        with ThreadPoolExecutor(8) as threads:
            written = list(threads.map(partial(attempt, any_storage, before), said))
        (etag,) = filter(None, written)
        found = any_storage.head()
        assert found
        assert (found.etag, found.content) == (etag, said[written.index(etag)].encode())
        assert 0 <= found.age < 10
        before = etag


def attempt(in_storage: Storage, before: str | None, content: str) -> str | None:
    try:
        return in_storage.swap(content.encode(), before)
    except OutdatedError:
        return None
