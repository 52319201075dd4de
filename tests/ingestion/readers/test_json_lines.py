"""An object a line is a record: its values as they are written, every line accounted for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from loading import Content, content_of

from benepass_tasks.catalog.layout import JSON_LINES, Layout
from benepass_tasks.config.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path


def _read(folder: Path, content: str | bytes, required: tuple[str, ...] = ()) -> Content:
    path = folder / "cards.jsonl"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return content_of(path, Layout(JSON_LINES), required)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("12.10", "12.10"),
        ("1.0", "1.0"),
        ("1E+2", "1E+2"),
        ("12345678901234567890123", "12345678901234567890123"),
        ("-0", "-0"),
        ("NaN", "NaN"),
        ("true", "true"),
        ("null", None),
        ('""', ""),
        ('"00123"', "00123"),
        (r'"caf\u00e9 \"x\""', 'café "x"'),
        ('[{"a": 1.50, "b": [true, null, "é"]}]', '[{"a":1.50,"b":[true,null,"é"]}]'),
        ("[]", "[]"),
    ],
)
def test_a_value_is_as_it_is_written(tmp_path: Path, value: str, text: str | None) -> None:
    assert _read(tmp_path, f'{{"id": {value}}}\n').rows == [(1, text)]


def test_the_columns_are_the_keys_of_all_lines(tmp_path: Path) -> None:
    read = _read(tmp_path, '{"id": 1, "a": 2}\n{"b": 3, "id": 4}\n{"a": 5, "id": 6, "b": 7}')
    assert read.header == ("id", "a", "b")
    assert read.rows == [(1, "1", "2", None), (2, "4", None, "3"), (3, "6", "5", "7")]


def test_the_keys_of_an_object_within_a_record_are_columns(tmp_path: Path) -> None:
    read = _read(
        tmp_path,
        '{"id": 1, "shop": {"name": "Oak", "at": {"city": "Rye", "no": 1.50}}}\n'
        '{"id": 2, "shop": {}}\n'
        '{"id": 3, "shop": "Elm"}\n',
    )
    assert read.header == ("id", "shop.name", "shop.at.city", "shop.at.no", "shop")
    assert [row[1:] for row in read.rows] == [
        ("1", "Oak", "Rye", "1.50", None),
        ("2", None, None, None, None),
        ("3", None, None, None, "Elm"),
    ]


def test_a_line_that_is_not_a_record_is_rejected_with_its_bytes(tmp_path: Path) -> None:
    lines = [
        b'{"id": 1, "amount": 2}',
        b"",
        b"[1, 2]",
        b'{"id": 2, "amount": 3',
        b'{"id": 3}',
        b'{"id": 4, "id": 5, "amount": 6}',
        b'{"id": "\xff", "amount": 1}',
        b'{"id": "\\ud800", "amount": 1}',
        b'{"id": ' + b"[" * 100_000 + b"]" * 100_000 + b', "amount": 1}',
        b'{"id": 5, "amount": 6, "a.b": 1, "a": {"b": 2}}',
        b'{"id": 7, "amount": {"value": 8}}',
        b'{"id": 7, "amount": null}',
    ]
    read = _read(tmp_path, b"\xef\xbb\xbf" + b"\r\n".join(lines), required=("id", "amount"))
    assert read.rows == [(1, "1", "2", None), (11, "7", None, None)]
    assert [(line, reason) for _, line, reason, _ in read.rejected] == [
        (3, "no JSON object"),
        (4, "no JSON object"),
        (5, "a required key is missing"),
        (6, "a key twice in a JSON object"),
        (7, "invalid UTF-8"),
        (8, "half a character"),
        (9, "no JSON object"),
        (10, "a key twice in a JSON object"),
        (11, "a required key is missing"),
    ]
    assert [raw for *_, raw in read.rejected] == lines[2:11]
    assert (read.accounting.lines, read.accounting.blank_lines) == (12, 1)


@pytest.mark.nightly
def test_a_line_that_is_too_long_is_rejected_with_its_beginning(tmp_path: Path) -> None:
    long = b'{"id": "' + b"x" * (17 << 20) + b'"}'
    read = _read(tmp_path, b'{"id": 1}\n' + long + b'\n{"id": 3}\n')
    assert read.rows == [(1, "1"), (3, "3")]
    ((number, line, reason, raw),) = read.rejected
    assert (number, line, reason, len(raw)) == (2, 2, "record too long", 16 << 20)


def test_a_file_without_any_object_is_refused(tmp_path: Path) -> None:
    for content in ('[{"id": 1}]\n', "id,amount\n1,2\n", "{}\n"):
        with pytest.raises(SourceError, match="none of its lines is a JSON object with a key"):
            _read(tmp_path, content)
    assert _read(tmp_path, "").header == ()
