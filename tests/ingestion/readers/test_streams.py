"""A file comes to its text through its container and its encoding, or says why it does not."""

from __future__ import annotations

import gzip
import hashlib
import io
import zipfile
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from examples import examples
from hypothesis import example, given
from hypothesis import strategies as st

from benepass_tasks.catalog.layout import Layout
from benepass_tasks.config.errors import SourceError
from benepass_tasks.ingestion.readers.records import Accounting, RecordReader

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Table = list[tuple[str | None, ...]]


def zipped(data: bytes, *others: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("export/people.csv", data)
        for other in others:
            archive.writestr(other, b"of the system")
    return file.getvalue()


CONTAINERS: dict[str, Callable[[bytes], bytes]] = {
    "people.csv": lambda data: data,
    "people.csv.gz": gzip.compress,
    "people.zip": zipped,
    "people.csv.zst": lambda data: pa.compress(data, codec="zstd", asbytes=True),
}
LAYOUTS = [
    Layout(),
    Layout(sep=";"),
    Layout(sep="\t", quotechar=None),
    Layout(sep="|", quotechar="'"),
    Layout(sep=";", escapechar="\\"),
    Layout(quotechar=None, escapechar="\\"),
]
# In Shift-JIS the second bytes of these are a backslash and a vertical bar.
ENCODINGS = {
    "utf-8": "é;ソポ🙂",
    "utf-8-sig": "é;ソポ🙂",
    "utf-16": "é;ソポ🙂",
    "utf-16-le": "é;ソポ🙂",
    "utf-16-be": "é;ソポ🙂",
    "utf-32": "é;ソポ🙂",
    "cp1252": "é;€",
    "latin-1": "é;ÿ",
    "mac_roman": "é;√",
    "shift_jis": "ソ;ポ|表",
    "gb18030": "é;中🙂",
    "cp037": "é;x",
}


def written(table: Table, layout: Layout, end: str = "\n") -> str:
    """Write a table as a program would that knows the layout."""
    return "".join(layout.sep.join(_field(it, layout) for it in row) + end for row in table)


def _field(value: str | None, layout: Layout) -> str:
    special = {layout.sep, "\r", "\n", layout.quotechar, layout.escapechar} - {None}
    if value is None:
        return ""
    if layout.quotechar and (not value or special & set(value)):
        quote = layout.quotechar
        inside = value.replace("\\", "\\\\") if layout.escapechar else value
        return f"{quote}{inside.replace(quote, quote * 2)}{quote}"
    if layout.escapechar:
        return "".join(f"\\{it}" if it in special else it for it in value)
    return value


def read(
    data: bytes, layout: Layout, name: str = "people.csv", block_bytes: int = 1 << 20
) -> tuple[Table, list[tuple[int, str, bytes]], Accounting]:
    """Read a file: its rows, header first, and the place, reason and bytes of what is rejected."""
    reader = RecordReader(io.BytesIO(data), layout, name=name, block_bytes=block_bytes)
    columns = [str(place) for place in range(len(reader.header))]
    rows: Table = [reader.header]
    rejected = []
    for batch in reader.batches(columns, columns):
        values = [batch.table.column(name).to_pylist() for name in columns]
        rows += zip(*values, strict=True)
        rejected += [(it.line_number, it.reason, it.raw) for it in batch.rejected]
    return rows, rejected, reader.accounting


@pytest.mark.parametrize("name", CONTAINERS)
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda it: f"{it.sep}{it.quotechar}{it.escapechar}")
def test_a_table_is_read_back_from_any_layout_encoding_and_container(
    layout: Layout, encoding: str, name: str
) -> None:
    text = ENCODINGS[encoding]
    if layout.quotechar is None and layout.escapechar is None:
        text = text.replace(layout.sep, "")
    table: Table = [("id", "name"), ("1", text), (None, f" {text}"), ("3", None)]
    layout = Layout(
        sep=layout.sep, quotechar=layout.quotechar, escapechar=layout.escapechar, encoding=encoding
    )
    data = CONTAINERS[name](written(table, layout).encode(encoding))
    rows, rejected, books = read(data, layout, name)
    assert (rows, rejected) == (table, [])
    assert books.balances
    assert (books.bytes, books.sha256) == (len(data), hashlib.sha256(data).hexdigest())


characters = st.sampled_from("ab,;\t|'\"\\ #é€\n\r\x00") | st.characters(codec="utf-8")
values = st.none() | st.text(characters, max_size=6)
ends = st.sampled_from(["\n", "\r\n", "\r"])


@st.composite
def tables(draw: st.DrawFn) -> Table:
    width = draw(st.integers(2, 4))
    rows = draw(st.lists(st.tuples(*[values] * width), max_size=12))
    return [tuple(f"column {place}" for place in range(width)), *rows]


@examples(100)
@given(
    tables(),
    st.sampled_from(LAYOUTS),
    st.sampled_from(["utf-8", "utf-16", "utf-32-be"]),
    ends,
    st.integers(1, 200),
)
@example([("column 0", "column 1"), ("\ufeffa", None)], Layout(), "utf-16", "\r", 1)
def test_any_table_written_in_any_layout_is_read_back_equal(
    table: Table, layout: Layout, encoding: str, end: str, block_bytes: int
) -> None:
    if layout.quotechar is None:
        keep = str.maketrans("", "", "\r\n" + ("" if layout.escapechar else layout.sep))
        table = [tuple((it or "").translate(keep) or None for it in row) for row in table]
    layout = Layout(
        sep=layout.sep, quotechar=layout.quotechar, escapechar=layout.escapechar, encoding=encoding
    )
    data = written(table, layout, end).encode(encoding)
    rows, rejected, books = read(data, layout, block_bytes=block_bytes)
    nothing = {(None,) * len(table[0]), table[0]}
    assert (rejected, books.balances) == ([], True)
    assert [row for row in rows if row not in nothing] == [it for it in table if it not in nothing]


UNDECODABLE = [
    ("cp1252", b"a\x81b", b"a\x81b"),
    ("ascii", b"caf\xe9", b"caf\xe9"),
    ("ascii", "café".encode(), "café".encode()),
    ("shift_jis", b"\x83", b"\x83"),
    ("utf-16-le", b"a\x00\x00\xd8", b"a\x00\xd8"),
    ("utf-16-be", b"\xdc\x00\x00a", b"\xdc\x00a"),
    ("utf-32-le", b"a\x00\x00\x00\xff\xff\xff\xff", b"a\xff\xff\xff\xff"),
]


@pytest.mark.parametrize("block_bytes", [1, 3, 1 << 20])
@pytest.mark.parametrize(("encoding", "value", "raw"), UNDECODABLE)
def test_bytes_that_cannot_be_decoded_cost_their_record_alone(
    encoding: str, value: bytes, raw: bytes, block_bytes: int
) -> None:
    before, after = "id,name\n1,x\n2,".encode(encoding), "\n3,y\n".encode(encoding)
    rows, rejected, books = read(
        before + value + after, Layout(encoding=encoding), block_bytes=block_bytes
    )
    assert rows == [("id", "name"), ("1", "x"), ("3", "y")]
    assert rejected == [(3, f"invalid {encoding}", b"2," + raw)]
    assert books.balances


def test_a_file_that_ends_within_a_character_loses_its_last_record_alone() -> None:
    data = "id\n1\n2é".encode("utf-16-le")[:-1]
    rows, rejected, books = read(data, Layout(encoding="utf-16-le"))
    assert rows == [("id",), ("1",)]
    assert rejected == [(3, "invalid utf-16-le", b"2\xe9")]
    assert books.balances


def test_a_header_that_cannot_be_decoded_says_from_what() -> None:
    with pytest.raises(SourceError, match=r"people\.csv: the header on line 1 is not valid CP1252"):
        read(b"id,na\x81me\n1,x\n", Layout(encoding="cp1252"))


def test_an_undeclared_encoding_is_never_guessed() -> None:
    rows, rejected, _ = read("id\nx\né\n".encode("latin-1"), Layout())
    assert (rows, rejected) == ([("id",), ("x",)], [(3, "invalid UTF-8", b"\xe9")])


def test_a_byte_order_mark_is_dropped_whether_the_declaration_has_it_or_not() -> None:
    text = "\ufeffid\n1\n"
    for encoding in ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le"):
        rows, _, _ = read(text.encode(encoding), Layout(encoding=encoding))
        assert rows == [("id",), ("1",)]


# --- Containers ----------------------------------------------------------------------------------

PEOPLE = b"id,name\n" + b"".join(b"%d,Ann\n" % number for number in range(50))


def test_a_compressed_file_of_several_members_is_one_text() -> None:
    parts = (PEOPLE[:100], PEOPLE[100:], b"")
    for name in ("people.csv.gz", "people.csv.zst"):
        rows, _, books = read(b"".join(map(CONTAINERS[name], parts)), Layout(), name)
        assert (len(rows), books.balances) == (51, True)


@pytest.mark.parametrize("name", ["people.csv.gz", "people.csv.zst"])
def test_an_empty_compressed_file_is_an_empty_file(name: str) -> None:
    for data in (b"", CONTAINERS[name](b"")):
        assert read(data, Layout(), name)[0] == [()]


@pytest.mark.parametrize("compression", ["gzip", "zip", "zstd"])
def test_a_declared_compression_needs_no_name(compression: str) -> None:
    name = {"gzip": "people.csv.gz", "zip": "people.zip", "zstd": "people.csv.zst"}[compression]
    layout = Layout(compression=compression)  # type: ignore[arg-type]
    rows, _, _ = read(CONTAINERS[name](PEOPLE), layout, "people.csv")
    assert len(rows) == 51


@pytest.mark.parametrize("name", ["people.csv.gz", "people.zip", "people.csv.zst"])
def test_a_compressed_file_that_is_cut_short_anywhere_is_refused(name: str) -> None:
    whole = CONTAINERS[name](PEOPLE)
    for length in range(1, len(whole)):
        with pytest.raises(
            SourceError, match=rf"^{name} (is cut short or damaged|is not compressed)"
        ):
            read(whole[:length], Layout(), name)


@pytest.mark.parametrize("name", ["people.csv.gz", "people.zip"])
def test_a_compressed_file_with_a_changed_byte_is_refused(name: str) -> None:
    whole = CONTAINERS[name](PEOPLE)
    middle = whole.index(b"\x00", 40) if name.endswith("gz") else 60
    damaged = whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :]
    with pytest.raises(SourceError, match="is cut short or damaged"):
        read(damaged, Layout(), name)


def test_what_follows_a_compressed_text_is_not_passed_over() -> None:
    with pytest.raises(SourceError, match="is cut short or damaged"):
        read(gzip.compress(PEOPLE) + PEOPLE, Layout(), "people.csv.gz")


@pytest.mark.parametrize("name", ["people.csv.gz", "people.zip", "people.csv.zst"])
def test_a_plain_file_of_a_compressed_name_is_refused(name: str) -> None:
    with pytest.raises(SourceError, match=rf"^{name} is not compressed by (gzip|zip|zstd)"):
        read(PEOPLE, Layout(), name)


def test_a_zip_file_holds_one_file_whatever_the_system_added() -> None:
    data = zipped(PEOPLE, "__MACOSX/export/._people.csv", "export/.DS_Store", "empty/")
    assert len(read(data, Layout(), "people.zip")[0]) == 51


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (zipped(PEOPLE, "more.csv"), r"holds 2 files \(export/people\.csv, more\.csv\)"),
        (b"PK\x05\x06" + bytes(18), r"holds 0 files \(none\)"),
    ],
)
def test_a_zip_file_with_another_number_of_files_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        read(data, Layout(), "people.zip")


def test_an_encrypted_zip_file_is_refused() -> None:
    data = bytearray(zipped(PEOPLE))
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + flags] |= 1
    with pytest.raises(SourceError, match="pack it without a password"):
        read(bytes(data), Layout(), "people.zip")


@pytest.mark.parametrize("name", ["people.csv.gz", "people.csv.zst", "people.zip"])
def test_a_compressed_file_is_never_in_memory_as_a_whole(name: str) -> None:
    data = CONTAINERS[name](b"id\n" + b"1\n" * 2_000_000)
    before = pa.total_allocated_bytes()
    reader = RecordReader(io.BytesIO(data), Layout(), name=name, block_bytes=1 << 16)
    for batch in reader.batches(["id"]):
        assert len(batch.table) < 200_000
        assert pa.total_allocated_bytes() - before < 16 << 20


def rows_and_lines(parts: Sequence[bytes], layout: Layout) -> tuple[Table, int]:
    rows, _, books = read(b"".join(parts), layout)
    assert books.balances
    return rows, books.passed_over.total()


def test_files_put_together_have_their_headers_and_marks_passed_over() -> None:
    utf8 = ["id,name\n1,Ann\n".encode("utf-8-sig")] * 2
    utf16 = ["id,name\n1,Ann\n".encode("utf-16")] * 2
    expected = [("id", "name"), ("1", "Ann"), ("1", "Ann")]
    assert rows_and_lines(utf8, Layout()) == (expected, 1)
    assert rows_and_lines(utf16, Layout(encoding="utf-16")) == (expected, 1)
