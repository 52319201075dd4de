"""The scan that applies the rules of `dialect` record by record, and what it comes upon."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from benepass_tasks.ingestion.readers.blocks import after_line_end, line_ends
from benepass_tasks.ingestion.readers.dialect import Dialect
from benepass_tasks.ingestion.readers.passed_over import REPEATED_HEADER, PassedOver
from benepass_tasks.state.source_files import CUT_OFF

INVALID_UTF8: Final = "invalid UTF-8"
TOO_FEW: Final = "too few columns"
TOO_MANY: Final = "too many columns"
UNTERMINATED: Final = "unterminated quote"
TEXT_AFTER_QUOTE: Final = "text after a closing quote"
ESCAPED_LINE_END: Final = "escaped line end"
TOO_LONG: Final = "record too long"


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that could not be parsed.

    Attributes:
        record_number: Its number, counted from 1 after the header, parsed records included.
        line_number: The physical line on which it begins, counted from 1.
        reason: One of this module's phrases.
        raw: Its bytes without its line end; of a record longer than allowed only the beginning,
            as much as is allowed.
    """

    record_number: int
    line_number: int
    reason: str
    raw: bytes


@dataclass(slots=True)
class Tally:
    """What the parsing has come upon so far; each physical line is in exactly one count.

    Attributes:
        header_lines: The lines of the header.
        passed_over: The lines with something on them that are neither the header nor of a record,
            by what they are.
        blank_lines: Lines with nothing at all on them, outside records.
        embedded_newlines: Line ends inside the fields of parsed records.
        rejected_lines: The lines of the rejected records.
        parsed: Records in the tables.
        rejected: Records that could not be parsed.
        is_cut_off: Whether the file ends within a record, as where only a part of it was copied.
    """

    header_lines: int = 0
    passed_over: Counter[str] = field(default_factory=Counter)
    blank_lines: int = 0
    embedded_newlines: int = 0
    rejected_lines: int = 0
    parsed: int = 0
    rejected: int = 0
    is_cut_off: bool = False

    @property
    def records(self) -> int:
        """All records after the header."""
        return self.parsed + self.rejected

    @property
    def accounted(self) -> int:
        """The physical lines that are accounted for."""
        of_records = self.parsed + self.embedded_newlines + self.rejected_lines
        return self.header_lines + self.passed_over.total() + of_records + self.blank_lines

    def reject(self, reason: str, raw: bytes, *, lines: int = 1) -> Rejected:
        """Count a record that takes so many physical lines; its bytes come without a line end."""
        rejected = Rejected(self.records + 1, self.accounted + 1, reason, raw)
        self.rejected += 1
        self.rejected_lines += lines
        self.is_cut_off = self.is_cut_off or reason == CUT_OFF
        return rejected


@dataclass(slots=True)
class Found:
    """The records of scanned bytes, in file order.

    Attributes:
        good: The bytes of each well-formed record with its line end.
        numbers: Their record numbers.
        rejected: The others.
    """

    good: list[bytes] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Shape:
    """What a record may be.

    Attributes:
        columns: How many fields it has.
        fewest: How many of them must be there; the others may be missing at its end.
        max_bytes: How long it may be.
    """

    columns: int
    fewest: int
    max_bytes: int


class Scanner:
    """Reads records one by one, exactly by the rules, whatever the bytes are.

    Attributes:
        width: How many fields the last well-formed record has.
    """

    def __init__(
        self, dialect: Dialect, passed_over: PassedOver, shape: Shape, tally: Tally
    ) -> None:
        """Prepare for records of a shape."""
        self._dialect = dialect
        self._passed_over = passed_over
        self._columns, self._max_bytes = shape.columns, shape.max_bytes
        self.width = shape.columns
        self._tally = tally
        self._record = dialect.record(shape.columns)
        self._ragged = dialect.ragged(shape.fewest, shape.columns)
        self._open = dialect.open(shape.columns)

    def scan(
        self, data: bytes, start: int, stop: int, limit: int, *, final: bool
    ) -> tuple[Found, int]:
        """Read the records that begin from `start` on and before `stop`.

        Args:
            data: The bytes, which may go on beyond `stop`.
            start: Where the first record begins.
            stop: No record is begun here or later.
            limit: The end of the last whole line in `data`.
            final: Whether the file ends there.

        Returns:
            What was found, and where the next record begins: before `stop` when more bytes are
            needed to tell whether a quote is closed.
        """
        found = Found()
        at = start
        while at < stop:
            after = self._read_one(data, at, limit, found, final=final)
            if after == at:
                break
            at = after
        return found, at

    def _read_one(self, data: bytes, at: int, limit: int, found: Found, *, final: bool) -> int:
        """Read the record or other line at a position; stay there when more bytes are needed."""
        if data[at] in b"\r\n":
            self._tally.blank_lines += 1
            return after_line_end(data, at, len(data))
        if self._passed_over.may_be_at(data, at):
            after = after_line_end(data, at, limit)
            line = data[at:after].rstrip(b"\r\n")
            if len(line) <= self._max_bytes and (kind := self._passed_over.kind_of(line)):
                self._tally.passed_over[kind] += 1
                return after
        match = self._record.match(data, at, limit)
        is_even = match is not None
        match = match or self._ragged.match(data, at, limit)
        record = match[0] if match else b""
        self.width = self._columns
        if match and (self._dialect.skips_spaces or not is_even):
            record = self._evened(match[0], match[1])
        if match is None or not record or match.start(1) - at > self._max_bytes:
            return self._refuse(data, at, limit, found, final=final)
        self._accept(record, match[0], match.start(1) - at, found)
        return match.end()

    def _evened(self, record: bytes, line_end: bytes) -> bytes:
        """Give a record exactly its columns; nothing where it may have been cut off."""
        fields, _ = self._dialect.split(record)
        self.width = len(fields)
        missing = self._columns - len(fields)
        if missing > 0 and not line_end:
            return b""
        fields = fields[: self._columns] + [b""] * missing
        return self._dialect.sep.join(fields) + line_end

    def _accept(self, record: bytes, written: bytes, length: int, found: Found) -> None:
        """Take a well-formed record, unless it is not text or the header once more.

        Args:
            record: Its bytes with its line end.
            written: The same as the file has it.
            length: The length of that without its line end.
            found: What it is added to.
        """
        inner_ends = line_ends(written[:length])
        if not is_utf8(written):
            raw = written[:length]
            found.rejected.append(self._tally.reject(INVALID_UTF8, raw, lines=inner_ends + 1))
        elif self._passed_over.is_header(record):
            self._tally.passed_over[REPEATED_HEADER] += inner_ends + 1
        else:
            found.good.append(record)
            found.numbers.append(self._tally.records + 1)
            self._tally.parsed += 1
            self._tally.embedded_newlines += inner_ends

    def _refuse(self, data: bytes, at: int, limit: int, found: Found, *, final: bool) -> int:
        """Reject a line, unless the bytes to come could make it a record."""
        after = after_line_end(data, at, limit)
        line = data[at:after].rstrip(b"\r\n")
        if len(line) > self._max_bytes:
            found.rejected.append(self._tally.reject(TOO_LONG, line[: self._max_bytes]))
        elif not final and self._may_be_completed(data, at, limit):
            return at
        else:
            fault = self._fault(line)
            has_no_end = final and at + len(line) == len(data)
            if has_no_end and fault in (TOO_FEW, UNTERMINATED) and self._dialect.sep in line:
                fault = CUT_OFF
            found.rejected.append(self._tally.reject(fault, line))
        return after

    def _may_be_completed(self, data: bytes, at: int, limit: int) -> bool:
        """Whether a record has a quote that later bytes could close before it is too long."""
        return len(data) - at <= self._max_bytes and bool(self._open.match(data, at, limit))

    def _fault(self, line: bytes) -> str:
        """Say why a physical line does not begin a well-formed record."""
        if not is_utf8(line):
            return INVALID_UTF8
        fields, end = self._dialect.split(line)
        if end == len(line):
            return TOO_FEW if len(fields) < self._columns else TOO_MANY
        # What follows the last field decides, if that is not closed by a quote already.
        if line[end : end + 1] == self._dialect.quote:
            return UNTERMINATED
        is_closed = self._dialect.quote and fields[-1].startswith(self._dialect.quote)
        return TEXT_AFTER_QUOTE if is_closed else ESCAPED_LINE_END


def is_utf8(data: bytes) -> bool:
    """Whether bytes are valid UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
