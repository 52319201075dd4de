r"""The exact rules of a record, and the scan that applies them record by record.

What this module says about some bytes is the truth; pyarrow, which is faster, parses only bytes
that it cannot read otherwise. The rules:

- ``,`` separates fields; ``\n``, ``\r\n`` and a lone ``\r`` end a record.
- A ``"`` opens a quoted field only as a field's first byte; elsewhere in an unquoted field it is
  text. In a quoted field ``""`` is one quote, and everything else, line ends included, is text.
- Only a comma or a line end may follow a closing quote.
- A record that is not well formed is refused alone: its first line is rejected, and the line
  after it begins the next record.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from benepass_tasks.config.errors import SourceError
from benepass_tasks.ingestion.blocks import BlockReader, line_ends

INVALID_UTF8: Final = "invalid UTF-8"
TOO_FEW: Final = "too few columns"
TOO_MANY: Final = "too many columns"
UNTERMINATED: Final = "unterminated quote"
TEXT_AFTER_QUOTE: Final = "text after a closing quote"
TOO_LONG: Final = "record too long"

# What can follow a whole record, and what can follow a part of one that may yet be completed: the
# end of the bytes, or a quote whose closing one is still to come.
_RECORD_ENDS: Final = (b"\n", b"\r", b"")
_UNDECIDED: Final = (b"", b'"')

# The loops are possessive: what they match is the only possible reading, so there is nothing to
# go back to, and a long field costs no memory.
_FIELD: Final = rb'(?:"[^"]*+(?:""[^"]*+)*+"|[^",\r\n][^,\r\n]*+|)'
_FIELD_PATTERN: Final = re.compile(_FIELD)
_LINE_END: Final = re.compile(rb"\r\n?|\n")
WELL_QUOTED: Final = re.compile(
    rb'(?:[^"]++|(?<=[^,\r\n])"|(?<![^,\r\n])"[^"]*+(?:""[^"]*+)*+"(?![^,\r\n]))*+'
)
"""Matches bytes from the beginning of a record on as far as every quote opens or closes a field, is
escaped, or is text in an unquoted field."""


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
        blank_lines: Lines with nothing at all on them, outside records.
        embedded_newlines: Line ends inside the quoted fields of parsed records.
        rejected_lines: The lines of the rejected records.
        parsed: Records in the tables.
        rejected: Records that could not be parsed.
    """

    header_lines: int = 0
    blank_lines: int = 0
    embedded_newlines: int = 0
    rejected_lines: int = 0
    parsed: int = 0
    rejected: int = 0

    @property
    def records(self) -> int:
        """All records after the header."""
        return self.parsed + self.rejected

    @property
    def accounted(self) -> int:
        """The physical lines that are accounted for."""
        of_parsed = self.parsed + self.embedded_newlines
        return self.header_lines + of_parsed + self.rejected_lines + self.blank_lines

    def reject(self, reason: str, raw: bytes, *, lines: int = 1) -> Rejected:
        """Count a record that takes so many physical lines; its bytes come without a line end."""
        rejected = Rejected(self.records + 1, self.accounted + 1, reason, raw)
        self.rejected += 1
        self.rejected_lines += lines
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


def read_header(blocks: BlockReader, max_bytes: int, tally: Tally) -> tuple[tuple[str, ...], bytes]:
    """Read the first record of a file, of which nothing has been read.

    Returns:
        The header's fields, none when the file has no record at all, and the bytes already read
        that follow it.

    Raises:
        SourceError: The header is not well formed, not valid UTF-8, or too long.
    """
    data = b""
    while block := blocks.read(len(data)):
        data = _without_blank_lines(data + block, tally)
        fields, end = _split_fields(data)
        if data[end : end + 1] not in _UNDECIDED or len(data) > max_bytes:
            break
    if not data:
        return (), b""
    if end > max_bytes or data[end : end + 1] not in _RECORD_ENDS:
        raise SourceError(_header_fault(data[end : end + 1], tally.accounted + 1, max_bytes))
    header = _decode_header(fields, tally.accounted + 1)
    tally.header_lines = line_ends(data[:end]) + 1
    return header, data[after_line_end(data, end, len(data)) :]


def _without_blank_lines(data: bytes, tally: Tally) -> bytes:
    rest = data.lstrip(b"\r\n")
    tally.blank_lines += line_ends(data[: len(data) - len(rest)])
    return rest


def _header_fault(follows: bytes, line: int, max_bytes: int) -> str:
    """Say what is wrong with a header, whose well-formed part this byte follows."""
    if follows in _RECORD_ENDS:
        return f"The header on line {line} is longer than the {max_bytes:,} bytes a record may have"
    fault = "that is never closed" if follows == b'"' else "with text after its closing quote"
    return (
        f"The header on line {line} has a quoted column name {fault}. A name is either written "
        'without quotes, or begins and ends with one: "name". Correct the header and try again.'
    )


def _decode_header(fields: list[bytes], line: int) -> tuple[str, ...]:
    try:
        return tuple(_unquoted(raw).decode() for raw in fields)
    except UnicodeDecodeError:
        raise SourceError(
            f"The header on line {line} is not valid UTF-8. Save the file as UTF-8 and try again."
        ) from None


def _unquoted(raw: bytes) -> bytes:
    return raw[1:-1].replace(b'""', b'"') if raw.startswith(b'"') else raw


def _split_fields(data: bytes) -> tuple[list[bytes], int]:
    """Split the record at the beginning of some bytes into its fields, as far as they are sound.

    Returns:
        The fields with their quotes, and the position of what follows them: the end of the bytes
        or a line end after a whole record, a quote that nothing closes, or else what comes after
        a closing quote although it must not.
    """
    fields = []
    end = _field_end(data, 0)
    start = 0
    while data[end : end + 1] == b",":
        fields.append(data[start:end])
        start = end + 1
        end = _field_end(data, start)
    return [*fields, data[start:end]], end


def _field_end(data: bytes, start: int) -> int:
    match = _FIELD_PATTERN.match(data, start)
    return match.end() if match else start


def after_line_end(data: bytes, start: int, limit: int) -> int:
    """The position after the first line end between two positions, or the limit without one."""
    match = _LINE_END.search(data, start, limit)
    return match.end() if match else limit


def _fault(line: bytes, columns: int) -> str:
    """Say why a physical line does not begin a well-formed record of so many fields."""
    if not _is_utf8(line):
        return INVALID_UTF8
    fields, end = _split_fields(line)
    if end < len(line):
        return UNTERMINATED if line[end : end + 1] == b'"' else TEXT_AFTER_QUOTE
    return TOO_FEW if len(fields) < columns else TOO_MANY


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


class Scanner:
    """Reads records one by one, exactly by the rules, whatever the bytes are."""

    def __init__(self, columns: int, max_bytes: int, tally: Tally) -> None:
        """Prepare for records with so many fields, and no longer than allowed."""
        more = columns - 1
        self._record = re.compile(b"%b(?:,%b){%d}(\r\n|[\r\n]|\\Z)" % (_FIELD, _FIELD, more))
        self._open = re.compile(b'(?:%b,){0,%d}"[^"]*+(?:""[^"]*+)*+\\Z' % (_FIELD, more))
        self._columns = columns
        self._max_bytes = max_bytes
        self._tally = tally

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
        """Read the record or blank line at a position; stay there when more bytes are needed."""
        if data[at] in b"\r\n":
            self._tally.blank_lines += 1
            return after_line_end(data, at, len(data))
        match = self._record.match(data, at, limit)
        if match is None or match.start(1) - at > self._max_bytes:
            return self._refuse(data, at, limit, found, final=final)
        self._accept(match[0], match.start(1) - at, found)
        return match.end()

    def _accept(self, record: bytes, length: int, found: Found) -> None:
        """Take a well-formed record, unless it is not text."""
        inner_ends = line_ends(record[:length]) if b'"' in record else 0
        if _is_utf8(record):
            found.good.append(record)
            found.numbers.append(self._tally.records + 1)
            self._tally.parsed += 1
            self._tally.embedded_newlines += inner_ends
        else:
            raw = record[:length]
            found.rejected.append(self._tally.reject(INVALID_UTF8, raw, lines=inner_ends + 1))

    def _refuse(self, data: bytes, at: int, limit: int, found: Found, *, final: bool) -> int:
        """Reject a line, unless the bytes to come could make it a record."""
        after = after_line_end(data, at, limit)
        line = data[at:after].rstrip(b"\r\n")
        if len(line) > self._max_bytes:
            found.rejected.append(self._tally.reject(TOO_LONG, line[: self._max_bytes]))
        elif not final and self._may_be_completed(data, at, limit):
            return at
        else:
            found.rejected.append(self._tally.reject(_fault(line, self._columns), line))
        return after

    def _may_be_completed(self, data: bytes, at: int, limit: int) -> bool:
        """Whether a record has a quote that later bytes could close before it is too long."""
        return len(data) - at <= self._max_bytes and bool(self._open.match(data, at, limit))
