"""Parquet files in a bucket: all tables are as one manifest has them, or as the next one does."""

from __future__ import annotations

import io
import json
from itertools import chain
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from audiences import NAMED, VISITS, Publishing, visits
from object_store import BUCKET, ObjectStore, object_store

from benepass_tasks.config.errors import PublicationError
from benepass_tasks.publish import pieces
from benepass_tasks.publish.bucket import Prefix, _Storage
from benepass_tasks.publish.targets import Target, targets_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

ADDRESS = f"s3://{BUCKET}/out/staff"
STAFF = {"staff": NAMED | {"bucket": ADDRESS}}


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    with object_store(monkeypatch) as made:
        yield made


@pytest.fixture
def made(tmp_path: Path, store: ObjectStore) -> Publishing:
    assert store.client
    return Publishing(tmp_path, STAFF)


def keys(store: ObjectStore) -> list[str]:
    found = store.client.list_objects_v2(Bucket=BUCKET, Prefix="out/").get("Contents", [])
    return sorted(it["Key"].removeprefix("out/staff/") for it in found)


def read(store: ObjectStore, name: str) -> bytes:
    answer = store.client.get_object(Bucket=BUCKET, Key=f"out/staff/{name}")
    return bytes(answer["Body"].read())


def manifest(store: ObjectStore) -> Any:  # noqa: ANN401 - JSON
    return json.loads(read(store, "manifest.json"))


def rows(store: ObjectStore, table: str) -> list[dict[str, Any]]:
    """The rows of a table, as who reads the manifest finds them."""
    named = [it["file"] for it in manifest(store)["tables"] if it["table"] == f"marts.{table}"]
    found = [pq.read_table(io.BytesIO(read(store, file))).to_pylist() for file in named]
    return sorted(chain.from_iterable(found), key=str)


def target(made: Publishing) -> Target:
    (found,) = targets_of(made.publications.values())
    return found


def spend(made: Publishing, *amounts: str) -> None:
    made.rows = made.rows | {"spend": [("E1", it, it) for it in amounts]}
    made.fill()


def test_a_manifest_names_the_files_of_all_tables(made: Publishing, store: ObjectStore) -> None:
    made.publish()
    said = manifest(store)
    assert (said["of"], said["audience"]) == ("benepass-tasks", "staff")
    assert [it["rows"] for it in said["tables"]] == [3, 2]
    assert [it["name"] for it in rows(store, "people")] == ["Ann", "Zo\u00eb\n\\.", None]
    assert len(keys(store)) == 3


def test_only_what_has_changed_is_written_and_what_was_named_before_stays_for_a_while(
    made: Publishing, store: ObjectStore
) -> None:
    made.publish()
    first = {it["table"]: it for it in manifest(store)["tables"]}
    spend(made, "1.00")
    made.publish()
    second = {it["table"]: it for it in manifest(store)["tables"]}
    assert second["marts.people"] == first["marts.people"]
    assert {first["marts.spend"]["file"], second["marts.spend"]["file"]} < {*keys(store)}
    spend(made, "2.00")
    made.publish()
    assert first["marts.spend"]["file"] not in keys(store)
    assert len(keys(store)) == 4
    target(made).forget_past()
    assert len(keys(store)) == 3
    assert [it["shop"] for it in rows(store, "spend")] == ["2.00"]


def test_of_a_large_table_only_the_months_that_changed_are_written(
    tmp_path: Path, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "LARGE", 3)
    rows_before = visits("2025-12-31 23:59:59+00", "2026-01-01 00:00:00+00", None)
    months = {"visits": "at"}
    made = Publishing(tmp_path, STAFF, columns=VISITS, rows=rows_before, months=months)
    made.publish()
    before = {it["month"]: it for it in manifest(store)["tables"]}
    assert [before[it]["rows"] for it in ("2025-12", "2026-01", "no-month")] == [1, 1, 1]
    assert len(rows(store, "visits")) == 3
    made.rows = visits("2025-12-31 23:59:59+00", "2026-01-02 00:00:00+00", None)
    made.fill()
    made.publish()
    after = {it["month"]: it for it in manifest(store)["tables"]}
    assert {it for it in after if after[it] != before[it]} == {"2026-01"}
    # Who reads it by months goes on doing so, though there are few rows by now.
    made.rows = visits(None, "2026-02-01 00:00:00+00")
    made.fill()
    made.publish()
    assert [it["month"] for it in manifest(store)["tables"]] == ["2026-02", "no-month"]
    assert [it["id"] for it in rows(store, "visits")] == ["V0", "V1"]
    made.rows = visits()
    made.fill()
    made.publish()
    assert [it["rows"] for it in manifest(store)["tables"]] == [0]


@pytest.mark.parametrize("name", ["manifest.json", "marts.spend"])
def test_what_somebody_writes_is_noticed_and_written_over(
    made: Publishing, store: ObjectStore, name: str
) -> None:
    made.publish()
    before = target(made).states()
    (key,) = [it for it in keys(store) if it.startswith(name)]
    store.put(f"out/staff/{key}", read(store, key) + b" ")
    assert target(made).states() != before
    made.publish()
    assert {it["shop"] for it in rows(store, "spend")} == {"Gym", None}
    assert not read(store, key).endswith(b" ")


def test_a_run_that_ends_before_the_manifest_leaves_all_as_it_was(
    made: Publishing, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.publish()
    before = manifest(store)

    def killed(_: Prefix) -> Mapping[str, str]:
        raise KeyboardInterrupt

    spend(made, "1.00")
    with monkeypatch.context() as patched:
        patched.setattr(Prefix, "commit", killed)
        with pytest.raises(KeyboardInterrupt):
            made.publish()
    assert manifest(store) == before
    assert len(rows(store, "spend")) == 2
    made.publish()
    assert [it["shop"] for it in rows(store, "spend")] == ["1.00"]


def test_of_two_writers_the_later_one_stops(
    made: Publishing, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.publish()
    write = _Storage.put_manifest

    def overtaken(it: _Storage, written: bytes, before: str | None) -> str:
        store.put("out/staff/manifest.json", read(store, "manifest.json") + b" ")
        return write(it, written, before)

    spend(made, "1.00")
    with monkeypatch.context() as patched:
        patched.setattr(_Storage, "put_manifest", overtaken)
        with pytest.raises(PublicationError, match="somebody else has written there meanwhile"):
            made.publish()
    assert len(rows(store, "spend")) == 2


def test_who_is_shown_less_finds_nothing_of_before(
    made: Publishing, store: ObjectStore, tmp_path: Path
) -> None:
    made.publish()
    made.audiences = {"staff": {"bucket": ADDRESS}}
    made.publish()
    assert len(keys(store)) == 3
    assert "name" not in rows(store, "people")[0]
    assert not any(b"Ann" in text for _, text in target(made).texts())
    assert tmp_path.exists()


def test_what_is_of_another_audience_or_environment_is_left_alone(
    made: Publishing, store: ObjectStore
) -> None:
    made.publish()
    before = keys(store)
    made.audiences = {"finance": {"bucket": ADDRESS}}
    with pytest.raises(PublicationError, match="is there and is not that of this audience"):
        made.publish()
    store.put("out/staff/notes.txt", "of somebody else")
    target(made).drop()
    assert keys(store) == ["notes.txt"]
    assert before


def test_a_storage_that_is_gone_stops_what_is_published(
    made: Publishing, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.publish()
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert target(made).states() is None
    with pytest.raises(PublicationError, match=r"no answer \(EndpointConnectionError\)") as error:
        made.publish()
    assert "was published before is still there" in str(error.value)
