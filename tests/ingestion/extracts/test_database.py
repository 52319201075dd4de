"""Tables of a database are read as they all are at one moment, as text."""

from __future__ import annotations

import stat
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from databases import VARIABLE, Sqlite

from benepass_tasks.config.errors import SourceError
from benepass_tasks.ingestion.extracts.database import url_of
from benepass_tasks.ingestion.extracts.files import cursor_of, earlier, rank

if TYPE_CHECKING:
    from pathlib import Path

    from extracting import Reading


pytestmark = pytest.mark.usefixtures("hr")


@pytest.fixture
def hr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sqlite:
    made = Sqlite(tmp_path / "hr.sqlite")
    made.run(
        "create table people (id integer primary key, name text, changed_at text)",
        "insert into people values (2, 'Bo', '2026-01-02 10:00:00'), "
        "(1, 'Ann', '2026-01-01 10:00:00'), (3, 'Cy', null)",
    )
    monkeypatch.setenv(VARIABLE, made.url)
    return made


def declare(reading: Reading, table: str = "people", **extract: object) -> None:
    reading.sources.clear()
    add(reading, table, "people", **extract)


def add(reading: Reading, table: str, name: str, /, **extract: object) -> None:
    entry: dict[str, object] = {"type": "pandas.SQLTableDataset", "table_name": table}
    entry |= {"credentials": VARIABLE} | ({"extract": extract} if extract else {})
    reading.declare(["id"], name, **entry)


def names(reading: Reading) -> list[str | None]:
    return [row["name"] for row in reading.rows()]


def test_a_table_is_read_in_the_order_of_its_key(reading: Reading) -> None:
    declare(reading)
    assert reading.read() == {"people": 3}
    assert reading.rows() == [
        {"id": "1", "name": "Ann", "changed_at": "2026-01-01 10:00:00"},
        {"id": "2", "name": "Bo", "changed_at": "2026-01-02 10:00:00"},
        {"id": "3", "name": "Cy", "changed_at": None},
    ]


def test_only_its_owner_can_read_an_extract(reading: Reading) -> None:
    declare(reading)
    reading.read()
    assert stat.S_IMODE(reading.files[0].stat().st_mode) == 0o600


def test_a_table_that_is_the_same_leaves_the_same_file(reading: Reading) -> None:
    declare(reading)
    reading.read()
    before = reading.files[0].stat()
    reading.read()
    assert reading.files[0].stat() == before


def test_a_table_without_rows_has_its_columns(reading: Reading, hr: Sqlite) -> None:
    hr.run("delete from people")
    declare(reading)
    assert reading.read() == {"people": 0}
    assert len(reading.files) == 1


def test_columns_that_are_ignored_are_not_read(reading: Reading) -> None:
    reading.declare(
        ["id"],
        type="pandas.SQLTableDataset",
        table_name="people",
        credentials=VARIABLE,
        ignored=["Name"],
    )
    reading.read()
    assert [*reading.rows()[0]] == ["id", "changed_at"]


def test_with_a_cursor_each_reading_that_finds_something_is_a_file(
    reading: Reading, hr: Sqlite
) -> None:
    declare(reading, cursor="changed_at")
    assert reading.read() == {"people": 3}
    assert cursor_of(reading.files[0]) == "2026-01-02 10:00:00"
    assert reading.read() == {"people": 0}
    hr.run(
        "update people set name = 'Anna', changed_at = '2026-01-05 10:00:00' where id = 1",
        "insert into people values (4, 'Di', '2026-01-02 10:00:00')",
    )
    assert reading.read() == {"people": 2}
    assert [it.name for it in reading.files] == [
        "2026-01-01T00.01.00.000000Z.parquet",
        "2026-01-01T00.03.00.000000Z.parquet",
    ]
    assert names(reading) == ["Cy", "Ann", "Bo", "Di", "Anna"]


def test_a_record_without_a_cursor_is_read_whenever_it_changes(
    reading: Reading, hr: Sqlite
) -> None:
    declare(reading, cursor="changed_at")
    reading.read()
    hr.run("update people set name = 'Cyd' where id = 3")
    assert reading.read() == {"people": 1}
    assert names(reading)[-1] == "Cyd"


def test_a_lag_finds_what_was_committed_late(reading: Reading, hr: Sqlite) -> None:
    hr.run("delete from people where id = 3")
    late = "insert into people values (5, 'Ed', '2025-12-31 09:00:00')"
    declare(reading, cursor="changed_at", lag="1d")
    reading.read()
    hr.run(late)
    assert reading.read() == {"people": 0}
    declare(reading, cursor="changed_at", lag="3d")
    assert reading.read() == {"people": 1}


def test_a_record_that_changes_back_is_read_again(reading: Reading, hr: Sqlite) -> None:
    declare(reading, cursor="changed_at", lag="9d")
    reading.read()
    for name in ("Bob", "Bo"):
        hr.run(f"update people set name = '{name}' where id = 2")
        assert reading.read() == {"people": 1}
    assert names(reading) == ["Cy", "Ann", "Bo", "Bob", "Bo"]


def test_by_comparing_keys_what_is_gone_leaves_the_one_file(reading: Reading, hr: Sqlite) -> None:
    declare(reading, cursor="changed_at", deletes="compare_keys")
    reading.read()
    hr.run(
        "delete from people where id = 2",
        "update people set name = 'Anna', changed_at = '2026-01-05 10:00:00' where id = 1",
        "insert into people values (4, 'Di', '2026-01-06 10:00:00')",
    )
    reading.read()
    assert [it.name for it in reading.files] == ["people.parquet"]
    assert sorted(map(str, names(reading))) == ["Anna", "Cy", "Di"]
    before = reading.files[0].read_bytes()
    reading.read()
    assert reading.files[0].read_bytes() == before


def test_another_column_lets_all_be_read_where_there_is_one_file(
    reading: Reading, hr: Sqlite
) -> None:
    declare(reading, cursor="changed_at", deletes="compare_keys")
    reading.read()
    hr.run("alter table people add column city text default 'Rome'")
    reading.read()
    assert [row["city"] for row in reading.rows()] == ["Rome"] * 3


def test_a_reading_that_fails_for_one_table_takes_nothing_over(
    reading: Reading, hr: Sqlite
) -> None:
    declare(reading)
    reading.read()
    before = reading.files[0].read_bytes()
    hr.run("insert into people values (9, 'Flo', null)")
    add(reading, "poeple", "others")
    with pytest.raises(
        SourceError,
        match=rf"others: there is no table poeple of {VARIABLE} \(did you mean 'people'\?\)",
    ):
        reading.read()
    assert [it.read_bytes() for it in reading.files] == [before]


@pytest.mark.parametrize(
    ("extract", "said"),
    [
        (
            {"cursor": "changed"},
            r"has no column changed, its cursor \(did you mean 'changed_at'\?\)",
        ),
        ({"cursor": "id", "deletes": "compare_keys"}, "has no primary key"),
    ],
)
def test_what_is_missing_of_a_table_is_told(
    reading: Reading, hr: Sqlite, extract: dict[str, str], said: str
) -> None:
    hr.run("create table loose (id integer, changed_at text)")
    declare(reading, "loose", **extract)
    with pytest.raises(SourceError, match=said):
        reading.read()


def test_a_lag_before_a_number_that_is_not_an_instant_is_refused(reading: Reading) -> None:
    declare(reading, cursor="id", lag="1d")
    reading.read()
    with pytest.raises(SourceError, match="lag is a time span, and the cursor is not an instant"):
        reading.read()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("", f"{VARIABLE} is not set: export the address"),
        ("s3cret", f"{VARIABLE} does not hold the address of a database"),
        ("oracle://u:s3cret@host/db", "oracle is not read"),
        ("sqlite:////no/such/s3.sqlite", "there is no file /no/such/s3.sqlite"),
    ],
)
def test_an_address_that_leads_nowhere_is_told_without_the_secret(
    reading: Reading, monkeypatch: pytest.MonkeyPatch, address: str, said: str
) -> None:
    monkeypatch.setenv(VARIABLE, address)
    declare(reading)
    with pytest.raises(SourceError, match=said) as told:
        reading.read()
    assert "s3cret" not in str(told.value)
    assert not reading.files


@pytest.mark.parametrize(
    ("address", "driver"),
    [
        ("postgres://u:p@host/db", "postgresql+psycopg"),
        ("mysql://u:p@host/db", "mysql+pymysql"),
        ("postgresql+psycopg2://u:p@host/db", "postgresql+psycopg2"),
    ],
)
def test_an_address_without_a_driver_gets_one(
    monkeypatch: pytest.MonkeyPatch, address: str, driver: str
) -> None:
    monkeypatch.setenv(VARIABLE, address)
    assert url_of(VARIABLE).drivername == driver


@pytest.mark.parametrize(
    ("cursor", "lag", "expected"),
    [
        ("2026-01-10T10:00:00Z", {"days": 1}, "2026-01-09T10:00:00Z"),
        ("2026-01-10 10:00:00.5", {"hours": 1}, "2026-01-10 09:00:00.500000"),
        ("2026-01-10", {"days": 9}, "2026-01-01"),
        ("1740823200", {"hours": 1}, "1740819600"),
        ("1740823200000", {"hours": 1}, "1740819600000"),
        ("17", {}, "17"),
    ],
)
def test_a_time_span_before_a_cursor(cursor: str, lag: dict[str, int], expected: str) -> None:
    assert earlier(cursor, timedelta(**lag)) == expected


def test_cursors_are_compared_as_what_they_are() -> None:
    assert rank("9") < rank("10")
    assert rank("2026-01-10T10:00:00Z") < rank("2026-01-10T10:00:00.5Z")
    assert rank("2026-01-10T12:00:00+02:00") == rank("2026-01-10T10:00:00Z")
