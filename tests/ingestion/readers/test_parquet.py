"""The values of a Parquet file as text, in the canonical form of their types."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from loading import Content, content_of

from benepass_tasks.catalog.layout import PARQUET, Layout
from benepass_tasks.config.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

NOON = dt.datetime.fromisoformat("2025-03-04T12:00:00.250")
MIDNIGHT = dt.datetime.fromisoformat("2025-03-04")


def _read(folder: Path, table: pa.Table) -> Content:
    path = folder / "cards.parquet"
    pq.write_table(table, path)
    return content_of(path, Layout(PARQUET))


@pytest.mark.parametrize(
    ("type_", "value", "text"),
    [
        (pa.string(), "00123", "00123"),
        (pa.string(), "", ""),
        (pa.large_string(), "é", "é"),
        (pa.binary(), b"abc", "abc"),
        (pa.dictionary(pa.int8(), pa.string()), "gym", "gym"),
        (pa.int64(), 2**63 - 1, "9223372036854775807"),
        (pa.uint8(), 7, "7"),
        (pa.float64(), 12.1, "12.1"),
        (pa.float64(), 7.0, "7"),
        (pa.float64(), 0.1 + 0.2, "0.3"),
        (pa.float64(), 1e-7, "0.0000001"),
        (pa.float64(), float("nan"), "NaN"),
        (pa.float32(), 12.1, "12.1"),
        (pa.decimal128(10, 2), Decimal("12.10"), "12.1"),
        (pa.decimal128(38, 10), Decimal("0.0000001"), "0.0000001"),
        (pa.decimal128(38, 18), Decimal(1001), "1001"),
        (pa.bool_(), True, "true"),
        (pa.date32(), MIDNIGHT.date(), "2025-03-04"),
        (pa.timestamp("ns"), NOON, "2025-03-04T12:00:00.25"),
        (pa.timestamp("ns"), MIDNIGHT, "2025-03-04"),
        (pa.timestamp("us", "UTC"), MIDNIGHT, "2025-03-04T00:00:00Z"),
        (pa.timestamp("ms", "America/New_York"), MIDNIGHT, "2025-03-04T00:00:00Z"),
        (pa.time64("us"), dt.time(10, 30), "10:30:00"),
        (pa.time32("s"), dt.time(10, 30), "10:30:00"),
        (pa.duration("us"), dt.timedelta(hours=30), "30:00:00"),
        (pa.list_(pa.int64()), [1, 2], "[1,2]"),
        (
            pa.list_(pa.struct({"a": pa.date32(), "b": pa.string()})),
            [{"a": MIDNIGHT.date(), "b": "é"}],
            '[{"a":"2025-03-04","b":"é"}]',
        ),
    ],
)
def test_a_value_is_written_in_the_canonical_form_of_its_type(
    tmp_path: Path, type_: pa.DataType, value: object, text: str
) -> None:
    read = _read(tmp_path, pa.table({"id": pa.array([value, None], type_)}))
    assert read.rows == [(1, text), (2, None)]


def test_a_column_that_never_has_a_value_is_null(tmp_path: Path) -> None:
    assert _read(tmp_path, pa.table({"id": pa.nulls(1)})).rows == [(1, None)]


def test_the_fields_of_a_struct_are_columns(tmp_path: Path) -> None:
    shop = pa.struct({"name": pa.string(), "at": pa.struct({"city": pa.string()})})
    shops = pa.array([{"name": "Oak", "at": {"city": "Rye"}}, None, {"name": "Elm"}], shop)
    read = _read(tmp_path, pa.table({"id": [1, 2, 3], "shop": shops}))
    assert read.header == ("id", "shop.name", "shop.at.city")
    assert [row[1:] for row in read.rows] == [
        ("1", "Oak", "Rye"),
        ("2", None, None),
        ("3", "Elm", None),
    ]


def test_every_row_is_accounted_for_in_batches_of_any_number(tmp_path: Path) -> None:
    many = 150_000
    read = _read(tmp_path, pa.table({"id": range(many)}))
    assert [number for number, _ in read.rows] == [*range(1, many + 1)]
    assert (read.accounting.lines, read.accounting.header_lines) == (many, 0)


def test_a_value_that_is_not_text_rejects_its_row(tmp_path: Path) -> None:
    values = pa.array([b"a", b"\xff", b"c"])
    table = pa.table({"id": pa.array([1, 2, 3]), "name": values})
    read = _read(tmp_path, table)
    assert read.rows == [(1, "1", "a"), (3, "3", "c")]
    assert read.rejected == [(2, 2, "invalid UTF-8", b"\xff")]


def test_what_is_not_a_parquet_file_is_told(tmp_path: Path) -> None:
    whole = tmp_path / "whole.parquet"
    pq.write_table(pa.table({"id": range(1_000)}), whole)
    content = whole.read_bytes()
    for wrong in (b"id\n1\n", b"", content[:-100], content[:4] + bytes(60) + content[64:]):
        path = tmp_path / "wrong.parquet"
        path.write_bytes(wrong)
        with pytest.raises(SourceError, match="is declared as Parquet, and is not such a file"):
            content_of(path, Layout(PARQUET))


def test_an_empty_table_has_columns_and_no_record(tmp_path: Path) -> None:
    columns: dict[str, Any] = {"id": pa.array([], pa.string())}
    read = _read(tmp_path, pa.table(columns))
    assert (read.header, read.rows) == (("id",), [])
