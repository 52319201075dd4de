"""Reading a file once, block by block, while hashing it and counting its lines."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing import BinaryIO

BOM: Final = b"\xef\xbb\xbf"
LONE_RETURN: Final = re.compile(rb"\r(?!\n)")


def lone_returns(data: bytes) -> int:
    r"""Count the ``\r`` that no ``\n`` follows.

    Args:
        data: Bytes that do not end between the two bytes of a ``\r\n``.

    Returns:
        Their number.
    """
    return len(LONE_RETURN.findall(data)) if b"\r" in data else 0


def line_ends(data: bytes) -> int:
    r"""Count the line ends in some bytes; ``\n``, ``\r\n`` and a lone ``\r`` are one each.

    Args:
        data: Bytes that do not end between the two bytes of a ``\r\n``.

    Returns:
        Their number.
    """
    return data.count(b"\n") + lone_returns(data)


class BlockReader:
    r"""Reads a binary file once, from its start to its end.

    The hash and the counts cover every byte handed out so far. They know nothing of records or
    quotes, so that a mistake in the parsing cannot hide in them.

    Attributes:
        bytes: The number of bytes read, a byte order mark included.
        line_ends: The number of line ends in the blocks handed out.
        lone_returns: Whether the last block has a ``\r`` that no ``\n`` follows.
    """

    def __init__(self, file: BinaryIO, block_bytes: int) -> None:
        """Take the file; nothing is read yet.

        Args:
            file: The file, open for reading bytes, at its start.
            block_bytes: The usual size of a block, at least 1.
        """
        self._file = file
        self._block_bytes = block_bytes
        self._digest = hashlib.sha256()
        self._held = b""
        self._open_line = False
        self.bytes = 0
        self.line_ends = 0
        self.lone_returns = False

    @property
    def sha256(self) -> str:
        """The hash of all the bytes read, in hexadecimal."""
        return self._digest.hexdigest()

    @property
    def lines(self) -> int:
        """The physical lines handed out, one without a line end at the end of the file included."""
        return self.line_ends + self._open_line

    def read(self, at_least: int = 0) -> bytes:
        r"""Read the next block, without the file's byte order mark.

        A block never ends between the two bytes of a ``\r\n``: a ``\r`` at its end is held back
        and begins the next block.

        Args:
            at_least: Ask for so many bytes if that is more than the usual size. A caller that
                could not use what it has so far doubles it, which keeps the work linear.

        Returns:
            The block, empty at the end of the file only.
        """
        block = self._next(at_least)
        if block:
            self._count(block)
        return block

    def _next(self, at_least: int) -> bytes:
        """Read until there is something to hand out, or the file ends."""
        while True:
            fresh = self._first() if self.bytes == 0 else b""
            fresh = fresh or self._read(max(self._block_bytes, at_least))
            block = self._held + fresh if self._held else fresh
            self._held = b"\r" if fresh.endswith(b"\r") else b""
            block = block[:-1] if self._held else block
            if block or not fresh:
                return block

    def _first(self) -> bytes:
        """Read the file's first bytes, enough to see whether they are a byte order mark."""
        first = b""
        while len(first) < len(BOM) and (more := self._read(len(BOM) - len(first))):
            first += more
        return first.removeprefix(BOM)

    def _read(self, size: int) -> bytes:
        data = self._file.read(size)
        self._digest.update(data)
        self.bytes += len(data)
        return data

    def _count(self, block: bytes) -> None:
        lone = lone_returns(block)
        self.lone_returns = lone > 0
        self.line_ends += block.count(b"\n") + lone
        self._open_line = not block.endswith((b"\n", b"\r"))
