"""The lines of a file that are no records although something stands on them."""

import re
from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from benepass_tasks.catalog.layout import Layout
from benepass_tasks.config.errors import SourceError
from benepass_tasks.ingestion.readers.blocks import BOM
from benepass_tasks.ingestion.readers.dialect import Dialect

TITLE: Final = "title"
EMPTY: Final = "no value"
COMMENT: Final = "comment"
SKIPPED: Final = "skip_lines"
REPEATED_HEADER: Final = "repeated header"
FOOTER: Final = "footer"

FEWEST_NAMES: Final = 3
SHORTEST_NAME: Final = 3
"""Names of the header, and letters of each, by which a line is another one."""


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
        self._file = ""
        self._alike = pa.array([], pa.string())

    def know_header(self, fields: Sequence[str], below: Sequence[bytes], name: str) -> None:
        """Take the names of the columns, the lines below them, and what messages call the file."""
        self._file = name
        self._header = [name.encode() for name in fields]
        self._below = frozenset(filter(None, below))
        # A header that names no column is told from no record.
        self._named = next((index for index, name in enumerate(fields) if name), -1)
        special = set(self._dialect.quote + self._dialect.escape)
        self._name = next((it for it in self._header if it and not special & set(it)), b"")
        quote = self._dialect.quote.decode()
        marked = (f"\ufeff{it}{fields[self._named]}{it}" for it in ("", quote)) if fields else ()
        self._alike = pa.array([*filter(None, fields), *marked], pa.string())

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

        Raises:
            SourceError: it is another header, so that what follows would be misread.
        """
        if self._named < 0 or self._name not in record:
            return False
        fields, _ = self._dialect.split(record.removeprefix(BOM))
        values = [self._dialect.value(field) for field in fields]
        if values != self._header and self._is_another_header(values):
            raise SourceError(
                f"{self._file} has another header among its records, as where files were put "
                "together: what follows would be read into the wrong columns. Split it there, so "
                "that each file has one header; what was built before stays as it is",
                reason="a file has a second header that says otherwise",
            )
        return values == self._header

    def _is_another_header(self, values: Sequence[bytes]) -> bool:
        names = {it for it in self._header if len(it) >= SHORTEST_NAME}
        return len(names.intersection(values)) >= max(FEWEST_NAMES, len(names) / 2)

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
        found = pc.any(pc.is_in(table.column(self._named), value_set=self._alike))
        return bool(found.as_py())
