r"""The exact rules of a record, and the pass over the bytes that applies them one by one.

What this module says about a stretch of bytes is the truth; faster ways of reading are used only
where they cannot differ from it. The rules:

- ``,`` separates fields; ``\n``, ``\r\n`` and a lone ``\r`` end a record.
- A ``"`` opens a quoted field only as a field's first byte; elsewhere in an unquoted field it is
  text. In a quoted field ``""`` is one quote, and everything else, line ends included, is text.
- Only a comma or a line end may follow a closing quote.
- A record that is not well formed is refused alone: its first line is rejected, and the line
  after it begins the next record.
"""

from __future__ import annotations

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

# Rejected records gathered before a scan pauses, so that a file of nothing else takes no more
# memory than a good one.
MANY_REJECTED: Final = 10_000

# The loops are possessive: what they match is the only possible reading, so there is nothing to
# go back to, and a long field costs no memory.
_FIELD: Final = rb'(?:"[^"]*+(?:""[^"]*+)*+"|[^",\r\n][^,\r\n]*+|)'
_FIELD_PATTERN: Final = re.compile(_FIELD)
_LINE_END: Final = re.compile(rb"\r\n?|\n")
_WELL_QUOTED: Final = re.compile(
    rb'(?:[^"]++|(?<=[^,\r\n])"|(?<![^,\r\n])"[^"]*+(?:""[^"]*+)*+"(?![^,\r\n]))*+'
)

# Line ends to try as the end of a proven stretch; only records of many lines need more than two.
_TRIES: Final = 4


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
    """What the parsing has come upon so far; each physical line is in exactly one count."""

    header_lines: int = 0
    blank_lines: int = 0
    embedded_newlines: int = 0
    rejected_lines: int = 0
    parsed: int = 0
    rejected: int = 0

    @property
    def next_record(self) -> int:
        """The number of the next record."""
        return self.parsed + self.rejected + 1

    @property
    def lines(self) -> int:
        """The physical lines accounted for."""
        return (
            self.header_lines
            + self.parsed
            + self.embedded_newlines
            + self.rejected_lines
            + self.blank_lines
        )

    def reject(self, reason: str, raw: bytes, *, lines: int = 1) -> Rejected:
        """Count a rejected record.

        Args:
            reason: Why it is rejected.
            raw: Its bytes without its line end.
            lines: The physical lines it takes.

        Returns:
            The record, with its number and the line on which it begins.
        """
        rejected = Rejected(self.next_record, self.lines + 1, reason, raw)
        self.rejected += 1
        self.rejected_lines += lines
        return rejected


@dataclass(slots=True)
class Found:
    """The records of a scanned stretch.

    Attributes:
        good: The bytes of each well-formed record with its line end, in file order.
        rejected: The others, in file order.
    """

    good: list[bytes] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


def prove_quotes(data: bytes, start: int, stop: int, *, final: bool) -> tuple[int, int]:
    r"""Find how far the quotes are certainly in order.

    Args:
        data: Bytes without a lone ``\r`` between `start` and `stop`.
        start: Where a record begins.
        stop: Where to stop looking.
        final: Whether the file ends at `stop`, so that no line end is needed there.

    Returns:
        The end of a record, such that every quote between `start` and it opens or closes a field,
        is escaped, or is text in an unquoted field; it is `start` when no such record was found.
        And the position up to which the quotes are in order, be it inside a record.
    """
    end = stop if final else data.rfind(b"\n", start, stop) + 1
    reached = start
    for _ in range(_TRIES):
        match = _WELL_QUOTED.match(data, start, max(start, end))
        proven = match.end() if match else start
        reached = max(reached, proven)
        if proven >= end:
            return proven, reached
        # The line end before that may itself be inside quotes, so it is tried in turn.
        end = data.rfind(b"\n", start, proven) + 1
    return start, reached


def read_header(blocks: BlockReader, max_bytes: int, tally: Tally) -> tuple[tuple[str, ...], bytes]:
    """Read the first record of a file.

    Args:
        blocks: The file, of which nothing has been read.
        max_bytes: The length allowed to a record.
        tally: Where the lines are counted.

    Returns:
        The header's fields, none when the file has no record at all, and the bytes already read
        that follow it.

    Raises:
        SourceError: The header is not well formed, not valid UTF-8, or too long.
    """
    data = b""
    while block := blocks.read(len(data)):
        data = _without_blank_lines(data + block, tally)
        fields, end = split_fields(data)
        if data[end : end + 1] not in _UNDECIDED or len(data) > max_bytes:
            break
    if not data:
        return (), b""
    if end > max_bytes or data[end : end + 1] not in _RECORD_ENDS:
        raise SourceError(_header_fault(data[end : end + 1], tally.lines + 1, max_bytes))
    header = _decode_header(fields, tally.lines + 1)
    tally.header_lines = line_ends(data[:end]) + 1
    return header, data[after_line_end(data, end) :]


def _without_blank_lines(data: bytes, tally: Tally) -> bytes:
    """Drop the blank lines before the header, counting them."""
    rest = data.lstrip(b"\r\n")
    tally.blank_lines += line_ends(data[: len(data) - len(rest)])
    return rest


def _header_fault(follows: bytes, line: int, max_bytes: int) -> str:
    """Say what is wrong with a header, given the byte at which it stops being well formed."""
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


def split_fields(data: bytes) -> tuple[list[bytes], int]:
    """Split the record at the beginning of some bytes into its fields, as far as they are sound.

    Args:
        data: The bytes, which may hold more than the record.

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


def after_line_end(data: bytes, start: int, limit: int | None = None) -> int:
    """Find the end of a physical line, its line end included.

    Args:
        data: The bytes.
        start: A position in the line.
        limit: Where to stop looking; the end of the bytes by default.

    Returns:
        The position after the first line end, or the limit when there is none.
    """
    limit = len(data) if limit is None else limit
    match = _LINE_END.search(data, start, limit)
    return match.end() if match else limit


def fault(line: bytes, columns: int) -> str:
    """Say why a physical line is not a record.

    Args:
        line: A line that does not begin a well-formed record, without its line end.
        columns: The number of fields a record has.

    Returns:
        The reason to reject it.
    """
    if not is_utf8(line):
        return INVALID_UTF8
    fields, end = split_fields(line)
    if end < len(line):
        return UNTERMINATED if line[end : end + 1] == b'"' else TEXT_AFTER_QUOTE
    return TOO_FEW if len(fields) < columns else TOO_MANY


def is_utf8(data: bytes) -> bool:
    """Whether some bytes are valid UTF-8."""
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


class Scanner:
    """Reads records one by one, exactly by the rules, whatever the bytes are."""

    def __init__(self, columns: int, max_bytes: int, tally: Tally) -> None:
        """Prepare for the records of one file.

        Args:
            columns: The number of fields a record has.
            max_bytes: The length allowed to a record.
            tally: Where everything come upon is counted.
        """
        more = columns - 1
        self._record = re.compile(b"%b(?:,%b){%d}(\r\n|[\r\n]|\\Z)" % (_FIELD, _FIELD, more))
        self._open = re.compile(b'(?:%b,){0,%d}"[^"]*+(?:""[^"]*+)*+\\Z' % (_FIELD, more))
        self._columns = columns
        self._max_bytes = max_bytes
        self._tally = tally

    def scan(
        self, data: bytes, start: int, stop: int, limit: int, *, final: bool
    ) -> tuple[Found, int]:
        """Read the records that begin in a stretch.

        Args:
            data: The bytes, which may go on beyond the stretch.
            start: Where the first record begins.
            stop: No record is begun here or later.
            limit: The end of the last whole line in `data`.
            final: Whether the file ends at `limit`.

        Returns:
            What was found, and where the next record begins: before `stop` when more bytes are
            needed to tell whether a quote is closed, or when very many records are rejected.
        """
        found = Found()
        at = start
        while at < stop and len(found.rejected) < MANY_REJECTED:
            after = self._read_one(data, at, limit, found, final=final)
            if after == at:
                break
            at = after
        return found, at

    def _read_one(self, data: bytes, at: int, limit: int, found: Found, *, final: bool) -> int:
        """Read the record or blank line at a position; stay there when more bytes are needed."""
        if data[at] in b"\r\n":
            self._tally.blank_lines += 1
            return after_line_end(data, at)
        match = self._record.match(data, at, limit)
        if match is None or match.start(1) - at > self._max_bytes:
            return self._refuse(data, at, limit, found, final=final)
        self._accept(match[0], match.start(1) - at, found)
        return match.end()

    def _accept(self, record: bytes, length: int, found: Found) -> None:
        """Take a well-formed record, unless it is not text."""
        inner_ends = line_ends(record[:length]) if b'"' in record else 0
        if is_utf8(record):
            self._tally.parsed += 1
            self._tally.embedded_newlines += inner_ends
            found.good.append(record)
        else:
            raw = record[:length]
            found.rejected.append(self._tally.reject(INVALID_UTF8, raw, lines=inner_ends + 1))

    def _refuse(self, data: bytes, at: int, limit: int, found: Found, *, final: bool) -> int:
        """Reject the line at a position, unless the bytes to come could make it a record."""
        after = after_line_end(data, at, limit)
        line = data[at:after].rstrip(b"\r\n")
        if len(line) > self._max_bytes:
            found.rejected.append(self._tally.reject(TOO_LONG, line[: self._max_bytes]))
        elif not final and self._may_be_completed(data, at, limit):
            return at
        else:
            found.rejected.append(self._tally.reject(fault(line, self._columns), line))
        return after

    def _may_be_completed(self, data: bytes, at: int, limit: int) -> bool:
        """Whether a record has a quote that later bytes could close before it is too long."""
        return len(data) - at <= self._max_bytes and bool(self._open.match(data, at, limit))
