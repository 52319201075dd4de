"""Of all events of a key the last one in the log counts, in whatever order they arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import pytest
import yaml
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from projects import ROOT, definitions_of

from benepass_tasks.catalog import load_catalog
from benepass_tasks.catalog.events import UNSAID
from benepass_tasks.sqlmodels.current_rows import count_of, replaced, with_current
from benepass_tasks.sqlmodels.days import days_of, macros_of_days

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from benepass_tasks.catalog.datasets import DeclaredSource

COLUMNS = ("id", "part", "note", "day", "_op", "_position", "_snapshot")
Event = tuple[str, int | None, str | None, str | None, int | None, str | None]
"""Operation, place, id, note, day of 2026, and part of a snapshot."""


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as connection:
        graph = definitions_of(ROOT).graph
        for macro in graph.macros_behind(["natural_order", *macros_of_days(graph, "it")]):
            connection.execute(macro.sql)
        connection.execute("create schema raw")
        yield connection


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> DeclaredSource:
    return declared(tmp_path_factory.mktemp("catalog"))


def declared(folder: Path, **words: object) -> DeclaredSource:
    columns: dict[str, Any] = {it: {"description": "It."} for it in ("id", "part", "note")}
    entry = {
        "type": "pandas.JSONDataset",
        "filepath": "data/it.jsonl",
        "load_args": {"lines": True},
        "metadata": {
            "description": "It.",
            "domain": "people",
            "layout": {"format": "debezium"},
            "columns": columns | {"day": {"description": "It.", "holds": "date"}},
            **words,
        },
    }
    path = folder / "catalog.yaml"
    path.write_text(yaml.safe_dump({"it": entry}, sort_keys=False), encoding="utf-8")
    return load_catalog(path).sources["it"]


def fill(database: duckdb.DuckDBPyConnection, files: Mapping[str, Sequence[Event]]) -> None:
    types = ", ".join(f"{it} varchar" for it in COLUMNS)
    database.execute(
        f"create or replace table raw.it ({types}, _source_file varchar, _row_number bigint)"
    )
    rows = [
        (
            id_,
            "1",
            note,
            day and f"2026-01-{day:02}",
            op,
            None if place is None else f"{place:020}",
            snapshot,
            file,
            number,
        )
        for file, events in files.items()
        for number, (op, place, id_, note, day, snapshot) in enumerate(events, 1)
    ]
    if rows:
        database.executemany(f"insert into raw.it values ({', '.join('?' * 9)})", rows)


def current(database: duckdb.DuckDBPyConnection, source: DeclaredSource) -> dict[Any, Any]:
    """The note of each row that there is; proves that the others are told apart from these."""
    ctes, read = with_current(source, "raw.it")
    found = database.execute(f"{ctes} select id, note from {read}").fetchall()
    gone = database.execute(f"select count(*) from ({replaced(source, 'raw.it')})").fetchall()
    there = database.execute("select count(*) from raw.it").fetchall()
    assert len(found) + gone[0][0] == there[0][0]
    assert database.execute(count_of(source, "raw.it")).fetchall() == [(len(found),)]
    return dict(found)


def change(op: str, place: int | None, id_: str | None = "A", note: str | None = "x") -> Event:
    return op, place, id_, note, None, None


def test_the_last_event_of_a_key_says_what_its_row_is(
    database: duckdb.DuckDBPyConnection, source: DeclaredSource
) -> None:
    fill(
        database,
        {
            "1.jsonl": [change("c", 1, "A", "one"), change("c", 2, "B"), change("c", 3, "C")],
            "2.jsonl": [change("u", 4, "A", "two"), change("d", 5, "B", None)],
        },
    )
    assert current(database, source) == {"A": "two", "C": "x"}


def test_a_file_that_arrives_late_changes_nothing_that_came_after_it(
    database: duckdb.DuckDBPyConnection, source: DeclaredSource
) -> None:
    fill(
        database,
        {
            "2.jsonl": [change("u", 4, "A", "two"), change("d", 5, "B", None)],
            "9.jsonl": [change("c", 1, "A", "one"), change("c", 2, "B"), change("c", 3, "C")],
        },
    )
    assert current(database, source) == {"A": "two", "C": "x"}


def test_without_places_files_are_in_the_order_of_their_names(
    database: duckdb.DuckDBPyConnection, source: DeclaredSource
) -> None:
    fill(
        database,
        {
            "10.jsonl": [change("d", None, "A", None), change("u", None, "B", "ten")],
            "9.jsonl": [change("u", None, "A", "nine"), change("u", None, "B", "nine")],
            "11.jsonl": [change("u", None, "C", "first"), change("u", None, "C", "last")],
        },
    )
    assert current(database, source) == {"B": "ten", "C": "last"}


def test_an_event_that_is_delivered_twice_counts_once(
    database: duckdb.DuckDBPyConnection, source: DeclaredSource
) -> None:
    again = [change("c", 1, "A", "one"), change("u", 2, "A", "two")]
    fill(database, {"1.jsonl": [*again, *again], "2.jsonl": again})
    assert current(database, source) == {"A": "two"}


def test_a_row_whose_key_changes_is_there_once(
    database: duckdb.DuckDBPyConnection, source: DeclaredSource
) -> None:
    moved = [change("d", 2, "A"), change("c", 2, "B", "moved"), change("c", 3, "A", "another")]
    fill(database, {"1.jsonl": [change("c", 1), *moved]})
    assert current(database, source) == {"A": "another", "B": "moved"}


def test_a_row_that_a_whole_reading_lacks_is_gone(
    database: duckdb.DuckDBPyConnection, source: DeclaredSource
) -> None:
    first = [("r", 1, it, "first", None, "true") for it in "ABC"]
    again: list[Event] = [
        ("r", 9, "A", "again", None, "first_in_data_collection"),
        ("r", 9, "B", "again", None, "true"),
    ]
    last: list[Event] = [("r", 9, "D", "again", None, "last_in_data_collection")]
    fill(database, {"1.jsonl": first, "2.jsonl": [*again, change("u", 10, "B", "later")]})
    # As long as it has not come to its end, nobody knows what it lacks.
    assert current(database, source) == {"A": "again", "B": "later", "C": "first"}
    fill(database, {"1.jsonl": first, "2.jsonl": again, "3.jsonl": last})
    assert current(database, source) == {"A": "again", "B": "again", "D": "again"}
    # What was changed while the table was read comes later in the log.
    later = [change("d", 9, "A"), change("u", 10, "B", "b")]
    fill(database, {"1.jsonl": later, "2.jsonl": [*again, *last]})
    assert current(database, source) == {"B": "b", "D": "again"}


def test_a_truncated_table_has_the_rows_that_came_later(
    database: duckdb.DuckDBPyConnection, source: DeclaredSource
) -> None:
    fill(database, {"1.jsonl": [change("c", 1), change("t", 2, None), change("c", 3, "B")]})
    assert current(database, source) == {"B": "x"}


def test_what_is_left_of_an_erased_person_stays_though_the_table_is_read_anew(
    database: duckdb.DuckDBPyConnection, source: DeclaredSource
) -> None:
    again: Event = ("r", 9, "B", "again", None, "last")
    fill(database, {"1.jsonl": [change("c", 1, "erased-1"), change("c", 2, "A"), again]})
    assert current(database, source) == {"erased-1": "x", "B": "again"}


def test_a_large_value_that_is_not_said_again_is_what_it_was(
    database: duckdb.DuckDBPyConnection, source: DeclaredSource
) -> None:
    fill(
        database,
        {
            "1.jsonl": [change("c", 1, "A", "long"), change("u", 2, "A", UNSAID)],
            "2.jsonl": [
                change("u", 3, "A", UNSAID),
                change("u", 9, "B", UNSAID),
                *(change(*it) for it in (("c", 1, "C", "old"), ("u", 2, "C", None))),
            ],
        },
    )
    # What nobody has ever said stays as it is, for everybody to see.
    assert current(database, source) == {"A": "long", "B": UNSAID, "C": None}


def test_a_record_without_a_key_stays_to_be_told(
    database: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    of_two = declared(tmp_path, key=["id", "part"])
    fill(database, {"1.jsonl": [change("c", 1, None, "a"), change("c", 2, None, "b")]})
    ctes, read = with_current(of_two, "raw.it")
    assert database.execute(f"{ctes} select count(*) from {read}").fetchall() == [(2,)]


def test_all_events_of_a_row_are_of_the_day_that_the_last_one_says(
    database: duckdb.DuckDBPyConnection, source: DeclaredSource
) -> None:
    events: list[Event] = [
        ("c", 1, "A", "x", 20, None),
        ("u", 2, "A", "x", 5, None),
        ("d", 3, "A", None, None, None),
        ("c", 1, "B", "x", 20, None),
        ("u", 2, "B", "x", None, None),
    ]
    fill(database, {"1.jsonl": events})
    query = days_of(source, "day", "raw.it", ["id"])
    found = database.execute(f"select id, cast(day as varchar) from ({query}) order by all")
    assert found.fetchall() == [("A", "2026-01-05")] * 3 + [("B", None)] * 2


IDS = st.sampled_from("AB")
CHANGES = st.lists(st.tuples(st.sampled_from("cudt"), IDS), max_size=8)


@examples(60)
@given(changes=CHANGES, shuffled=st.randoms(use_true_random=False))
def test_files_may_arrive_in_any_order_and_more_than_once(
    database: duckdb.DuckDBPyConnection,
    source: DeclaredSource,
    changes: list[tuple[str, str]],
    shuffled: Any,  # noqa: ANN401 - random.Random
) -> None:
    expected: dict[str, str] = {}
    events = []
    for place, (op, id_) in enumerate(changes, 1):
        events.append(change(op, place, None if op == "t" else id_, f"{place}"))
        if op == "t":
            expected.clear()
        elif op == "d":
            expected.pop(id_, None)
        else:
            expected[id_] = f"{place}"
    delivered = [*events, *shuffled.choices(events, k=3)] if events else []
    shuffled.shuffle(delivered)
    files = {f"{at}.jsonl": delivered[at::3] for at in range(3)}
    fill(database, files)
    assert current(database, source) == expected
