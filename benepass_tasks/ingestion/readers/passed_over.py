"""The lines of a file that are no records although something stands on them."""

import re
from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from benepass_tasks.catalog.layout import Layout
from benepass_tasks.ingestion.readers.blocks import BOM
from benepass_tasks.ingestion.readers.dialect import Dialect

TITLE: Final = "title"
EMPTY: Final = "no value"
COMMENT: Final = "comment"
SKIPPED: Final = "skip_lines"
REPEATED_HEADER: Final = "repeated header"
FOOTER: Final = "footer"


class PassedOver:
    """Tells such lines, where a record would begin."""

    def __init__(self, layout: Layout, dialect: Dialect) -> None:
        """Take the marks of a layout; the header follows once it is read."""
        self._comment = (layout.comment or "").encode()
        self._patterns = [re.compile(pattern) for pattern in layout.skip_lines]
        self._dialect = dialect
        self._nothing = dialect.sep + (b" " if dialect.skips_spaces else b"")
        no_value = rb"%b++(?:[\r\n]|\Z)" % re.escape(dialect.sep)
        # A pattern that begins with a known byte is found ten times as fast.
        self._no_value = re.compile(no_value)
        self._no_value_after = {it: re.compile(it + no_value) for it in (b"\n", b"\r")}
        self._header: list[bytes] = []
        self._below: frozenset[bytes] = frozenset()
        self._named = 0
        self._name = b""

    def know_header(self, fields: Sequence[str], below: Sequence[bytes]) -> None:
        """Take the names of the columns, and the lines between them and the first record."""
        self._header = [name.encode() for name in fields]
        self._below = frozenset(filter(None, below))
        # A header that names no column is told from no record.
        self._named = next((index for index, name in enumerate(fields) if name), -1)
        special = set(self._dialect.quote + self._dialect.escape)
        self._name = next((it for it in self._header if it and not special & set(it)), b"")

    def may_be_at(self, data: bytes, at: int) -> bool:
        """Whether the physical line that begins at a position can be one of these by itself."""
        is_marked = self._comment or self._patterns or self._below
        return bool(is_marked) or data[at : at + 1] in self._nothing

    def kind_of(self, line: bytes) -> str | None:
        """What a physical line without its end is; None where it may be a record.

        A line of nothing but separators is what a spreadsheet writes for a row without a value.
        """
        if not line.strip(self._nothing):
            return EMPTY
        if self._comment and line.startswith(self._comment):
            return COMMENT
        if self._patterns and self._is_skipped(line.decode(errors="replace")):
            return SKIPPED
        return REPEATED_HEADER if line in self._below else None

    def _is_skipped(self, line: str) -> bool:
        return any(pattern.search(line) for pattern in self._patterns)

    def is_header(self, record: bytes) -> bool:
        """Whether a record of as many fields as the header says the same.

        Where files were put together, there may be a byte order mark before it.
        """
        if self._named < 0 or self._name not in record:
            return False
        fields, _ = self._dialect.split(record.removeprefix(BOM))
        return [self._dialect.value(field) for field in fields] == self._header

    def may_be_in(self, piece: bytes) -> bool:
        """Whether one of the lines of some bytes may be one of these, a header aside."""
        if self._may_lack_values(piece):
            return True
        if self._comment and self._may_begin_with(self._comment, piece):
            return True
        if any(line in piece for line in self._below):
            return True
        if not self._patterns:
            return False
        lines = piece.decode(errors="replace").replace("\r", "\n").split("\n")
        return any(map(self._is_skipped, filter(None, lines)))

    def _may_lack_values(self, piece: bytes) -> bool:
        """Whether a line of some bytes may be nothing but separators."""
        return bool(self._no_value.match(piece)) or any(
            line_end in piece and pattern.search(piece)
            for line_end, pattern in self._no_value_after.items()
        )

    def _may_begin_with(self, mark: bytes, piece: bytes) -> bool:
        """Whether a line of some bytes may begin with a character."""
        return piece.startswith(mark) or b"\n" + mark in piece or b"\r" + mark in piece

    def may_have_header(self, table: pa.Table) -> bool:
        """Whether one of the rows of a table may be the header."""
        if self._named < 0:
            return False
        name = self._header[self._named].decode()
        quote = self._dialect.quote.decode()
        alike = pa.array([name, f"\ufeff{name}", f"\ufeff{quote}{name}{quote}"])
        found = pc.any(pc.is_in(table.column(self._named), value_set=alike))
        return bool(found.as_py())
