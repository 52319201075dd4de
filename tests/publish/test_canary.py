"""What personal values become is found in every kind of file that is published."""

from __future__ import annotations

import base64
import gzip
import hashlib
from typing import TYPE_CHECKING

import duckdb
import pytest

from benepass_tasks.config.errors import WarehouseError
from benepass_tasks.publish.canary import Remains, search_published

if TYPE_CHECKING:
    from pathlib import Path

SECRETS = [("raw.people", "email", "EMAIL_ADDRESS")]
EMAIL = "Ann.Lee@example.org"
PLAIN = EMAIL.lower()


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as db:
        db.execute("create schema raw")
        db.execute("create table raw.people as select ' Ann.Lee@example.org' as email")
        db.execute("insert into raw.people values (null), ('n/a'), ('bo@example.org')")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "published").mkdir()
    return tmp_path / "published"


def shapes(warehouse: Path, folder: Path) -> set[tuple[str, str]]:
    found = search_published(warehouse, [folder, folder / "not there"], SECRETS)[1]
    assert all(it.origin == "raw.people.email" for it in found)
    return {(it.file.name, it.shape) for it in found}


@pytest.mark.parametrize(
    ("written", "shape"),
    [
        (f"<td>{EMAIL}</td>", ""),
        (f"<td>{EMAIL.upper()}</td>", ""),
        (f'"{hashlib.md5(PLAIN.encode()).hexdigest()}"', "md5"),  # noqa: S324 - what is sought
        (f"/people/{hashlib.sha1(EMAIL.encode()).hexdigest()}.html", "sha1"),  # noqa: S324
        (hashlib.sha256(EMAIL.upper().encode()).hexdigest().upper(), "sha256"),
        (f"data:,{base64.b64encode(PLAIN.encode()).decode()};", "base64"),
        (f"x={PLAIN.encode().hex()}", "hexadecimal digits"),
        (f"[{PLAIN[::-1]}]", "its letters in reverse"),
        (f"[{', '.join(str(ord(it)) for it in PLAIN)}]", "the codes of its letters"),
    ],
)
def test_a_page_is_searched_as_it_is(
    warehouse: Path, folder: Path, written: str, shape: str
) -> None:
    (folder / "page.html").write_text(f"<p>All is well.</p>\n{written}\n", encoding="utf-8")
    (folder / "page.js.gz").write_bytes(gzip.compress(f"x = '{written}'".encode()))
    assert shapes(warehouse, folder) == {("page.html", shape), ("page.js.gz", shape)}


@pytest.mark.parametrize(
    ("expression", "shape"),
    [
        ("md5(it)", "md5"),
        ("hash(it)", "DuckDB's hash"),
        ("to_base64(encode(it))", "base64"),
        ("[hex(it)]", "hexadecimal digits"),
        ("{'a': reverse(it)}", "its letters in reverse"),
        ("[ord(letter) for letter in string_split(it, '')]", "the codes of its letters"),
        ("'Mail ' || it", ""),
    ],
)
def test_tables_are_searched_as_the_engine_reads_them(
    warehouse: Path, folder: Path, expression: str, shape: str
) -> None:
    rows = f"select 1 as n, {expression} as x from (select '{PLAIN}' as it)"
    with duckdb.connect(str(folder / "published.duckdb")) as db:
        db.execute(f"create schema marts; create table marts.t as {rows}")
        (folder / "t").mkdir()
        month = f"{folder}/t/2026-01.parquet"
        db.execute(f"copy ({rows}) to '{month}' (format parquet, compression zstd)")
    assert shapes(warehouse, folder) == {("published.duckdb", shape), ("2026-01.parquet", shape)}


def test_what_is_masked_or_hashed_with_a_key_is_none_of_them(warehouse: Path, folder: Path) -> None:
    keyed = hashlib.sha256(b"a key" + PLAIN.encode()).hexdigest()
    (folder / "page.html").write_text(f"****@example.org {keyed} bo n/a", encoding="utf-8")
    assert search_published(warehouse, [folder], SECRETS) == (1, [])


def test_what_is_found_is_told_without_the_value(folder: Path) -> None:
    file = folder / "page.html"
    assert str(Remains(file, "raw.people.email", "md5")) == (
        f"{file}: values of raw.people.email are there as md5"
    )


def test_a_warehouse_that_cannot_be_read_is_an_error(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match="could not be searched"):
        search_published(tmp_path / "nope.duckdb", [folder], SECRETS)
