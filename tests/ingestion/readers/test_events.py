"""An event a line is a record, whichever of Debezium's forms it has; every line accounted for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from events import TABLE, Writer, packed, person
from loading import Content, content_of

from benepass_tasks.catalog.layout import JSON_LINES, Layout
from benepass_tasks.config.errors import SourceError
from benepass_tasks.ingestion.readers.events import EventReader

if TYPE_CHECKING:
    from pathlib import Path

WRITER = Writer(has_schema=False)


def read(folder: Path, *lines: str | bytes, table: str | None = TABLE) -> Content:
    path = folder / "events.jsonl"
    path.write_bytes(b"\n".join(it.encode() if isinstance(it, str) else it for it in lines))
    return content_of(path, Layout(JSON_LINES, format="debezium", table=table))


def rows(content: Content) -> list[dict[str, Any]]:
    return [dict(zip(content.header, row[1:], strict=True)) for row in content.rows]


def texts(content: Content, name: str) -> list[Any]:
    return [it[name] for it in rows(content)]


@pytest.mark.parametrize("has_schema", [True, False])
def test_the_row_after_a_change_is_the_record(tmp_path: Path, has_schema: bool) -> None:  # noqa: FBT001
    writer = Writer(has_schema=has_schema)
    read_ = read(
        tmp_path,
        writer.event("c", {"id": "1", "name": "Ann"}, 10),
        writer.event("u", {"id": "1", "name": "Anne"}, 11, before={"id": "1", "name": "Ann"}),
        writer.event("d", {"id": "1", "name": None}, 12),
        writer.event("t", None, 13),
        writer.event("r", {"id": "2", "name": "été"}, 14, "last"),
    )
    assert read_.header == ("debezium.op", "debezium.position", "debezium.snapshot", "id", "name")
    assert read_.rows == [
        (1, "c", f"{10:020}", "false", "1", "Ann"),
        (2, "u", f"{11:020}", "false", "1", "Anne"),
        (3, "d", f"{12:020}", "false", "1", None),
        (4, "t", f"{13:020}", "false", None, None),
        (5, "r", f"{14:020}", "last", "2", "été"),
    ]


def test_a_row_alone_says_by_what_is_added_to_it_what_it_is(tmp_path: Path) -> None:
    read_ = read(
        tmp_path,
        '{"id": 1, "name": "Ann", "__deleted": "false", "__op": "c", "__source_lsn": 10}',
        '{"id": 1, "name": "Ann", "__deleted": "true", "__lsn": 11, "__table": "staff"}',
        '{"id": 2, "name": "Bo"}',
        '{"id": 3, "name": "Cy", "__table": "accounts"}',
    )
    assert [row[1:] for row in read_.rows] == [
        ("c", f"{10:020}", None, "1", "Ann"),
        ("d", f"{11:020}", None, "1", "Ann"),
        ("u", None, None, "2", "Bo"),
    ]
    assert read_.accounting.passed_over == {"event of another table": 1}


@pytest.mark.parametrize(
    ("type_", "value", "text"),
    [
        ({"type": "int32", "name": "io.debezium.time.Date"}, 18701, "2021-03-15"),
        ({"type": "int32", "name": "org.apache.kafka.connect.data.Date"}, -1, "1969-12-31"),
        ({"type": "int64", "name": "io.debezium.time.Timestamp"}, 1_000, "1970-01-01T00:00:01"),
        (
            {"type": "int64", "name": "io.debezium.time.MicroTimestamp"},
            1_767_607_200_500_000,
            "2026-01-05T10:00:00.5",
        ),
        (
            {"type": "int64", "name": "io.debezium.time.NanoTimestamp"},
            1_767_607_200_500_000_000,
            "2026-01-05T10:00:00.5",
        ),
        (
            {"type": "string", "name": "io.debezium.time.ZonedTimestamp"},
            "2026-01-05T12:00:00.50+02:00",
            "2026-01-05T10:00:00.5Z",
        ),
        ({"type": "string", "name": "io.debezium.time.ZonedTimestamp"}, "infinity", "infinity"),
        ({"type": "int64", "name": "io.debezium.time.MicroTime"}, 37_800_000_000, "10:30:00"),
        ({"type": "int64", "name": "io.debezium.time.MicroDuration"}, 129_900_000_000, "36:05:00"),
        (
            {
                "type": "bytes",
                "name": "org.apache.kafka.connect.data.Decimal",
                "parameters": {"scale": "2"},
            },
            packed(-1210),
            "-12.1",
        ),
        (
            {
                "type": "bytes",
                "name": "org.apache.kafka.connect.data.Decimal",
                "parameters": {"scale": "9"},
            },
            packed(12345678901234567890123456789),
            "12345678901234567890.123456789",
        ),
        (
            {"type": "struct", "name": "io.debezium.data.VariableScaleDecimal"},
            {"scale": 3, "value": packed(60_005)},
            "60.005",
        ),
        ({"type": "bytes"}, "AP8=", "00ff"),
        ({"type": "boolean"}, True, "true"),
        ({"type": "int64"}, 9007199254740993, "9007199254740993"),
        ({"type": "string", "name": "io.debezium.data.Json"}, '{"n": 1.10}', '{"n": 1.10}'),
        ({"type": "double"}, 0.1, "0.1"),
        ({"type": "array"}, ["a", None], '["a",null]'),
        ({"type": "string"}, "12.10", "12.10"),
    ],
)
def test_a_value_is_the_text_that_it_is_where_the_table_is_read(
    tmp_path: Path, type_: dict[str, Any], value: object, text: str
) -> None:
    of_row = {"type": "struct", "field": "after", "fields": [type_ | {"field": "it"}]}
    payload = {"op": "c", "after": {"it": value}, "source": {"lsn": 1}}
    line = json.dumps({"schema": {"type": "struct", "fields": [of_row]}, "payload": payload})
    assert texts(read(tmp_path, line), "it") == [text]
    # A row alone has its fields at the top.
    alone = {"schema": {"type": "struct", "fields": [type_ | {"field": "it"}]}}
    line = json.dumps(alone | {"payload": {"it": value}})
    assert texts(read(tmp_path, line), "it") == [text]


def test_what_is_no_event_of_a_row_is_passed_over_and_counted(tmp_path: Path) -> None:
    read_ = read(
        tmp_path,
        WRITER.event("c", person(1), 10),
        "null",
        '{"schema": null, "payload": null}',
        '{"ts_ms": 1767225600000}',
        '{"status": "BEGIN", "id": "571:53", "event_count": null, "data_collections": null}',
        '{"source": {}, "databaseName": "hr", "ddl": "alter table", "tableChanges": []}',
        '{"op": "m", "before": null, "source": {"lsn": 11}, "message": {"prefix": "x"}}',
        Writer("hr.accounts", has_schema=False).event("c", {"id": 1}, 12),
    )
    assert len(read_.rows) == 1
    assert read_.accounting.passed_over == {
        "tombstone": 2,
        "heartbeat": 1,
        "begin or end of a transaction": 1,
        "change of a definition": 1,
        "message of the database": 1,
        "event of another table": 1,
    }


def test_what_is_wrong_with_another_table_is_nothing_to_this_one(tmp_path: Path) -> None:
    other = Writer("hr.accounts", has_schema=False).event("c", {"pay": 0.5}, 12)
    path = tmp_path / "events.jsonl"
    placeless = other.replace('"lsn": 12', '"lsn": null')
    path.write_text(f"{other}\n{placeless}", encoding="utf-8")
    layout = Layout(JSON_LINES, format="debezium", table=TABLE)
    with path.open("rb") as file:
        assert EventReader(file, layout, "it", {}).inexact == {}
    assert content_of(path, layout).accounting.passed_over == {"event of another table": 2}


def test_an_event_that_nobody_can_read_is_rejected_with_its_bytes(tmp_path: Path) -> None:
    good = WRITER.event("c", {"id": "1"}, 10)
    decimal = {
        "field": "pay",
        "type": "bytes",
        "name": "org.apache.kafka.connect.data.Decimal",
        "parameters": {"scale": "99999999999"},
    }
    after = {"field": "after", "type": "struct", "fields": [decimal]}
    hostile = {
        "schema": {"fields": [after, 7, None]},
        "payload": {"op": "c", "after": {"pay": packed(1)}, "source": {"lsn": 1}},
    }
    date = {"field": "day", "name": "io.debezium.time.Date"}
    late = {
        "schema": {"fields": [{"field": "after", "fields": [date]}]},
        "payload": {"op": "c", "after": {"day": 10**15}, "source": {"lsn": 1}},
    }
    deep = (
        b'{"op": "c", "source": {"lsn": 1}, "after": {"id": '
        + b"[" * 100_000
        + b"]" * 100_000
        + b"}}"
    )
    bad: list[str | bytes] = [
        good.replace('"op": "c"', '"op": "x"'),
        good.replace('"lsn": 10', '"lsn": null'),
        good.replace('"lsn": 10', '"lsn": -10'),
        '{"op": "d", "before": null, "after": null, "source": {"lsn": 11}}',
        '{"op": "c", "before": null, "after": [1], "source": {"lsn": 11}}',
        '{"op": "c", "after": {"debezium.op": "d"}, "source": {"lsn": 11}}',
        json.dumps(hostile),
        json.dumps(late),
        deep,
        '[{"op": "c"}]',
        good[:-20],
    ]
    read_ = read(tmp_path, good, *bad)
    assert len(read_.rows) == 1
    assert [reason for *_, reason, _ in read_.rejected] == [
        "an event of no known operation",
        "an event without its place in the log of the database",
        "an event without its place in the log of the database",
        "an event of a change without its row",
        "an event of a change without its row",
        "a column of a name that the load gives",
        "a value that does not fit its type",
        "a value that does not fit its type",
        "no JSON object",
        "no JSON object",
        "cut off by the end of the file",
    ]
    assert [raw for *_, raw in read_.rejected] == [
        it.encode() if isinstance(it, str) else it for it in bad
    ]
    assert read_.accounting.is_cut_off


def test_events_of_several_tables_need_a_name(tmp_path: Path) -> None:
    lines = [
        Writer(it, has_schema=False).event("c", {"id": it}, 10) for it in ("hr.staff", "old.staff")
    ]
    with pytest.raises(SourceError, match=r"several tables \(hr.staff, old.staff\); say"):
        read(tmp_path, *lines, table=None)
    assert texts(read(tmp_path, *lines), "id") == ["hr.staff"]
    # A name without its schema is that of any.
    assert len(read(tmp_path, *lines, table="staff").rows) == 2


def test_a_file_that_has_none_of_the_table_has_the_columns_of_the_source(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    layout = Layout(JSON_LINES, format="debezium", table=TABLE)
    meant = {"employee_id": "employee_id", "worker": "employee_id", "status": "status"}
    for line, header in (
        ('{"ts_ms": 1}', ("employee_id", "status")),
        (WRITER.event("t", None, 1), ("employee_id", "status")),
        (WRITER.event("d", {"Worker": "E1"}, 1), ("Worker", "status")),
        (WRITER.event("c", {"Worker": "E1"}, 1), ("Worker",)),
    ):
        path.write_text(line, encoding="utf-8")
        with path.open("rb") as file:
            assert EventReader(file, layout, "it", meant).header[3:] == header


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="declared as Debezium's events, and none of its lines"):
        read(tmp_path, "id,name", "1,Ann")


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ([60.5], "floating-point numbers"),
        ([packed(6050)], "bytes without their scale"),
        (["60.50"], None),
        ([6050], None),
        ([{"scale": 2, "value": packed(6050)}], None),
        # Something else in one event does not make bytes of all others, or numbers exact.
        (["60.50", "oops"], None),
        (["oops", "60.50"], None),
        ([60.5, "60.50", "oops"], "floating-point numbers"),
    ],
)
def test_numbers_that_are_not_as_the_database_had_them_are_known(
    tmp_path: Path, values: list[object], what: str | None
) -> None:
    path = tmp_path / "events.jsonl"
    lines = [WRITER.event("c", {"pay": it}, at) for at, it in enumerate(values)]
    path.write_text("\n".join(lines), encoding="utf-8")
    with path.open("rb") as file:
        reader = EventReader(file, Layout(JSON_LINES, format="debezium"), "it", {})
    assert reader.inexact.get("pay") == what


def test_the_log_of_mysql_is_in_order_too(tmp_path: Path) -> None:
    def event(file: str, pos: int, row: int) -> str:
        source = {"file": file, "pos": pos, "row": row, "db": "hr", "table": "staff"}
        return json.dumps({"op": "c", "after": {"id": "1"}, "source": source})

    places = [("bin.9", 900, 0), ("bin.9", 1000, 0), ("bin.9", 1000, 1), ("bin.10", 4, 0)]
    found = texts(read(tmp_path, *(event(*it) for it in places)), "debezium.position")
    assert found == sorted(found)
    assert len(set(found)) == 4
