"""Tables of Iceberg in object storage, in each kind of catalog: SQL, Glue, and REST."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import laptop
import pyarrow as pa
import pytest
from audiences import NAMED, Publishing
from deployed import program
from examples import at_night
from lakes import Lake, configure, opened
from object_store import BUCKET, ObjectStore, object_store
from postgres import postgres
from pyiceberg import exceptions
from sqlalchemy.exc import OperationalError

from benepass_tasks.config.errors import PublicationError
from benepass_tasks.publish import iceberg
from benepass_tasks.publish.targets import targets_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

SPEND = "for_staff.spend"
STAFF = {"staff": NAMED | {"iceberg": {"catalog": "lake", "namespace": "for_staff"}}}
KINDS = ("sql", "glue", "rest")


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    with object_store(monkeypatch) as made:
        yield made


@pytest.fixture(scope="module")
def postgres_address() -> Iterator[str]:
    with postgres() as address:
        yield address


@pytest.fixture(scope="module")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[laptop.Storage]:
    """A catalog that speaks REST, with the storage of its tables."""
    program("weed")
    folder = tmp_path_factory.mktemp("seaweed")
    found = laptop.storage(folder)
    with laptop.running(found.server, folder) as process:
        laptop.wait_for(found.server, process, folder)
        yield found


@pytest.fixture
def objects(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], list[str]]:
    """Configures a catalog of a kind; what asks for the objects that are in its storage."""
    kind = getattr(request, "param", "sql")
    if kind == "rest":
        seaweed: laptop.Storage = request.getfixturevalue("seaweed")
        for name, value in seaweed.variables.items():
            monkeypatch.setenv(name, value)
        return partial(keys, seaweed.client(), laptop.TABLES)
    store: ObjectStore = request.getfixturevalue("store")
    configure(
        monkeypatch,
        warehouse=f"s3://{BUCKET}/lake",
        s3__endpoint=store.client.meta.endpoint_url,
        s3__region="us-east-1",
    )
    if kind == "glue":
        endpoint = store.client.meta.endpoint_url
        configure(monkeypatch, type="glue", glue__endpoint=endpoint, glue__region="us-east-1")
    else:
        address: str = request.getfixturevalue("postgres_address")
        configure(monkeypatch, uri=address.replace("postgresql:", "postgresql+psycopg:"))
    return partial(keys, store.client, BUCKET)


@pytest.fixture
def lake(objects: Callable[[], list[str]]) -> Iterator[Lake]:  # noqa: ARG001 - it is configured
    for made in opened():
        yield made
        if made.catalog.namespace_exists("for_staff"):
            for name in made.catalog.list_tables("for_staff"):
                made.catalog.drop_table(name)


def keys(client: Any, bucket: str) -> list[str]:  # noqa: ANN401 - boto3's
    found = client.list_objects_v2(Bucket=bucket).get("Contents", [])
    # pyarrow leaves an object without bytes where the last one of a folder went.
    return [it["Key"] for it in found if not it["Key"].endswith("/")]


@pytest.mark.parametrize("objects", KINDS, indirect=True)
def test_versions_come_and_expire_with_their_objects(
    tmp_path: Path, lake: Lake, objects: Callable[[], list[str]]
) -> None:
    made = Publishing(tmp_path, STAFF, {"keep_snapshots": 2})
    for amount in ("1.00", "2.00", "3.00"):
        made.rows = made.rows | {"spend": [("E1", amount, amount)]}
        made.fill()
        made.publish()
    assert [it["shop"] for it in lake.rows(SPEND)] == ["3.00"]
    parquet = [it for it in objects() if "spend" in it and it.endswith(".parquet")]
    assert len(parquet) == len(lake.snapshots(SPEND)) == 2
    (target,) = targets_of(made.publications.values())
    assert any(b"ann@example.com" in text for _, text in target.texts())
    target.forget_past()
    assert len(lake.snapshots(SPEND)) == 1
    target.drop()
    assert objects() == []


@pytest.mark.parametrize("objects", ["sql", *at_night("glue", "rest")], indirect=True)
def test_of_two_writers_the_later_one_stops(
    tmp_path: Path, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots = [tmp_path / "one", tmp_path / "other"]
    for it in roots:
        it.mkdir()
    one, other = (Publishing(it, STAFF) for it in roots)
    one.publish()
    other.rows = other.rows | {"spend": [("E9", "9.00", "theirs")]}
    other.fill()
    commit = iceberg.Lake.commit

    def overtaken(it: iceberg.Lake) -> Mapping[str, str]:
        monkeypatch.setattr(iceberg.Lake, "commit", commit)
        thread = threading.Thread(target=other.publish)
        thread.start()
        thread.join()
        return commit(it)

    one.rows = one.rows | {"spend": [("E1", "1.00", "ours")]}
    one.fill()
    monkeypatch.setattr(iceberg.Lake, "commit", overtaken)
    with pytest.raises(PublicationError, match="somebody else has written"):
        one.publish()
    assert [it["shop"] for it in lake.rows(SPEND)] == ["theirs"]
    one.publish()
    assert [it["shop"] for it in lake.rows(SPEND)] == ["ours"]


@pytest.mark.parametrize("objects", ["rest", *at_night("sql", "glue")], indirect=True)
def test_what_somebody_else_has_done_to_a_table_is_seen_and_undone(
    tmp_path: Path, lake: Lake, objects: Callable[[], list[str]]
) -> None:
    made = Publishing(tmp_path, STAFF)
    made.publish()
    (target,) = targets_of(made.publications.values())
    early, rows, before = lake.table(SPEND), lake.rows(SPEND), target.states()
    theirs = pa.table({"id": ["X1"], "shop": ["theirs"]})
    early.append(theirs)
    table = lake.table(SPEND)
    table.maintenance.expire_snapshots().by_id(table.metadata.snapshots[0].snapshot_id).commit()
    assert target.states() != before
    made.publish()
    assert lake.rows(SPEND) == rows
    with pytest.raises((exceptions.CommitFailedException, FileNotFoundError)):
        early.append(theirs)
    target.forget_past()
    assert len(lake.snapshots(SPEND)) == 1
    assert sum("spend" in it and it.endswith(".parquet") for it in objects()) == 1


LOST = {
    "sql": OperationalError("commit", {}, ConnectionError()),
    "rest": exceptions.CommitStateUnknownException("504 Gateway Timeout"),
}


@pytest.mark.nightly
@pytest.mark.parametrize(("objects", "lost"), LOST.items(), indirect=["objects"], ids=[*LOST])
def test_a_commit_whose_answer_is_lost_is_found_done_by_the_next_run(
    tmp_path: Path, lake: Lake, lost: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Publishing(tmp_path, STAFF)
    made.publish()
    made.rows = made.rows | {"spend": [("E1", "3.00", "Gym")]}
    made.fill()
    catalog = type(lake.catalog)
    commit = catalog.commit_table

    def unanswered(*told: Any) -> Any:  # noqa: ANN401 - pyiceberg's
        commit(*told)
        raise lost

    with monkeypatch.context() as patched:
        patched.setattr(catalog, "commit_table", unanswered)
        with pytest.raises(PublicationError):
            made.publish()
    _is_done_once(made, lake)


@pytest.mark.parametrize("objects", ["glue"], indirect=True)
def test_glue_is_not_asked_again_to_commit(tmp_path: Path, lake: Lake, store: ObjectStore) -> None:
    """It would refuse what it has done already, and pyiceberg remove the files of that."""
    made = Publishing(tmp_path, STAFF)
    made.publish()
    made.rows = made.rows | {"spend": [("E1", "3.00", "Gym")]}
    made.fill()
    store.unanswered = ["AWSGlue.UpdateTable"]
    with pytest.raises(PublicationError, match="500"):
        made.publish()
    _is_done_once(made, lake)


def _is_done_once(made: Publishing, lake: Lake) -> None:
    for _ in range(2):
        assert [it["shop"] for it in lake.rows(SPEND)] == ["Gym"]
        assert len(lake.snapshots(SPEND)) == 2
        made.publish()


NOWHERE = "http://127.0.0.1:1"
BROKEN = {
    "sql": {"uri": "postgresql+psycopg://127.0.0.1:1/lake"},
    "glue": {"glue__endpoint": NOWHERE, "glue__max_retries": "9"},
    "rest": {"uri": NOWHERE},
    "rest that refuses": {"client__access_key_id": "nobody"},
    "glue without credentials": {"glue__profile_name": "nobody"},
}
"""Catalogs that do not answer, or that refuse."""


@pytest.mark.parametrize(
    ("objects", "broken"),
    [(kind.partition(" ")[0], it) for kind, it in BROKEN.items()],
    indirect=["objects"],
    ids=list(BROKEN),
)
def test_a_catalog_that_cannot_be_used_is_told_and_its_tables_stay(
    tmp_path: Path, lake: Lake, broken: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Publishing(tmp_path, STAFF)
    made.publish()
    (target,) = targets_of(made.publications.values())
    made.rows = made.rows | {"spend": []}
    made.fill()
    with monkeypatch.context() as patched:
        configure(patched, **broken)
        assert target.states() is None
        with pytest.raises(PublicationError, match="was published before is still there"):
            made.publish()
    assert len(lake.rows(SPEND)) == 2


def test_storage_that_is_gone_leaves_the_tables_as_they_were(
    tmp_path: Path, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Publishing(tmp_path, STAFF)
    made.publish()
    made.rows = made.rows | {"spend": []}
    made.fill()
    with monkeypatch.context() as patched:
        configure(patched, s3__endpoint="http://127.0.0.1:1", s3__connect_timeout="1")
        with pytest.raises(PublicationError, match="was published before is still there"):
            made.publish()
    assert len(lake.rows(SPEND)) == 2
