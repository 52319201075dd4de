"""How a CSV file is taken apart into records; the reference parser below is the last word."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import time
from dataclasses import dataclass, field

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benepass_tasks.config.errors import BooksError, SourceError
from benepass_tasks.ingestion import records
from benepass_tasks.ingestion.records import Accounting, Batch, BulkParser, RecordReader
from benepass_tasks.ingestion.scanning import Rejected

INVALID_UTF8 = "invalid UTF-8"
TOO_FEW = "too few columns"
TOO_MANY = "too many columns"
UNTERMINATED = "unterminated quote"
TEXT_AFTER_QUOTE = "text after a closing quote"
TOO_LONG = "record too long"
BOM = b"\xef\xbb\xbf"
SMALL_BLOCKS = (1, 2, 3, 5, 7, 16, 64)
LARGE_BLOCK = 1 << 20
LARGE_RECORD = 16 << 20

Row = tuple[int, tuple[str | None, ...]]


@dataclass
class Outcome:
    """Everything a file turns out to hold."""

    header: tuple[str, ...] = ()
    rows: list[Row] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    lines: int = 0
    blank_lines: int = 0
    embedded_newlines: int = 0
    header_lines: int = 0
    rejected_lines: int = 0


# --- The reference: every byte looked at by itself, nothing clever -------------------------------


class Malformed(Exception):  # noqa: N818
    """A record is not well formed; `lines_in` says how many line ends came before the fault."""

    def __init__(self, reason: str, lines_in: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.lines_in = lines_in


def physical_lines(data: bytes) -> list[tuple[bytes, bytes]]:
    """Split bytes into lines, each with its line end."""
    lines = []
    content = b""
    at = 0
    while at < len(data):
        if data[at : at + 2] == b"\r\n":
            end = b"\r\n"
        elif data[at : at + 1] in (b"\r", b"\n"):
            end = data[at : at + 1]
        else:
            content += data[at : at + 1]
            at += 1
            continue
        lines.append((content, end))
        content = b""
        at += len(end)
    if content:
        lines.append((content, b""))
    return lines


def read_fields(
    lines: list[tuple[bytes, bytes]],
) -> tuple[list[bytes | None], int]:
    """Read the record on the first of some lines: its fields, and how many lines it takes."""
    fields: list[bytes | None] = []
    value: bytes | None = None  # nothing yet
    state = "unquoted"
    for number, (content, end) in enumerate(lines):
        for byte in (content[i : i + 1] for i in range(len(content))):
            if state == "quoted" and byte == b'"':
                state = "after a quote"
            elif state == "quoted":
                value = (value or b"") + byte
            elif byte == b",":
                fields.append(value)
                value, state = None, "unquoted"
            elif state == "after a quote" and byte == b'"':
                value, state = (value or b"") + byte, "quoted"
            elif state == "after a quote":
                raise Malformed(TEXT_AFTER_QUOTE, number)
            elif value is None and byte == b'"':
                value, state = b"", "quoted"
            else:
                value = (value or b"") + byte
        if state != "quoted":
            return [*fields, value], number + 1
        value = (value or b"") + end
    raise Malformed(UNTERMINATED, len(lines))


def is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def raw_record(lines: list[tuple[bytes, bytes]]) -> bytes:
    return b"".join(content + end for content, end in lines[:-1]) + lines[-1][0]


def read_record(
    lines: list[tuple[bytes, bytes]], columns: int, max_bytes: int
) -> tuple[tuple[str | None, ...] | str, int]:
    """Read the record on the first line: its values or why it is rejected, and its line count."""
    first = lines[0][0]
    if len(first) > max_bytes:
        return TOO_LONG, 1
    try:
        fields, taken = read_fields(lines)
    except Malformed as fault:
        reason = fault.reason if fault.lines_in == 0 else UNTERMINATED
        return reason if is_utf8(first) else INVALID_UTF8, 1
    if taken > 1 and (len(fields) != columns or len(raw_record(lines[:taken])) > max_bytes):
        return UNTERMINATED if is_utf8(first) else INVALID_UTF8, 1
    if not is_utf8(raw_record(lines[:taken])):
        return INVALID_UTF8, taken
    if len(fields) != columns:
        return TOO_FEW if len(fields) < columns else TOO_MANY, 1
    return tuple(None if value is None else value.decode() for value in fields), taken


def reference(data: bytes, max_bytes: int = LARGE_RECORD) -> Outcome:
    """Take a whole file apart, or fail with the ValueError of a header that is not sound."""
    lines = physical_lines(data.removeprefix(BOM))
    outcome = Outcome(lines=len(lines))
    at = 0
    while at < len(lines):
        if lines[at][0] == b"":
            outcome.blank_lines += 1
            at += 1
        elif not outcome.header_lines:
            outcome.header, outcome.header_lines = reference_header(lines[at:], max_bytes)
            at += outcome.header_lines
        else:
            at += reference_record(outcome, lines, at, max_bytes)
    return outcome


def reference_header(
    lines: list[tuple[bytes, bytes]], max_bytes: int
) -> tuple[tuple[str, ...], int]:
    try:
        fields, taken = read_fields(lines)
    except Malformed as fault:
        raise ValueError from fault
    if len(raw_record(lines[:taken])) > max_bytes:
        raise ValueError
    return tuple((value or b"").decode() for value in fields), taken


def reference_record(
    outcome: Outcome, lines: list[tuple[bytes, bytes]], at: int, max_bytes: int
) -> int:
    read, taken = read_record(lines[at:], len(outcome.header), max_bytes)
    number = len(outcome.rows) + len(outcome.rejected) + 1
    if isinstance(read, str):
        raw = raw_record(lines[at : at + taken])[:max_bytes]
        outcome.rejected.append(Rejected(number, at + 1, read, raw))
        outcome.rejected_lines += taken
    else:
        outcome.rows.append((number, read))
        outcome.embedded_newlines += taken - 1
    return taken


# --- Running the reader --------------------------------------------------------------------------


def names(header: tuple[str, ...]) -> list[str]:
    return [f"c{position}" for position in range(len(header))]


def rows_of(batch: Batch) -> list[Row]:
    values = [column.to_pylist() for column in batch.table.columns]
    return [(number, tuple(row)) for *row, number in zip(*values, strict=True)]


def run(
    data: bytes, block_bytes: int = LARGE_BLOCK, max_bytes: int = LARGE_RECORD
) -> tuple[Outcome, Accounting]:
    reader = RecordReader(io.BytesIO(data), block_bytes=block_bytes, max_record_bytes=max_bytes)
    outcome = Outcome(header=reader.header)
    for batch in reader.batches(names(reader.header)):
        assert batch.table.num_rows + len(batch.rejected) > 0
        outcome.rows += rows_of(batch)
        outcome.rejected += batch.rejected
    books = reader.accounting
    outcome.lines = books.lines
    outcome.blank_lines = books.blank_lines
    outcome.embedded_newlines = books.embedded_newlines
    outcome.header_lines = books.header_lines
    outcome.rejected_lines = books.rejected_lines
    return outcome, books


def check_against_reference(data: bytes, block_bytes: int, max_bytes: int = LARGE_RECORD) -> None:
    try:
        expected = reference(data, max_bytes)
    except ValueError:
        with pytest.raises(SourceError):
            run(data, block_bytes, max_bytes)
        return
    outcome, books = run(data, block_bytes, max_bytes)
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
    "unquoted empty is null": (b",\n", [(1, (None, None))], []),
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
    "too many columns, quoted": (b'"1","2",""\r\n', [], [(2, TOO_MANY, b'"1","2",""')]),
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
    outcome = reference(b"x,y\n" + body)
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
    (batch,) = reader.batches(["first", "second"])
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
HEADERS = [b"x\n", b"x,y\n", b"x,y,z\r\n", BOM + b"x,y\r"]
any_bytes = st.lists(st.sampled_from(TOKENS), max_size=40).map(b"".join)
any_records = st.lists(st.sampled_from(RECORDS), max_size=25).map(b"".join)
mostly_good_records = st.lists(
    st.sampled_from(RECORDS[:6] * 6 + RECORDS), min_size=10, max_size=80
).map(b"".join)
bodies = any_bytes | any_records | mostly_good_records
block_sizes = st.sampled_from([*SMALL_BLOCKS, LARGE_BLOCK]) | st.integers(1, 300)


@settings(deadline=None, max_examples=400)
@given(st.sampled_from(HEADERS), bodies, block_sizes)
@example(b"x,y\n", b'"a"\r"b",c\n', 1)
@example(b"x\n", b'"a""\n"\r\n', 3)
def test_any_body_is_read_as_the_reference_reads_it(
    header: bytes, body: bytes, block_bytes: int
) -> None:
    check_against_reference(header + body, block_bytes)


@settings(deadline=None, max_examples=200)
@given(any_bytes, block_sizes)
def test_any_file_is_read_as_the_reference_reads_it(data: bytes, block_bytes: int) -> None:
    check_against_reference(data, block_bytes)


@settings(deadline=None, max_examples=200)
@given(bodies, block_sizes, st.integers(1, 12))
def test_any_limit_on_records_acts_as_in_the_reference(
    body: bytes, block_bytes: int, max_bytes: int
) -> None:
    check_against_reference(b"x,y\n" + body, block_bytes, max(max_bytes, 3))


@settings(deadline=None, max_examples=300)
@given(mostly_good_records, st.integers(1, 40), st.integers(1, 300), block_sizes)
def test_where_bulk_parsing_and_scanning_take_turns_changes_nothing(
    body: bytes, smallest: int, largest: int, block_bytes: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "SMALLEST", smallest)
        patch.setattr(records, "LARGEST", largest)
        check_against_reference(b"x,y\n" + body, block_bytes)


@pytest.mark.slow
@settings(deadline=None, max_examples=100)
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
    assert max(len(batch.rejected) for batch in reader.batches(["x", "y"])) <= 20_000
    assert reader.accounting.rejected == 50_000


@pytest.mark.slow
def test_unterminated_quote_loses_one_record_of_a_large_file() -> None:
    data = b"x,y,z\n" + GOOD_LINE + b'a,"b,c\n' + b"1,2,3\n" * 100_000 + GOOD_LINE * 100_000
    outcome, taken = seconds(data)
    assert outcome.rejected == [Rejected(2, 3, UNTERMINATED, b'a,"b,c')]
    assert len(outcome.rows) == 200_001
    assert taken < 10


@pytest.mark.slow
@pytest.mark.parametrize("line", [b'5","\n', b'a,"\n', b'"a,b,c\n', b'a,b,"\n', b'"""\n', b'",\n'])
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
