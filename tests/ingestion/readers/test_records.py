"""How a CSV file is taken apart into records; the reference parser below is the last word."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import time

import pyarrow as pa
import pytest
from csv_reference import (
    BOM,
    INVALID_UTF8,
    TEXT_AFTER_QUOTE,
    TOO_FEW,
    TOO_LONG,
    TOO_MANY,
    UNTERMINATED,
    Outcome,
    Reference,
    Row,
)
from examples import at_night, examples
from hypothesis import example, given
from hypothesis import strategies as st

from benepass_tasks.catalog.layout import Layout
from benepass_tasks.config.errors import BooksError, SourceError
from benepass_tasks.ingestion.readers import records
from benepass_tasks.ingestion.readers.records import Accounting, Batch, BulkParser, RecordReader
from benepass_tasks.ingestion.readers.scanning import Rejected

SMALL_BLOCKS = (1, 2, 3, 5, 7, 16, 64)
LARGE_BLOCK = 1 << 20
LARGE_RECORD = 16 << 20

# --- Running the reader --------------------------------------------------------------------------


def names(header: tuple[str, ...]) -> list[str]:
    return [f"c{position}" for position in range(len(header))]


def rows_of(batch: Batch) -> list[Row]:
    values = [column.to_pylist() for column in batch.table.columns]
    return [(number, tuple(row)) for *row, number in zip(*values, strict=True)]


def run(
    data: bytes,
    block_bytes: int = LARGE_BLOCK,
    max_bytes: int = LARGE_RECORD,
    *,
    layout: Layout | None = None,
    fewest: int | None = None,
) -> tuple[Outcome, Accounting]:
    reader = RecordReader(
        io.BytesIO(data), layout or Layout(), block_bytes=block_bytes, max_record_bytes=max_bytes
    )
    outcome = Outcome(header=reader.header)
    columns = names(reader.header)
    for batch in reader.batches(columns, columns[:fewest]):
        assert batch.table.num_rows + len(batch.rejected) > 0
        outcome.rows += rows_of(batch)
        outcome.rejected += batch.rejected
    books = reader.accounting
    outcome.lines = books.lines
    outcome.blank_lines = books.blank_lines
    outcome.embedded_newlines = books.embedded_newlines
    outcome.header_lines = books.header_lines
    outcome.rejected_lines = books.rejected_lines
    outcome.passed_over = +books.passed_over
    return outcome, books


def check_against_reference(
    data: bytes,
    block_bytes: int,
    max_bytes: int = LARGE_RECORD,
    *,
    layout: Layout | None = None,
    fewest: int | None = None,
) -> None:
    try:
        expected = Reference(layout, max_bytes, fewest).read(data)
    except ValueError:
        with pytest.raises(SourceError):
            run(data, block_bytes, max_bytes, layout=layout, fewest=fewest)
        return
    outcome, books = run(data, block_bytes, max_bytes, layout=layout, fewest=fewest)
    assert outcome == expected
    assert books.balances
    assert (books.parsed, books.rejected) == (len(expected.rows), len(expected.rejected))
    assert (books.bytes, books.sha256) == (len(data), hashlib.sha256(data).hexdigest())


# --- The rules, one by one -----------------------------------------------------------------------

# Body after a header of two columns; the rows and the rejected records (line, reason, raw).
RULES: dict[str, tuple[bytes, list[Row], list[tuple[int, str, bytes]]]] = {
    "plain": (b"1,2\n3,4\n", [(1, ("1", "2")), (2, ("3", "4"))], []),
    "no final line end": (b"1,2", [(1, ("1", "2"))], []),
    "no final line end after a quote": (b'1,"2"', [(1, ("1", "2"))], []),
    "unquoted empty is null": (b'"",\n,a\n', [(1, ("", None)), (2, (None, "a"))], []),
    "separators alone are no record": (
        b",\n1,2\r\n,,,,\r\n,\r3,4\n,",
        [(1, ("1", "2")), (2, ("3", "4"))],
        [],
    ),
    "quoted empty is empty": (b'"",""\n', [(1, ("", ""))], []),
    "spaces are kept": (b"  1 , 2\n", [(1, ("  1 ", " 2"))], []),
    "NUL is kept": (b"1\x00,\x00\n", [(1, ("1\x00", "\x00"))], []),
    "an escaped quote is one": (b'"""a""","b""c"\n', [(1, ('"a"', 'b"c'))], []),
    "only escaped quotes": (b'"""",""""""\n', [(1, ('"', '""'))], []),
    "null after quotes at the end of the file": (b'"",', [(1, ("", None))], []),
    "a comma inside quotes": (b'"a,b",c\n', [(1, ("a,b", "c"))], []),
    "mixed line ends": (
        b"1,2\r3,4\r\n5,6\n7,8\r",
        [(1, ("1", "2")), (2, ("3", "4")), (3, ("5", "6")), (4, ("7", "8"))],
        [],
    ),
    "line ends inside quotes are kept": (
        b'"a\nb","c\r\nd\re"\r\n1,2\n',
        [(1, ("a\nb", "c\r\nd\re")), (2, ("1", "2"))],
        [],
    ),
    "a quote inside an unquoted field": (b'5" pipe,6""\n', [(1, ('5" pipe', '6""'))], []),
    "a quote after a space": (b' "a", "b"\n', [(1, (' "a"', ' "b"'))], []),
    "blank lines are no records": (
        b"\n1,2\n\r\n\r\n\r3,4\n\n",
        [(1, ("1", "2")), (2, ("3", "4"))],
        [],
    ),
    "spaces alone are a record": (b"  \n1,2\n", [(2, ("1", "2"))], [(2, TOO_FEW, b"  ")]),
    "too few columns": (b"1\n1,2\n", [(2, ("1", "2"))], [(2, TOO_FEW, b"1")]),
    "too many columns": (b"1,2\n1,2,3\n", [(1, ("1", "2"))], [(3, TOO_MANY, b"1,2,3")]),
    "too many columns, quoted": (b'"1","2"," "\r\n', [], [(2, TOO_MANY, b'"1","2"," "')]),
    "surplus empty fields": (
        b'1,2,\n"3","4",,""\r\n,5,,\n',
        [(1, ("1", "2")), (2, ("3", "4")), (3, (None, "5"))],
        [],
    ),
    "surplus fields of which one is not empty": (b"1,2,,3\n", [], [(2, TOO_MANY, b"1,2,,3")]),
    "the header once more": (
        b'1,2\nx,y\n"x","y",\n' + BOM + b'"x",y\n3,4\nX,y\n',
        [(1, ("1", "2")), (2, ("3", "4")), (3, ("X", "y"))],
        [],
    ),
    "text after a closing quote": (
        b'"a"b,c\n"a" ,c\n1,2\n',
        [(3, ("1", "2"))],
        [(2, TEXT_AFTER_QUOTE, b'"a"b,c'), (3, TEXT_AFTER_QUOTE, b'"a" ,c')],
    ),
    "invalid UTF-8": (
        b"\xff,1\n2,\xc3\xa9\n",
        [(2, ("2", "é"))],
        [(2, INVALID_UTF8, b"\xff,1")],
    ),
    "invalid UTF-8 in a record of several lines": (
        b'"a\n\xff",1\n2,3\n',
        [(2, ("2", "3"))],
        [(2, INVALID_UTF8, b'"a\n\xff",1')],
    ),
    "invalid UTF-8 comes before any other reason": (b"\xff\n", [], [(2, INVALID_UTF8, b"\xff")]),
    "an overlong encoding": (b"\xc0\x80,1\n", [], [(2, INVALID_UTF8, b"\xc0\x80,1")]),
    "an unterminated quote": (
        b'"a,b\n1,2\n3,4\n',
        [(2, ("1", "2")), (3, ("3", "4"))],
        [(2, UNTERMINATED, b'"a,b')],
    ),
    "an unterminated quote before a quoted field": (
        b'a,"b\n1,"2"\n3,4\n',
        [(2, ("1", "2")), (3, ("3", "4"))],
        [(2, UNTERMINATED, b'a,"b')],
    ),
    "an unterminated quote before another": (
        b'a,"b\nc,"d\n3,4\n',
        [(3, ("3", "4"))],
        [(2, UNTERMINATED, b'a,"b'), (3, UNTERMINATED, b'c,"d')],
    ),
    "several lines with too many columns": (
        b'a,"b\nc,",d\n3,4\n',
        [(3, ("3", "4"))],
        [(2, UNTERMINATED, b'a,"b'), (3, UNTERMINATED, b'c,",d')],
    ),
    "several lines with too few columns": (
        b'"a\nb"\n3,4\n',
        [(3, ("3", "4"))],
        [(2, UNTERMINATED, b'"a'), (3, TOO_FEW, b'b"')],
    ),
    "a byte order mark in the data is text": (
        BOM + b"1,2\n" + BOM + b",\n",
        [(1, ("\ufeff1", "2")), (2, ("\ufeff", None))],
        [],
    ),
}


@pytest.mark.parametrize("block_bytes", [1, 7, LARGE_BLOCK])
@pytest.mark.parametrize("rule", RULES)
def test_rule(rule: str, block_bytes: int) -> None:
    body, rows, rejected = RULES[rule]
    outcome, books = run(b"x,y\n" + body, block_bytes)
    assert outcome.rows == rows
    assert [(r.line_number, r.reason, r.raw) for r in outcome.rejected] == rejected
    assert books.balances


@pytest.mark.parametrize("rule", RULES)
def test_reference_follows_the_same_rules(rule: str) -> None:
    body, rows, rejected = RULES[rule]
    outcome = Reference().read(b"x,y\n" + body)
    assert outcome.rows == rows
    assert [(r.line_number, r.reason, r.raw) for r in outcome.rejected] == rejected


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        (b'""\n""\na\n', ["", "", "a"]),
        (b"a\n\nb\n", ["a", "b"]),
        (b" \n\x00\n", [" ", "\x00"]),
    ],
)
def test_a_file_of_one_column_keeps_quoted_empties_but_not_blank_lines(
    body: bytes, rows: list[str]
) -> None:
    outcome, _ = run(b"x\n" + body)
    assert [row for _, (row,) in outcome.rows] == rows


def test_records_are_numbered_in_one_sequence() -> None:
    outcome, _ = run(b"x,y\n1,2\nbad\n\n3,4\nbad\n5,6\n")
    assert [number for number, _ in outcome.rows] == [1, 3, 5]
    assert [(r.record_number, r.line_number) for r in outcome.rejected] == [(2, 3), (4, 6)]


def test_tables_have_the_given_names_as_text_and_the_row_number() -> None:
    reader = RecordReader(io.BytesIO(b"x,y\n1,\nbad\n"))
    (batch,) = reader.batches(["first", "second"])
    assert batch.table.schema == pa.schema(
        {"first": pa.string(), "second": pa.string(), "_row_number": pa.int64()}
    )


def test_a_batch_of_rejected_records_only_has_an_empty_table() -> None:
    reader = RecordReader(io.BytesIO(b"x,y\nbad\n"))
    (batch,) = reader.batches(["first", "second"], ["second"])
    assert batch.table.num_rows == 0
    assert batch.table.column_names == ["first", "second", "_row_number"]


# --- The header ----------------------------------------------------------------------------------


@pytest.mark.parametrize("block_bytes", [1, 4, LARGE_BLOCK])
@pytest.mark.parametrize(
    ("data", "header"),
    [
        (b"", ()),
        (BOM, ()),
        (b"\n\r\n\r", ()),
        (b"x,y", ("x", "y")),
        (BOM + b"x,y\n", ("x", "y")),
        (BOM + b'"x",y\n', ("x", "y")),
        (b"\n\nx,y\n", ("x", "y")),
        (b' x ,"a,""b""\r\nc",\r\n1,2,3\n', (" x ", 'a,"b"\r\nc', "")),
        ("é\n".encode(), ("é",)),
    ],
)
def test_header_is_the_first_record_as_written(
    data: bytes, header: tuple[str, ...], block_bytes: int
) -> None:
    assert RecordReader(io.BytesIO(data), block_bytes=block_bytes).header == header


@pytest.mark.parametrize("block_bytes", [1, LARGE_BLOCK])
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"secret,\xff\n1,2\n", "line 1 is not valid UTF-8"),
        (b'\nsecret,"y\n1,2\n', "line 2 has a quoted column name that is never closed"),
        (b'"secret"y,z\n1,2\n', "line 1 has a quoted column name with text after its closing"),
    ],
)
def test_header_that_is_not_sound_is_an_error_without_its_values(
    data: bytes, message: str, block_bytes: int
) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        RecordReader(io.BytesIO(data), block_bytes=block_bytes)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("block_bytes", [1, LARGE_BLOCK])
@pytest.mark.parametrize(
    "header", ["charge,account,shop,cents", "account,charge,shop,amount", '"account",shop,charge,x']
)
def test_another_header_among_the_records_is_an_error(header: str, block_bytes: int) -> None:
    data = f"charge,account,shop,amount\n1,2,charge,4.00\n{header}\n5,6,7,800\n"
    reader = RecordReader(io.BytesIO(data.encode()), name="cards.csv", block_bytes=block_bytes)
    with pytest.raises(SourceError, match=r"^cards\.csv has another header among its records"):
        list(reader.batches(reader.header))


def test_header_longer_than_a_record_may_be_is_an_error() -> None:
    with pytest.raises(SourceError, match="longer than the 4 bytes"):
        RecordReader(io.BytesIO(b"abcde\n"), max_record_bytes=4)


def test_names_must_match_the_header() -> None:
    reader = RecordReader(io.BytesIO(b"x,y\n"))
    with pytest.raises(ValueError, match="1 names for a header of 2 columns"):
        reader.batches(["x"])


# --- Accounting ----------------------------------------------------------------------------------


def test_accounting_puts_every_line_in_one_place() -> None:
    data = BOM + b'\n"x\n1",y\n1,2\n\r\n"a\nb\r\nc",d\nbad\r"\xff\n",z\n3,4'
    _, books = run(data)
    assert books == Accounting(
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
        lines=12,
        blank_lines=2,
        embedded_newlines=2,
        header_lines=2,
        rejected_lines=3,
        parsed=3,
        rejected=2,
    )
    assert books.records == 5
    assert books.balances


def test_accounting_is_not_available_before_the_last_batch() -> None:
    reader = RecordReader(io.BytesIO(b"x\n1\n2\n"), block_bytes=1)
    batches = reader.batches(["x"])
    next(batches)
    with pytest.raises(RuntimeError, match="complete only after the last batch"):
        _ = reader.accounting


def test_records_can_be_read_only_once() -> None:
    reader = RecordReader(io.BytesIO(b"x\n"))
    reader.batches(["x"])
    with pytest.raises(RuntimeError, match="read once"):
        reader.batches(["x"])


@pytest.mark.parametrize(
    "count",
    ["lines", "blank_lines", "embedded_newlines", "header_lines", "rejected_lines", "parsed"],
)
def test_books_do_not_balance_when_a_line_is_lost_or_multiplied(count: str) -> None:
    _, books = run(b"x\n1\n\n2\n")
    for change in (-1, 1):
        changed = dataclasses.replace(books, **{count: getattr(books, count) + change})
        assert not changed.balances


def test_a_row_lost_by_the_parser_is_never_taken_for_a_blank_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = BulkParser.parse
    monkeypatch.setattr(BulkParser, "parse", lambda *given: whole(*given).slice(1))
    with pytest.raises(BooksError, match="2 records were parsed into 1 rows"):
        run(b"x\n1\n2\n")


# --- Any bytes at all ----------------------------------------------------------------------------

TOKENS = [
    *(b"a", b",", b'"', b"\n", b"\r", b"\r\n", b" ", b"\x00", b"\xff"),
    *("é".encode(), "é".encode()[:1], BOM, b'""', b'","', b'"\n', b',"'),
]
RECORDS = [
    *(b"1,2\n", b"3,\r\n", b'"",4\n', b'"a,""b""",5\n', b'"a\nb","\r\n"\n', "é,6\n".encode()),
    *(b"7,8\r", b"\n", b"\r\n", b"x\n", b"x,y,z\n", b"\xff,9\n", b'a"b,c\n', b'"a"b,c\n'),
    *(b'"a,b\n', b'a,"b\n', b'a,","\n', BOM + b",1\n", b'"\n\n",1\n', b'"\xff\n",1\n', b'"\r",1\n'),
]
HEADERS = [b"x\n", b"x,y\n", b"x,y,z\r\n", BOM + b"x,y\r", b"a,\n", b'"",1\n']
any_bytes = st.lists(st.sampled_from(TOKENS), max_size=40).map(b"".join)
any_records = st.lists(st.sampled_from(RECORDS), max_size=25).map(b"".join)
mostly_good_records = st.lists(
    st.sampled_from(RECORDS[:6] * 6 + RECORDS), min_size=10, max_size=80
).map(b"".join)
bodies = any_bytes | any_records | mostly_good_records
block_sizes = st.sampled_from([*SMALL_BLOCKS, LARGE_BLOCK]) | st.integers(1, 300)


@examples(100)
@given(st.sampled_from(HEADERS), bodies, block_sizes)
@example(b"x,y\n", b'"a"\r"b",c\n', 1)
@example(b"x\n", b'"a""\n"\r\n', 3)
def test_any_body_is_read_as_the_reference_reads_it(
    header: bytes, body: bytes, block_bytes: int
) -> None:
    check_against_reference(header + body, block_bytes)


LAYOUTS = [
    Layout(sep=";"),
    Layout(sep="\t", quotechar=None),
    Layout(sep="|", quotechar="'"),
    Layout(escapechar="\\"),
    Layout(skipinitialspace=True),
    Layout(sep=";", escapechar="\\", skipinitialspace=True),
    Layout(sep=";", quotechar=None, escapechar="\\"),
    Layout(skiprows=1, skipfooter=1),
    Layout(skiprows=2, header_lines=2, comment="#"),
    Layout(skipfooter=3, skip_lines=(r"^T\b", "é$")),
    Layout(header_lines=3, comment="a", skip_lines=("1,2",), skipfooter=1),
]
LAYOUT_TOKENS = [
    *(
        b"a",
        b" ",
        b', "',
        b"#",
        b"T",
        b"1,2",
        b";",
        b"\t",
        b"|",
        b"'",
        b",",
        b'"',
        b"\\",
        b"\\",
        b"\\\n",
        b"\\\r",
    ),
    *(b"\n", b"\n", b"\r", b"\r\n", b"\xff", "é".encode(), BOM, b"''", b"';'", b"'\n", b"x;y\n"),
    *(b"1;2\n", b"x\ty\n", b"1\t2\n", b"sep=;\n", b"T 3\n", b"#4\n", b"x,y\n", b"1,2\n", b'"a,\n'),
]
layout_bytes = st.lists(st.sampled_from(LAYOUT_TOKENS), max_size=40).map(b"".join)


@examples(300)
@given(st.sampled_from(LAYOUTS), layout_bytes, block_sizes, st.none() | st.integers(1, 2))
@example(Layout(escapechar="\\"), b'a\n""\\', 1, None)
def test_any_file_in_any_layout_is_read_as_the_reference_reads_it(
    layout: Layout, data: bytes, block_bytes: int, fewest: int | None
) -> None:
    check_against_reference(data, block_bytes, layout=layout, fewest=fewest)


@examples(100)
@given(st.sampled_from(LAYOUTS), layout_bytes, block_sizes, st.integers(1, 30), st.integers(1, 200))
def test_a_layout_is_the_same_however_the_two_readers_take_turns(
    layout: Layout, body: bytes, block_bytes: int, smallest: int, largest: int
) -> None:
    sep = layout.sep.encode()
    header = b"t\n" * layout.skiprows + b"x%by\n" % sep + b"u\n" * (layout.header_lines - 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "SMALLEST", smallest)
        patch.setattr(records, "LARGEST", largest)
        check_against_reference(header + body, block_bytes, 64, layout=layout, fewest=1)


@examples(50)
@given(any_bytes, block_sizes)
def test_any_file_is_read_as_the_reference_reads_it(data: bytes, block_bytes: int) -> None:
    check_against_reference(data, block_bytes)


@examples(50)
@given(bodies, block_sizes, st.integers(1, 12))
def test_any_limit_on_records_acts_as_in_the_reference(
    body: bytes, block_bytes: int, max_bytes: int
) -> None:
    check_against_reference(b"x,y\n" + body, block_bytes, max(max_bytes, 3))


@examples(60)
@given(mostly_good_records, st.integers(1, 40), st.integers(1, 300), block_sizes)
def test_where_bulk_parsing_and_scanning_take_turns_changes_nothing(
    body: bytes, smallest: int, largest: int, block_bytes: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "SMALLEST", smallest)
        patch.setattr(records, "LARGEST", largest)
        check_against_reference(b"x,y\n" + body, block_bytes)


@pytest.mark.slow
@examples(25)
@given(bodies)
@example(b'7,8\r"a\nb",1\n')
def test_block_size_never_changes_the_result(body: bytes) -> None:
    data = b"x,y\n" + body
    whole = run(data)
    for block_bytes in SMALL_BLOCKS:
        assert run(data, block_bytes) == whole


# --- Size ----------------------------------------------------------------------------------------

GOOD_LINE = b'T000000001,"Blue Bottle, Inc",189.82\n'


def seconds(data: bytes) -> tuple[Outcome, float]:
    started = time.process_time()
    outcome, books = run(data, 1 << 18)
    assert books.balances
    return outcome, time.process_time() - started


def test_field_of_five_megabytes_is_read_whole() -> None:
    text = "line\n" * 500_000 + "x" * 2_500_000
    outcome, books = run(b'x,y\n1,"' + text.encode() + b'"\n2,3\n', 1 << 20)
    assert outcome.rows == [(1, ("1", text)), (2, ("2", "3"))]
    assert books.balances


@pytest.mark.parametrize("block_bytes", [10, 1000, LARGE_BLOCK])
def test_line_longer_than_allowed_is_rejected_and_its_beginning_kept(block_bytes: int) -> None:
    data = b"x,y\n1,2\n" + b"a" * 5000 + b"\r\n3,4\n" + b"b" * 5000
    outcome, books = run(data, block_bytes, max_bytes=100)
    assert outcome.rows == [(1, ("1", "2")), (3, ("3", "4"))]
    assert outcome.rejected == [
        Rejected(2, 3, TOO_LONG, b"a" * 100),
        Rejected(4, 5, TOO_LONG, b"b" * 100),
    ]
    assert books.balances


def test_several_lines_longer_than_allowed_together_count_as_an_unterminated_quote() -> None:
    outcome, _ = run(b'x,y\n"a\nb",2\n', max_bytes=6)
    assert outcome.rejected == [Rejected(1, 2, UNTERMINATED, b'"a')]
    assert outcome.rows == [(2, ('b"', "2"))]
    outcome, _ = run(b'x,y\n"a\nb",2\n', max_bytes=7)
    assert outcome.rows == [(1, ("a\nb", "2"))]


@pytest.mark.parametrize("bad", [b"x\n", b'"a"b,c,d\n', b"\xff,b,c\n", b'"a,b,c\n', b"1,2,3,4\n"])
def test_ten_thousand_rejected_records_among_good_ones(bad: bytes) -> None:
    outcome, _ = seconds(b"x,y,z\n" + (GOOD_LINE * 4 + bad) * 10_000)
    assert [r.record_number for r in outcome.rejected] == list(range(5, 50_001, 5))
    assert {r.raw for r in outcome.rejected} == {bad.rstrip()}
    assert len(outcome.rows) == 40_000


def test_batches_stay_small_when_every_record_is_rejected() -> None:
    reader = RecordReader(io.BytesIO(b"x,y\n" + b"a\n" * 50_000))
    assert max(len(batch.rejected) for batch in reader.batches(["x", "y"], ["y"])) <= 20_000
    assert reader.accounting.rejected == 50_000


@pytest.mark.slow
def test_unterminated_quote_loses_one_record_of_a_large_file() -> None:
    data = b"x,y,z\n" + GOOD_LINE + b'a,"b,c\n' + b"1,2,3\n" * 100_000 + GOOD_LINE * 100_000
    outcome, taken = seconds(data)
    assert outcome.rejected == [Rejected(2, 3, UNTERMINATED, b'a,"b,c')]
    assert len(outcome.rows) == 200_001
    assert taken < 10


@pytest.mark.slow
@pytest.mark.parametrize(
    "line", [b'5","\n', *at_night(b'a,"\n', b'"a,b,c\n', b'a,b,"\n', b'"""\n', b'",\n')]
)
def test_file_in_which_every_line_opens_a_quote_takes_time_in_proportion(line: bytes) -> None:
    header = b",".join([b"x"] * 7) + b"\n"
    _, few = seconds(header + line * 20_000)
    _, many = seconds(header + line * 160_000)
    assert many < 8 * 3 * max(few, 0.1)


def test_a_quote_that_nothing_closes_before_the_limit_takes_time_in_proportion() -> None:
    data = b"x,y\n" + (b'a,"b\n' + b"1,2\n" * 100) * 300
    outcome, books = run(data, 64, max_bytes=1000)
    assert {r.reason for r in outcome.rejected} == {UNTERMINATED}
    assert len(outcome.rows) == 30_000
    assert books.balances


def test_records_that_all_have_surplus_fields_are_read_in_bulk_and_checked() -> None:
    surplus = b"1,2,\n" * 20_000
    outcome, books = run(b"x,y\n" + surplus + b"3,4,5\n" + surplus)
    assert [(it.line_number, it.reason, it.raw) for it in outcome.rejected] == [
        (20_002, TOO_MANY, b"3,4,5")
    ]
    assert (len(outcome.rows), books.balances) == (40_000, True)


def test_records_that_all_lack_optional_fields_are_read_in_bulk_but_for_one_cut_off() -> None:
    outcome, books = run(b"x,y\n" + b"1\n" * 40_000 + b"1", fewest=1)
    assert [(it.line_number, it.reason) for it in outcome.rejected] == [(40_002, TOO_FEW)]
    assert (len(outcome.rows), books.balances) == (40_000, True)
