"""Reading a file once, block by block, while hashing it and counting its lines."""

import hashlib
from typing import BinaryIO, Final

BOM: Final = b"\xef\xbb\xbf"


def lone_returns(data: bytes) -> int:
    r"""Count the ``\r`` that no ``\n`` follows, in bytes that do not end within a ``\r\n``."""
    return data.count(b"\r") - data.count(b"\r\n") if b"\r" in data else 0


def line_ends(data: bytes) -> int:
    r"""Count ``\n``, ``\r\n`` and lone ``\r`` in bytes that do not end within a ``\r\n``."""
    return data.count(b"\n") + lone_returns(data)


class BlockReader:
    r"""Reads a binary file once, from its start to its end.

    The hash and the counts cover every byte handed out so far. They know nothing of records or
    quotes, so that a mistake in the parsing cannot hide in them.

    Attributes:
        bytes: The number of bytes read, a byte order mark included.
    """

    def __init__(self, file: BinaryIO, block_bytes: int) -> None:
        """Take the file, open at its start, and the usual size of a block; nothing is read yet."""
        self._file = file
        self._block_bytes = block_bytes
        self._digest = hashlib.sha256()
        self._held = b""
        self._line_ends = 0
        self._has_open_line = False
        self.bytes = 0

    @property
    def sha256(self) -> str:
        """The hash of all the bytes read, in hexadecimal."""
        return self._digest.hexdigest()

    @property
    def lines(self) -> int:
        """The physical lines handed out, one without a line end at the end of the file included."""
        return self._line_ends + self._has_open_line

    def read(self, at_least: int = 0) -> bytes:
        r"""Read the next block, without the file's byte order mark; empty at the file's end only.

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
