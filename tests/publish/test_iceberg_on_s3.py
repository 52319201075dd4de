"""Tables of Iceberg in object storage, in a catalog in Postgres."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from audiences import NAMED, Publishing
from lakes import Lake, configure, opened
from object_store import BUCKET, ObjectStore, object_store
from postgres import postgres

from benepass_tasks.config.errors import PublicationError
from benepass_tasks.publish import iceberg
from benepass_tasks.publish.targets import targets_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SPEND = "for_staff.spend"
STAFF = {"staff": NAMED | {"iceberg": {"catalog": "lake", "namespace": "for_staff"}}}


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    with object_store(monkeypatch) as made:
        yield made


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres() as address:
        yield address


@pytest.fixture
def lake(store: ObjectStore, server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    configure(
        monkeypatch,
        uri=server.replace("postgresql:", "postgresql+psycopg:"),
        warehouse=f"s3://{BUCKET}/lake",
        s3__endpoint=store.client.meta.endpoint_url,
        s3__region="us-east-1",
    )
    for made in opened():
        yield made
        for name in made.catalog.list_tables("for_staff"):
            made.catalog.drop_table(name)


def keys(store: ObjectStore) -> list[str]:
    found = store.client.list_objects_v2(Bucket=BUCKET, Prefix="lake/").get("Contents", [])
    # pyarrow leaves an object without bytes where the last one of a folder went.
    return [it["Key"] for it in found if not it["Key"].endswith("/")]


def test_versions_come_and_expire_with_their_objects(
    tmp_path: Path, lake: Lake, store: ObjectStore
) -> None:
    made = Publishing(tmp_path, STAFF, {"keep_snapshots": 2})
    for amount in ("1.00", "2.00", "3.00"):
        made.rows = made.rows | {"spend": [("E1", amount, amount)]}
        made.fill()
        made.publish()
    assert [it["shop"] for it in lake.rows(SPEND)] == ["3.00"]
    parquet = [it for it in keys(store) if "spend" in it and it.endswith(".parquet")]
    assert len(parquet) == len(lake.snapshots(SPEND)) == 2
    (target,) = targets_of(made.publications.values())
    assert any(b"ann@example.com" in text for _, text in target.texts())
    target.forget_past()
    assert len(lake.snapshots(SPEND)) == 1
    target.drop()
    assert keys(store) == []


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
