"""How delimited text is taken apart: every byte looked at by itself, nothing clever.

It is slow, and the last word: whatever the reader does with a file must come out the same.
"""

import re
from collections import Counter
from dataclasses import dataclass, field

from benepass_tasks.catalog.layout import Layout
from benepass_tasks.ingestion.readers.scanning import Rejected

BOM = b"\xef\xbb\xbf"
INVALID_UTF8 = "invalid UTF-8"
TOO_FEW = "too few columns"
TOO_MANY = "too many columns"
UNTERMINATED = "unterminated quote"
CUT_OFF = "cut off by the end of the file"
TEXT_AFTER_QUOTE = "text after a closing quote"
ESCAPED_LINE_END = "escaped line end"
TOO_LONG = "record too long"

Row = tuple[int, tuple[str | None, ...]]
Line = tuple[bytes, bytes]


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
    passed_over: Counter[str] = field(default_factory=Counter)


class Malformed(Exception):  # noqa: N818
    """A record is not well formed; its text is the reason."""


def physical_lines(data: bytes) -> list[Line]:
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


class Reference:
    """Reads the text of one file in a layout.

    `fewest` is how many fields a record must have at least, None for all of the header's.
    """

    def __init__(
        self, layout: Layout | None = None, max_bytes: int = 16 << 20, fewest: int | None = None
    ) -> None:
        self.layout = layout or Layout()
        self.sep = self.layout.sep.encode()
        self.quote = (self.layout.quotechar or "").encode()
        self.escape = (self.layout.escapechar or "").encode()
        self.gap = b" " if self.layout.skipinitialspace else b""
        self.max_bytes = max_bytes
        self.fewest = fewest
        self.below: list[bytes] = []
        self.outcome = Outcome()

    def read(self, data: bytes) -> Outcome:
        """Take a whole file apart, or fail with the ValueError of a heading that is not sound."""
        lines = physical_lines(data.removeprefix(BOM))
        self.outcome.lines = len(lines)
        at = self._heading(lines)
        footer = min(self.layout.skipfooter, len(lines) - at)
        end = len(lines) - footer
        self.outcome.passed_over["footer"] += footer
        while at < end:
            at += self._at_record(lines[:end], at)
        self.outcome.passed_over = +self.outcome.passed_over
        return self.outcome

    def _heading(self, lines: list[Line]) -> int:
        at = 0
        first = lines[0][0] if lines else b""
        said = re.fullmatch(rb'"?[sS][eE][pP]=([^\r\n])"?', first)
        if said and said[1] != self.sep:
            raise ValueError
        for content, _ in lines[: max(self.layout.skiprows, bool(said))]:
            self._refuse_long(content)
            self.outcome.passed_over["title"] += 1
            at += 1
        while at < len(lines) and not self.outcome.header_lines:
            content = lines[at][0]
            self._refuse_long(content)
            if not content or self._mark(content):
                at += self._pass(content)
            else:
                at += self._header(lines[at:])
        for content, _ in lines[at : at + self.layout.header_lines - 1]:
            if self.outcome.header_lines:
                self._refuse_long(content)
                self.below.append(content)
                self.outcome.header_lines += 1
                at += 1
        return at

    def _refuse_long(self, content: bytes) -> None:
        if len(content) > self.max_bytes:
            raise ValueError

    def _header(self, lines: list[Line]) -> int:
        try:
            fields, taken = self._fields(lines)
        except Malformed as fault:
            raise ValueError from fault
        self._refuse_long(raw_record(lines[:taken]))
        self.outcome.header = tuple((value or b"").decode() for value in fields)
        self.outcome.header_lines = taken
        return taken

    def _mark(self, content: bytes) -> str | None:
        if not content.strip(self.sep + self.gap):
            return "no value"
        if self.layout.comment and content.startswith(self.layout.comment.encode()):
            return "comment"
        text = content.decode(errors="replace")
        if any(re.search(pattern, text) for pattern in self.layout.skip_lines):
            return "skip_lines"
        return "repeated header" if content in self.below else None

    def _pass(self, content: bytes) -> int:
        mark = self._mark(content) if content else None
        if mark:
            self.outcome.passed_over[mark] += 1
        else:
            self.outcome.blank_lines += 1
        return 1

    def _at_record(self, lines: list[Line], at: int) -> int:
        content = lines[at][0]
        if not content or (len(content) <= self.max_bytes and self._mark(content)):
            return self._pass(content)
        read, taken = self._record(lines[at:])
        outcome = self.outcome
        number = len(outcome.rows) + len(outcome.rejected) + 1
        if isinstance(read, str):
            raw = raw_record(lines[at : at + taken])[: self.max_bytes]
            outcome.rejected.append(Rejected(number, at + 1, read, raw))
            outcome.rejected_lines += taken
        elif self._is_header(read):
            outcome.passed_over["repeated header"] += taken
        else:
            outcome.rows.append((number, read))
            outcome.embedded_newlines += taken - 1
        return taken

    def _is_header(self, row: tuple[str | None, ...]) -> bool:
        values = [value or "" for value in row]
        first, rest = values[0].removeprefix("\ufeff"), values[1:]
        if values[0] != first and self.quote and first.startswith(self.quote.decode()):
            try:
                first = (self._fields([(first.encode(), b"")])[0][0] or b"").decode()
            except Malformed:
                return False
        return any(self.outcome.header) and (first, *rest) == self.outcome.header

    def _record(self, lines: list[Line]) -> tuple[tuple[str | None, ...] | str, int]:
        """Read the record on the first line: its values or why it is rejected, and its lines."""
        if len(lines[0][0]) > self.max_bytes:
            return TOO_LONG, 1
        try:
            fields, taken = self._fields(lines)
        except Malformed:
            return self._fault(lines), 1
        raw = raw_record(lines[:taken])
        even = self._evened(fields, is_whole=bool(lines[taken - 1][1]))
        if even is None or len(raw) > self.max_bytes:
            return self._fault(lines), 1
        if not is_utf8(raw):
            return INVALID_UTF8, taken
        return tuple(None if value is None else value.decode() for value in even), taken

    def _evened(self, fields: list[bytes | None], *, is_whole: bool) -> list[bytes | None] | None:
        columns = len(self.outcome.header)
        surplus, missing = fields[columns:], columns - len(fields)
        if missing > 0:
            fewest = columns if self.fewest is None else self.fewest
            may_be = is_whole and len(fields) >= fewest
            return [*fields, *[None] * missing] if may_be else None
        if any(surplus) or (surplus and columns == 1 and fields[0] is None):
            return None
        return fields[:columns]

    def _fault(self, lines: list[Line]) -> str:
        (line, end), is_last = lines[0], len(lines) == 1
        fault = self._fault_of(line)
        is_cut_off = is_last and not end and self.sep in line
        return CUT_OFF if is_cut_off and fault in (TOO_FEW, UNTERMINATED) else fault

    def _fault_of(self, line: bytes) -> str:
        if not is_utf8(line):
            return INVALID_UTF8
        try:
            fields, _ = self._fields([(line, b"")])
        except Malformed as fault:
            return str(fault)
        return TOO_FEW if len(fields) < len(self.outcome.header) else TOO_MANY

    def _fields(  # noqa: C901, PLR0912 - one machine with three states
        self, lines: list[Line]
    ) -> tuple[list[bytes | None], int]:
        """Read the record on the first of some lines: its fields, and how many lines it takes."""
        fields: list[bytes | None] = []
        value: bytes | None = None  # nothing yet
        state = "unquoted"
        for number, (content, end) in enumerate(lines):
            is_escaped = False
            for byte in (content[i : i + 1] for i in range(len(content))):
                if is_escaped:
                    value, is_escaped = (value or b"") + byte, False
                elif byte == self.escape and state != "after a quote":
                    is_escaped = True
                elif state == "quoted" and byte == self.quote:
                    state = "after a quote"
                elif state == "quoted":
                    value = (value or b"") + byte
                elif byte == self.sep:
                    fields.append(value)
                    value, state = None, "unquoted"
                elif state == "after a quote" and byte == self.quote:
                    value, state = (value or b"") + byte, "quoted"
                elif state == "after a quote":
                    raise Malformed(TEXT_AFTER_QUOTE)
                elif value is None and byte == self.gap:
                    continue
                elif value is None and byte == self.quote:
                    value, state = b"", "quoted"
                else:
                    value = (value or b"") + byte
            if is_escaped and state == "unquoted" and end in (b"", b"\r\n"):
                raise Malformed(ESCAPED_LINE_END)
            if state != "quoted" and not is_escaped:
                return [*fields, value], number + 1
            value = (value or b"") + end
        raise Malformed(UNTERMINATED if state == "quoted" else ESCAPED_LINE_END)


def is_utf8(data: bytes) -> bool:
    """Whether bytes are valid UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def raw_record(lines: list[Line]) -> bytes:
    """The bytes of a record without its line end."""
    return b"".join(content + end for content, end in lines[:-1]) + lines[-1][0]
