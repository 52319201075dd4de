"""What stands in a file above its records: title lines, and the header."""

import re
from dataclasses import dataclass
from typing import Final

from benepass_tasks.catalog.layout import Layout
from benepass_tasks.catalog.wording import shown
from benepass_tasks.config.errors import SourceError
from benepass_tasks.ingestion.readers.blocks import BlockReader, after_line_end, line_ends
from benepass_tasks.ingestion.readers.dialect import Dialect
from benepass_tasks.ingestion.readers.passed_over import TITLE, PassedOver
from benepass_tasks.ingestion.readers.scanning import Tally

_SEP_LINE: Final = re.compile(rb'"?sep=(.)"?', re.IGNORECASE)
"""What Excel reads above a header, and some programs write for it."""


@dataclass(frozen=True, slots=True)
class Heading:
    """The header of a file.

    Attributes:
        fields: The names of its columns; none when the file has no header at all.
        below: The lines of the header under the names.
    """

    fields: tuple[str, ...]
    below: tuple[bytes, ...] = ()


class HeadingReader:
    """Reads a file of which nothing has been read, up to its first record."""

    def __init__(
        self, blocks: BlockReader, layout: Layout, tally: Tally, *, max_bytes: int, name: str
    ) -> None:
        """Take the file; messages call it by its name."""
        self._blocks = blocks
        self._layout = layout
        self._tally = tally
        self._max_bytes = max_bytes
        self._file = name
        self._data = b""
        self._at = 0
        self._is_at_end = False

    @property
    def rest(self) -> bytes:
        """The bytes already read that follow what has been taken of the file."""
        return self._data[self._at :]

    def read(self, dialect: Dialect, passed_over: PassedOver) -> Heading:
        """Read the title lines and the header.

        Raises:
            SourceError: the header is not well formed, not text, or too long, as is a line above
                it; or the file says itself that another character separates its fields.
        """
        self._pass_over_titles()
        while line := self._line():
            content = line.rstrip(b"\r\n")
            if not content:
                self._tally.blank_lines += 1
            elif kind := passed_over.kind_of(content):
                self._tally.passed_over[kind] += 1
            else:
                fields = self._names(dialect)
                return Heading(fields, tuple(self._lines_below()))
            self._take(line)
        return Heading(())

    def _pass_over_titles(self) -> None:
        said = _SEP_LINE.fullmatch(self._line().rstrip(b"\r\n"))
        if said and said[1].decode(errors="replace") != self._layout.sep:
            raise SourceError(self._says_another(said[1].decode(errors="replace")))
        for _ in range(max(self._layout.skiprows, bool(said))):
            if line := self._line():
                self._take(line)
                self._tally.passed_over[TITLE] += 1

    def _says_another(self, character: str) -> str:
        return (
            f"{self._file}:1 says that {shown(character)} separates its fields, and catalog.yaml "
            f"that {shown(self._layout.sep)} does; declare load_args: {{sep: {shown(character)}}}, "
            "or remove the line. What was built before stays as it is"
        )

    def _names(self, dialect: Dialect) -> tuple[str, ...]:
        while True:
            fields, end = dialect.split(self._data, self._at)
            follows, length = self._data[end : end + 1], end - self._at
            is_too_long = len(self._data) - self._at > self._max_bytes
            if not dialect.is_undecided(follows) or is_too_long or not self._fill():
                break
        line = self._tally.accounted + 1
        if not follows and self._data[self._at : end].endswith((b"\n", b"\r")):
            follows = dialect.escape
        if length > self._max_bytes or follows not in (b"\n", b"\r", b""):
            raise SourceError(self._fault(follows, line, dialect))
        try:
            names = tuple(dialect.value(field).decode() for field in fields)
        except UnicodeDecodeError:
            encoding = self._layout.encoding.upper().replace("_", "-")
            raise SourceError(
                f"{self._file}: the header on line {line} is not valid {encoding}. Save the file "
                f"as {encoding}, or declare how it is written: load_args: {{encoding: ...}}"
            ) from None
        self._tally.header_lines = line_ends(self._data[self._at : end]) + 1
        self._at = after_line_end(self._data, end, len(self._data))
        return names

    def _fault(self, follows: bytes, line: int, dialect: Dialect) -> str:
        """Say what is wrong with a header, whose well-formed part this byte follows."""
        header = f"{self._file}: the header on line {line}"
        if follows in (b"\n", b"\r", b""):
            return f"{header} is longer than the {self._max_bytes:,} bytes a record may have"
        if follows == dialect.escape:
            return f"{header} ends in an escape character; correct the header and try again"
        quote = dialect.quote.decode()
        is_open = follows == dialect.quote
        fault = "that is never closed" if is_open else "with text after its closing quote"
        return (
            f"{header} has a quoted column name {fault}. A name is either written without quotes, "
            f"or begins and ends with one: {quote}name{quote}. Correct the header and try again."
        )

    def _lines_below(self) -> list[bytes]:
        below: list[bytes] = []
        while len(below) < self._layout.header_lines - 1 and (line := self._line()):
            self._take(line)
            self._tally.header_lines += 1
            below.append(line.rstrip(b"\r\n"))
        return below

    def _line(self) -> bytes:
        """The next physical line with its line end, or as much of it as a record may have.

        It is empty at the end of the file only.
        """
        while True:
            end = after_line_end(self._data, self._at, len(self._data))
            is_enough = end < len(self._data) or end - self._at > self._max_bytes
            if is_enough or not self._fill():
                return self._data[self._at : end]

    def _take(self, line: bytes) -> None:
        if len(line.rstrip(b"\r\n")) > self._max_bytes:
            raise SourceError(
                f"{self._file}: line {self._tally.accounted + 1} is longer than the "
                f"{self._max_bytes:,} bytes that a record may have; is this a text file?"
            )
        self._at += len(line)

    def _fill(self) -> bool:
        """Read more of the file, unless it has ended."""
        block = b"" if self._is_at_end else self._blocks.read(len(self._data) - self._at)
        self._is_at_end = not block
        self._data, self._at = self._data[self._at :] + block, 0
        return bool(block)
