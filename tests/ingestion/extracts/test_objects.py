"""The files of a bucket: which are fetched, and that nothing looks gone that is not."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
from object_store import BUCKET, SECRET, Fault, ObjectStore, object_store

from benepass_tasks.config.errors import SourceError
from benepass_tasks.ingestion.extracts import objects
from benepass_tasks.state.object_copies import ObjectCopies, copy_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from extracting import Reading

PATH = f"s3://{BUCKET}/in/cards*.csv"
SLOW = Fault("503 Slow Down", "SlowDown")


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    monkeypatch.setattr(objects, "ATTEMPTS", 2)
    monkeypatch.setattr(objects, "PAUSE", 0.001)
    with object_store(monkeypatch) as made:
        made.put("in/cards_1.csv", "id\n1\n")
        yield made


@pytest.fixture
def cards(reading: Reading) -> Reading:
    reading.declare(
        ["id"],
        "cards",
        type="pandas.CSVDataset",
        filepath=PATH,
        load_args={"dtype": "str", "keep_default_na": False},
    )
    return reading


def there(reading: Reading) -> dict[str, str]:
    """What counts as being in the bucket, and what its copies say."""
    folder = reading.root / "extracts"
    return {
        name.rpartition("/")[2]: copy_of(name, folder).read_text(encoding="utf-8")
        for name in ObjectCopies(folder, "cards").versions
    }


def copies(reading: Reading) -> list[Path]:
    return sorted((reading.root / "extracts" / ".objects").iterdir())


def test_an_object_is_fetched_once_and_again_where_it_has_changed(
    cards: Reading, store: ObjectStore
) -> None:
    assert cards.read() == {"cards": 1}
    assert cards.read() == {"cards": 0}
    store.put("in/cards_1.csv", "id\n2\n")
    store.put("in/cards_2.csv", "id\n3\n")
    assert cards.read() == {"cards": 2}
    assert there(cards) == {"cards_1.csv": "id\n2\n", "cards_2.csv": "id\n3\n"}
    assert store.fetched == ["in/cards_1.csv", "in/cards_1.csv", "in/cards_2.csv"]


def test_only_what_the_path_means_is_fetched(cards: Reading, store: ObjectStore) -> None:
    for key in ("in/other.csv", "in/cards/a.csv", "in/cards_x/cards_3.csv", "cards_4.csv", "in/"):
        store.put(key, "id\n9\n")
    cards.read()
    assert there(cards) == {"cards_1.csv": "id\n1\n"}


def test_3000_objects_are_listed_once_in_pages(cards: Reading, store: ObjectStore) -> None:
    keys = [f"in/cards_{at:04}.csv" for at in range(3000)]
    store.pages = [keys[start : start + 1000] for start in (0, 1000, 2000)]
    folder = cards.root / "extracts"
    written = ObjectCopies(folder, "cards")
    folder.mkdir()
    # Of one of them the bucket has another version.
    known = {f"s3://{BUCKET}/{key}": "1" for key in keys} | {f"s3://{BUCKET}/in/cards_1.csv": "0"}
    for name in known:
        copy_of(name, folder).parent.mkdir(exist_ok=True)
        copy_of(name, folder).write_text("id\n1\n", encoding="utf-8")
    written.write(folder, known)
    store.pages[1][0] = "in/cards_1.csv"
    assert cards.read() == {"cards": 1}
    assert (store.listings, store.fetched) == (3, ["in/cards_1.csv"])
    assert len(written.versions) == 3000


@pytest.mark.parametrize(
    "key", ["in/cards ä+%2F&?#.csv", f"in/cards{'é' * 500}.csv", "in/cards..csv"]
)
def test_a_key_may_be_any_text(cards: Reading, store: ObjectStore, key: str) -> None:
    store.put(key, "id\n7\n")
    cards.read()
    assert there(cards)[key.partition("/")[2]] == "id\n7\n"


def test_copies_are_for_their_owner_alone(cards: Reading, store: ObjectStore) -> None:  # noqa: ARG001
    cards.read()
    (copy,) = copies(cards)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert stat.S_IMODE(copy.parent.stat().st_mode) == 0o700


def test_what_is_gone_from_the_bucket_is_gone_from_the_copies(
    cards: Reading, store: ObjectStore
) -> None:
    store.put("in/cards_2.csv", "id\n3\n")
    cards.read()
    store.delete("in/cards_1.csv")
    cards.read()
    assert there(cards) == {"cards_2.csv": "id\n3\n"}
    assert len(copies(cards)) == 1


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (SLOW, "it answers 503 SlowDown, after 2 attempts too"),
        (Fault("500 Internal Server Error", "InternalError"), "it answers 500 InternalError"),
        (Fault("403 Forbidden", "AccessDenied"), "access is denied: reading needs s3:ListBucket"),
        (Fault("403 Forbidden", "SignatureDoesNotMatch"), "the secret key of the environment"),
        (Fault("404 Not Found", "NoSuchBucket"), "there is no such bucket"),
        (Fault("418 A Teapot", "Odd\x1b[31m"), "it answers 418"),
        (Fault("200 OK", "", "<html>Please log in</html>"), "its listing ends before its end"),
        (Fault("200 OK", "", "no XML"), "it answers 500"),
        (Fault("200 OK", "", ""), "its listing ends before its end"),
    ],
)
def test_a_listing_that_fails_leaves_all_as_it_was(
    cards: Reading, store: ObjectStore, fault: Fault, said: str
) -> None:
    cards.read()
    store.faults = [fault] * 2
    with pytest.raises(SourceError, match=said) as told:
        cards.read()
    assert SECRET not in f"{told.value}{told.value.reason}"
    assert "Nothing counts as gone" in str(told.value)
    assert there(cards) == {"cards_1.csv": "id\n1\n"}
    store.faults.clear()
    assert cards.read() == {"cards": 0}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"<IsTruncated>false", b"<IsTruncated>true"),
        (b"<IsTruncated>false</IsTruncated>", b""),
        (b"<KeyCount>2", b"<KeyCount>3"),
    ],
)
def test_a_listing_that_ends_early_leaves_all_as_it_was(
    cards: Reading, store: ObjectStore, old: bytes, new: bytes
) -> None:
    store.put("in/cards_2.csv", "id\n3\n")
    cards.read()
    store.change = lambda page: page.replace(old, new)
    with pytest.raises(SourceError, match="its listing"):
        cards.read()
    assert len(there(cards)) == 2


def test_a_listing_that_fails_after_a_page_leaves_all_as_it_was(
    cards: Reading, store: ObjectStore
) -> None:
    store.put("in/cards_2.csv", "id\n2\n")
    store.pages = [["in/cards_1.csv"], ["in/cards_2.csv"]]
    cards.read()
    store.faults = [None, SLOW, SLOW]
    with pytest.raises(SourceError, match="SlowDown"):
        cards.read()
    assert len(there(cards)) == 2


def test_throttling_is_waited_for(cards: Reading, store: ObjectStore) -> None:
    store.faults = [SLOW, None, SLOW]
    assert cards.read() == {"cards": 1}


def test_nobody_answers(
    cards: Reading, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    cards.read()
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://user:{SECRET}@127.0.0.1:1")
    with pytest.raises(SourceError, match="no answer") as told:
        cards.read()
    assert SECRET not in str(told.value)
    assert len(there(cards)) == 1
    assert store.fetched == ["in/cards_1.csv"]


def test_without_credentials_it_is_told_where_they_come_from(
    cards: Reading, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not store.fetched
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(SourceError, match="no credentials for it: set AWS_ACCESS_KEY_ID"):
        cards.read()


def test_an_object_that_changes_after_the_listing_is_known_by_what_was_fetched(
    cards: Reading, store: ObjectStore
) -> None:
    store.between = lambda: store.put("in/cards_1.csv", "id\n2\n")
    cards.read()
    assert there(cards) == {"cards_1.csv": "id\n2\n"}
    assert cards.read() == {"cards": 0}


def test_an_object_that_goes_after_the_listing_is_gone(cards: Reading, store: ObjectStore) -> None:
    store.put("in/cards_2.csv", "id\n2\n")
    store.between = lambda: store.delete("in/cards_1.csv")
    assert cards.read() == {"cards": 1}
    assert there(cards) == {"cards_2.csv": "id\n2\n"}


def test_an_object_that_is_cut_short_is_asked_for_again(cards: Reading, store: ObjectStore) -> None:
    store.put("in/cards_1.csv", "id\n" + "1\n" * 50_000)
    store.cut = 1
    assert cards.read() == {"cards": 1}
    assert len(there(cards)["cards_1.csv"]) == 100_003


def test_an_object_that_is_always_cut_short_changes_nothing(
    cards: Reading, store: ObjectStore
) -> None:
    cards.read()
    store.put("in/cards_1.csv", "id\n" + "1\n" * 50_000)
    store.cut = 99
    with pytest.raises(SourceError, match="cut short, after 2 attempts too"):
        cards.read()
    assert there(cards) == {"cards_1.csv": "id\n1\n"}


def test_what_was_fetched_by_a_run_that_ended_is_not_fetched_again(
    cards: Reading, store: ObjectStore
) -> None:
    store.put("in/cards_2.csv", "id\n2\n")
    cards.settles = False
    cards.read()
    assert there(cards) == {}
    store.put("in/cards_1.csv", "id\n5\n")
    cards.settles = True
    cards.read()
    assert there(cards) == {"cards_1.csv": "id\n5\n", "cards_2.csv": "id\n2\n"}
    assert store.fetched == ["in/cards_1.csv"] * 2 + ["in/cards_2.csv"]
    assert len(copies(cards)) == 2


def test_a_copy_that_somebody_deleted_is_fetched_again(cards: Reading, store: ObjectStore) -> None:
    cards.read()
    copies(cards)[0].unlink()
    assert cards.read() == {"cards": 1}
    assert len(store.fetched) == 2
