"""Reading a text block by block, while counting its lines."""

import re
from typing import Final

from benepass_tasks.ingestion.readers.streams import Readable

BOM: Final = b"\xef\xbb\xbf"

LINE_END: Final = re.compile(rb"\r\n?|\n")


def lone_returns(data: bytes) -> int:
    r"""Count the ``\r`` that no ``\n`` follows, in bytes that do not end within a ``\r\n``."""
    return data.count(b"\r") - data.count(b"\r\n") if b"\r" in data else 0


def line_ends(data: bytes) -> int:
    r"""Count ``\n``, ``\r\n`` and lone ``\r`` in bytes that do not end within a ``\r\n``."""
    return data.count(b"\n") + lone_returns(data)


def after_line_end(data: bytes, start: int, limit: int) -> int:
    """The position after the first line end between two positions, or the limit without one."""
    match = LINE_END.search(data, start, limit)
    return match.end() if match else limit


class BlockReader:
    r"""Reads a text in UTF-8 once, from its start to its end.

    The count of lines covers every byte handed out so far. It knows nothing of records or quotes,
    so that a mistake in the parsing cannot hide in it.
    """

    def __init__(self, text: Readable, block_bytes: int) -> None:
        """Take the text and the usual size of a block; nothing is read yet."""
        self._text = text
        self._block_bytes = block_bytes
        self._held = b""
        self._is_first = True
        self._line_ends = 0
        self._has_open_line = False

    @property
    def lines(self) -> int:
        """The physical lines handed out, one without a line end at the end of the text included."""
        return self._line_ends + self._has_open_line

    def read(self, at_least: int = 0) -> bytes:
        r"""Read the next block, without the byte order mark of the text; empty at its end only.

        A block never ends between the two bytes of a ``\r\n``: a ``\r`` at its end is held back
        and begins the next block.

        Args:
            at_least: Ask for so many bytes if that is more than the usual size. A caller that
                could not use what it has so far doubles it, which keeps the work linear.
        """
        block = self._next(at_least)
        if block:
            self._line_ends += line_ends(block)
            self._has_open_line = not block.endswith((b"\n", b"\r"))
        return block

    def _next(self, at_least: int) -> bytes:
        while True:
            fresh = self._first() if self._is_first else b""
            fresh = fresh or self._text.read(max(self._block_bytes, at_least))
            block = self._held + fresh if self._held else fresh
            self._held = b"\r" if fresh.endswith(b"\r") else b""
            block = block[:-1] if self._held else block
            if block or not fresh:
                return block

    def _first(self) -> bytes:
        """Read the first bytes, enough to see whether they are a byte order mark."""
        self._is_first = False
        first = b""
        while len(first) < len(BOM) and (more := self._text.read(len(BOM) - len(first))):
            first += more
        return first.removeprefix(BOM)


class Body:
    """What follows the header of a text, up to its footer.

    Attributes:
        footer_lines: The lines of the footer; complete once all else has been read.
    """

    def __init__(self, blocks: BlockReader, rest: bytes, footer_lines: int) -> None:
        """Take the blocks, what was read of them beyond the header, and the size of the footer."""
        self._blocks = blocks
        self._rest = rest
        self._most = footer_lines
        self._withheld = b""
        self.footer_lines = 0

    def read(self, at_least: int = 0) -> bytes:
        """Read the next block, as a `BlockReader` does."""
        if not self._most:
            return self._next(at_least)
        while block := self._next(max(at_least, len(self._withheld))):
            data = self._withheld + block
            end = _before_lines(data, self._most)
            self._withheld = data[end:]
            if end:
                return data[:end]
        return self._last()

    def _next(self, at_least: int) -> bytes:
        rest, self._rest = self._rest, b""
        return rest or self._blocks.read(at_least)

    def _last(self) -> bytes:
        """Let go of a line that turns out to stand above the footer; an open line is one of it."""
        data, self._withheld = self._withheld, b""
        has_open_line = bool(data) and not data.endswith((b"\n", b"\r"))
        lines = line_ends(data) + has_open_line
        self.footer_lines += min(lines, self._most)
        if lines <= self._most:
            return b""
        return data[: _before_lines(data, self._most - has_open_line)]


def _before_lines(data: bytes, lines: int) -> int:
    """Find where the last lines of some bytes begin, and what may follow them without a line end.

    Returns:
        The position; 0 where there are no more lines than that.
    """
    end = len(data)
    for _ in range(lines + 1):
        end = max(data.rfind(b"\n", 0, end), data.rfind(b"\r", 0, end))
        if end < 0:
            return 0
        if data[end : end + 1] == b"\n" and data[end - 1 : end] == b"\r":
            end -= 1
    return end + (2 if data[end : end + 2] == b"\r\n" else 1)
