"""What a file is said to be, by its bytes alone."""

from __future__ import annotations

import gzip
import io
import sqlite3
import zipfile
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benepass_tasks.ingestion.recognition.encodings import decode, detect
from benepass_tasks.ingestion.recognition.recognise import Recognition, recognise

if TYPE_CHECKING:
    from pathlib import Path

ROWS = ["id,name,city", "1,Ann,Bern", "2,Bo,Ulm", "3,Cy,Graz"]
PLAIN = "\n".join(ROWS) + "\n"


def _recognised(folder: Path, content: bytes | str) -> Recognition:
    path = folder / "people.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return recognise(path)


def _zipped(members: dict[str, bytes | str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


@pytest.mark.parametrize("content", [PLAIN, "\ufeff" + PLAIN, PLAIN.replace("\n", "\r\n")])
def test_of_a_file_that_is_as_it_should_be_nothing_is_said(tmp_path: Path, content: str) -> None:
    found = _recognised(tmp_path, content)
    assert (found.sentence, found.type, found.load_args) == ("", "pandas.CSVDataset", {})


@pytest.mark.parametrize(
    ("content", "sentence", "type_", "load_args"),
    [
        (
            PLAIN.replace(",", ";"),
            "is semicolon-separated",
            "pandas.CSVDataset",
            {"sep": ";"},
        ),
        (PLAIN.replace(",", "\t"), "is tab-separated", "pandas.CSVDataset", {"sep": "\t"}),
        (PLAIN.replace(",", "|"), "is bar-separated", "pandas.CSVDataset", {"sep": "|"}),
        (
            "Report of May\n\n" + PLAIN,
            "has two lines above the header",
            "pandas.CSVDataset",
            {"skiprows": 2},
        ),
        (
            "Report of May,,\n" + PLAIN,
            "has one line above the header",
            "pandas.CSVDataset",
            {"skiprows": 1},
        ),
        (
            "Report,May\n\n" + PLAIN,
            "has two lines above the header",
            "pandas.CSVDataset",
            {"skiprows": 2},
        ),
        (
            PLAIN.encode("utf-16"),
            "looks like UTF-16",
            "pandas.CSVDataset",
            {"encoding": "utf-16"},
        ),
        (
            PLAIN.encode("utf-16-le"),
            "looks like UTF-16",
            "pandas.CSVDataset",
            {"encoding": "utf-16-le"},
        ),
        (
            PLAIN.replace("Ann", "Hélène").encode("cp1252"),
            "looks like Windows-1252 (or Windows-1250)",
            "pandas.CSVDataset",
            {"encoding": "cp1252"},
        ),
        (
            PLAIN.replace("Ann", "Hélène").replace("Bo", "Jürgen").encode("mac_roman"),
            "looks like Macintosh Roman",
            "pandas.CSVDataset",
            {"encoding": "mac_roman"},
        ),
        (
            PLAIN.replace("\n", "\r"),
            "has lines that end with a carriage return alone",
            "pandas.CSVDataset",
            {},
        ),
        (
            "sep=;\n" + PLAIN.replace(",", ";"),
            "is semicolon-separated and names its separator on the first line",
            "pandas.CSVDataset",
            {"sep": ";"},
        ),
        (
            "".join(",".join(f"'{it}'" for it in row.split(",")) + "\n" for row in ROWS),
            "quotes its fields with '",
            "pandas.CSVDataset",
            {"quotechar": "'"},
        ),
        (
            "".join(", ".join(f'"{it}"' for it in row.split(",")) + "\n" for row in ROWS),
            "has spaces before quoted fields",
            "pandas.CSVDataset",
            {"skipinitialspace": True},
        ),
        (
            ("Report\n" + PLAIN.replace(",", ";")).encode("utf-16"),
            "looks like UTF-16, is semicolon-separated and has one line above the header",
            "pandas.CSVDataset",
            {"encoding": "utf-16", "sep": ";", "skiprows": 1},
        ),
        (
            gzip.compress(PLAIN.replace(",", ";").encode(), mtime=0),
            "is a gzip file and is semicolon-separated",
            "pandas.CSVDataset",
            {"compression": "gzip", "sep": ";"},
        ),
        (
            _zipped({"people.csv": PLAIN}),
            "is a zip archive",
            "pandas.CSVDataset",
            {"compression": "zip"},
        ),
        (
            _zipped({"__MACOSX/._people.csv": b"\0", "people.csv": PLAIN}),
            "is a zip archive",
            "pandas.CSVDataset",
            {"compression": "zip"},
        ),
        (
            pa.compress(PLAIN.encode(), "zstd").to_pybytes(),
            "is a Zstandard file",
            "pandas.CSVDataset",
            {"compression": "zstd"},
        ),
        (
            '{"id": "1", "name": "Ann"}\n{"id": "2"}\n',
            "is JSON lines",
            "pandas.JSONDataset",
            {"lines": True},
        ),
    ],
)
def test_a_file_that_a_declaration_fits_is_said_to_be_what_it_is(
    tmp_path: Path,
    content: bytes | str,
    sentence: str,
    type_: str,
    load_args: dict[str, object],
) -> None:
    found = _recognised(tmp_path, content)
    assert (found.sentence, found.type, found.load_args) == (sentence, type_, load_args)
    assert found.advice is None


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"\n \r\n", "holds nothing but blank lines"),
        ("<!DOCTYPE html>\n<html><body>Please sign in</body></html>", "is a web page"),
        ("\n  <table><tr><td>id</td></tr></table>", "is a web page"),
        ('<?xml version="1.0"?>\n<people/>', "is XML"),
        (
            '<?xml?><?mso?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"/>',
            "is an Excel workbook in XML of 2003",
        ),
        (b"%PDF-1.7\n\x00\x01", "is a PDF"),
        (
            "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
            "is a Git LFS pointer, not the file itself",
        ),
        ('[{"id": 1},\n {"id": 2}]\n', "is a JSON array"),
        ('{\n "id": 1\n}\n', "is JSON that takes several lines"),
        ('{"rows": [{"id": 1}]}\n', "is one JSON object, with records in a list of it"),
        (b"-----BEGIN PGP MESSAGE-----\n", "is encrypted with PGP"),
        (b"7z\xbc\xaf\x27\x1c\0\4", "is a 7-Zip archive"),
        (_zipped({"a.csv": PLAIN, "b.csv": PLAIN}), "is a zip archive of 2 files"),
        (_zipped({"a.csv": PLAIN})[:40], "is a zip archive or a workbook that is cut off"),
        (_zipped({"word/document.xml": "<a/>"}), "is a Word document"),
        (gzip.compress(PLAIN.encode(), mtime=0)[:12], "is a gzip file that cannot be unpacked"),
        (bytes(range(256)) * 8, "is not text"),
        (
            "".join(f'"{row}"\n' for row in ROWS),
            "has a whole record in quotes on each line",
        ),
        (
            "id   name   city\n1    Ann    Bern\n2    Bo     Ulm\n3    Cy     Graz\n",
            "has columns of a fixed width",
        ),
    ],
)
def test_a_file_that_no_declaration_fits_is_said_to_be_what_it_is(
    tmp_path: Path, content: bytes | str, sentence: str
) -> None:
    assert _recognised(tmp_path, content).sentence == sentence


def test_what_no_reader_reads_comes_with_advice(tmp_path: Path) -> None:
    found = _recognised(tmp_path, b"%PDF-1.7\n")
    assert (found.type, found.advice) == (None, "export it as CSV or as a workbook (.xlsx)")


def test_databases_and_parquet_are_told_by_their_own_bytes(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "a")) as database:
        database.execute("create table people (id int)")
    other = sqlite3.connect(tmp_path / "b")
    other.execute("create table people (id int)")
    other.close()
    pq.write_table(pa.table({"id": [1]}), tmp_path / "c")
    said = [recognise(tmp_path / name).sentence for name in ("a", "b", "c")]
    assert said == ["is a DuckDB database", "is a SQLite database", "is a Parquet file"]


def test_a_letter_beyond_the_first_bytes_still_tells_the_codec(tmp_path: Path) -> None:
    late = PLAIN.encode() * 20_000 + "4,Jürgen,Köln\n5,Hélène,Genève\n".encode("mac_roman")
    assert "looks like Macintosh Roman" in _recognised(tmp_path, late).sentence


def test_no_word_of_the_file_is_in_what_is_said_of_it(tmp_path: Path) -> None:
    found = _recognised(tmp_path, "Secretariat\nMüller;Köln;9\nHélène;Genf;8\n".encode("cp1252"))
    told = [found.sentence, *(it.evidence for it in found.findings), str(found.advice)]
    assert not [word for word in ("ller", "Köln", "Secret", "Genf") if word in " ".join(told)]


GERMAN = ["Müller", "Jürgen", "Weiß", "Köhler", "Bär"]


@pytest.mark.parametrize(
    ("names", "codec"),
    [
        (GERMAN, "cp1252"),
        (GERMAN, "mac_roman"),
        (GERMAN, "cp850"),
        (["Nº", "1ª", "Muñoz", "José"], "cp1252"),
        (["Łukasz", "Wójcik", "Śliwa"], "cp1250"),
        (["Łukasz", "Wójcik", "Śliwa"], "iso8859-2"),
        (["Иванов", "Пётр", "Анна"], "cp1251"),
        (["Иванов", "Пётр", "Анна"], "koi8-r"),
        (["Иванов", "Пётр", "Анна"], "cp866"),
        (["Γιώργος", "Μαρία", "Παπαδόπουλος"], "cp1253"),
        (["田中", "太郎", "佐藤", "スポーツ"], "cp932"),
        (["田中", "太郎", "佐藤", "スポーツ"], "euc_jp"),
        (["王伟", "李娜", "张敏", "刘洋", "健身房的费用", "我们的图书馆"], "gb18030"),
        (["김민수", "이영희"], "cp949"),
        (GERMAN, "utf-8"),
        (GERMAN, "utf-16-be"),
        (GERMAN, "utf-32-le"),
    ],
)
def test_the_codec_is_the_one_that_makes_words_of_the_bytes(names: list[str], codec: str) -> None:
    text = "".join(f"E{place};{name};active\n" for place, name in enumerate(names))
    found = detect(text.encode(codec))
    assert found is not None
    assert (found.codec, decode(text.encode(codec), found.codec)) == (codec, text)


def test_where_several_codecs_fit_all_are_named() -> None:
    found = detect("E1,Jörg\n".encode("mac_roman"))
    assert found is not None
    assert {found.codec, *found.others} >= {"mac_roman", "cp1252"}
