"""Files in a bucket: listed once in every run, fetched once, and loaded as those of a folder."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest
from object_store import BUCKET, SECRET, Fault, ObjectStore, object_store
from workspace import TRANSACTIONS

from benepass_tasks.cli import main
from benepass_tasks.config.settings import current_settings
from benepass_tasks.ingestion.extracts import objects
from benepass_tasks.pipeline.trial import Draft, try_load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workspace import Workspace

RAW = "raw.transactions"
FIRST = f"s3://{BUCKET}/in/transactions_1.csv.gz"
SECOND = f"s3://{BUCKET}/in/transactions_2.csv.gz"
READ = "extract/transactions"


def packed(*records: str) -> bytes:
    header, *found = TRANSACTIONS.splitlines()
    chosen = [it for it in found if it.partition(",")[0] in records]
    return gzip.compress("\n".join([header, *chosen, ""]).encode(), mtime=0)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    monkeypatch.setattr(objects, "ATTEMPTS", 2)
    with object_store(monkeypatch) as made:
        made.put("in/transactions_1.csv.gz", packed("T1", "T2", "T3"))
        made.put("in/transactions_2.csv.gz", packed("T4", "T5"))
        yield made


@pytest.fixture
def project(workspace: Workspace, store: ObjectStore) -> Workspace:  # noqa: ARG001 - it is read
    in_bucket(workspace)
    return workspace


def in_bucket(project: Workspace) -> None:
    project.replace(
        "catalog.yaml",
        "filepath: data/transactions*.csv",
        f"filepath: s3://{BUCKET}/in/transactions*.csv.gz",
    )
    (project.data / "transactions.csv").unlink()


def loads(project: Workspace) -> list[tuple[object, ...]]:
    return project.query(
        "select file, records from meta.loads where source = 'transactions' order by file"
    )


@pytest.mark.nightly
def test_files_of_a_bucket_make_the_same_marts_as_those_of_a_folder(
    workspace: Workspace, store: ObjectStore
) -> None:
    spend = "select transaction_id, amount, refund_of from marts.fact_transactions order by 1"
    workspace.run()
    from_folder = workspace.query(spend)
    in_bucket(workspace)
    workspace.run()
    assert workspace.query(spend) == from_folder
    assert loads(workspace) == [(FIRST, 3), (SECOND, 2)]
    assert workspace.query(
        f"select transaction_id, _source_file, _row_number from {RAW} where transaction_id = 'T4'"
    ) == [("T4", SECOND, 1)]
    # Whatever is listed again, nothing is fetched or built of the same objects.
    assert workspace.run() == {READ}
    assert (len(store.fetched), store.listings) == (2, 2)


def test_a_new_and_a_changed_object_are_loaded_and_the_others_are_not(
    project: Workspace, store: ObjectStore
) -> None:
    project.run(RAW)
    store.put("in/transactions_2.csv.gz", packed("T4"))
    store.put("in/transactions_3.csv.gz", packed("T5"))
    third = FIRST.replace("_1", "_3")
    made = project.run(RAW, accept="transactions")
    assert made == {READ, RAW, f"transactions/{SECOND}", f"transactions/{third}"}
    assert loads(project) == [(FIRST, 3), (SECOND, 1), (third, 1)]


def test_an_object_that_is_gone_is_an_error_until_it_is_forgotten(
    project: Workspace, store: ObjectStore, caplog: pytest.LogCaptureFixture
) -> None:
    where = ["--benepass-project-dir", str(project.root)]
    project.run(RAW)
    assert main([*where, "source", "forget", SECOND, "--yes"]) == 1
    store.delete("in/transactions_2.csv.gz")
    assert not project.attempt(RAW)[1]
    assert f"now there is no object {SECOND}; its 2 rows stay" in caplog.text
    assert project.query(f"select count(*) from {RAW}") == [(5,)]
    assert main([*where, "source", "forget", SECOND, "--yes"]) == 0
    project.run(RAW)
    assert loads(project) == [(FIRST, 3)]


def test_a_storage_that_is_down_keeps_what_there_is(
    project: Workspace, store: ObjectStore, caplog: pytest.LogCaptureFixture
) -> None:
    project.run(RAW)
    store.faults = [Fault("503 Slow Down", "SlowDown")] * 2
    made, succeeded = project.attempt(RAW)
    assert (made, succeeded) == (set(), False)
    assert "SlowDown, after 2 attempts too. Nothing counts as gone" in caplog.text
    assert SECRET not in caplog.text
    assert project.query(f"select count(*) from {RAW}") == [(5,)]
    assert project.run(RAW, extract="false") == set()


@pytest.mark.nightly
def test_an_object_that_is_broken_does_not_keep_the_others_out(
    project: Workspace, store: ObjectStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.put("in/transactions_1.csv.gz", b"no gzip")
    made, succeeded = project.attempt(RAW)
    assert not succeeded
    assert f"transactions/{SECOND}" in made
    assert f"{FIRST} is not compressed by gzip" in caplog.text
    assert project.query(
        "select node from meta.materializations where outcome = 'failed' and node like '%s3:%'"
    ) == [(f"transactions/{FIRST}",)]


def test_a_bucket_without_such_a_file_is_told(
    project: Workspace, store: ObjectStore, caplog: pytest.LogCaptureFixture
) -> None:
    for it in (FIRST, SECOND):
        store.delete(it.partition(f"{BUCKET}/")[2])
    assert not project.attempt(RAW)[1]
    assert f"there is no object s3://{BUCKET}/in/transactions*.csv.gz; put it there" in caplog.text


@pytest.mark.nightly
def test_a_trial_goes_by_what_was_fetched_and_asks_nobody(
    project: Workspace, store: ObjectStore
) -> None:
    catalog = (project.root / "catalog.yaml").read_text(encoding="utf-8")

    def tried() -> int:
        with project.configured():
            found = try_load(current_settings(), Draft(catalog, {}, {}))
        return found["transactions"].figures.records

    assert tried() == 0
    project.run(RAW)
    assert tried() == 5
    assert store.listings == 1


def test_where_the_credentials_are_is_nowhere_written_down(
    project: Workspace, store: ObjectStore
) -> None:
    assert store.client
    project.run(RAW)
    written = [it for it in project.root.rglob("*") if it.is_file()]
    assert [it for it in written if SECRET.encode() in it.read_bytes()] == []
