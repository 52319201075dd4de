"""From a file's own bytes to its text in UTF-8: hashed, decompressed and transcoded on the way."""

import codecs
import hashlib
import io
import re
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import BinaryIO, Final, Protocol

import pyarrow as pa

from benepass_tasks.catalog.layout import Layout
from benepass_tasks.catalog.wording import listed, printable
from benepass_tasks.config.errors import SourceError

_MAGIC: Final = {"gzip": b"\x1f\x8b", "zip": b"PK", "zstd": b"\x28\xb5\x2f\xfd"}
_BLOCK: Final = 1 << 20
_KEEP_BYTES: Final = "benepass_tasks.keep_bytes"
_UNDECODED: Final = 0xDC00
"""The surrogate that stands for an undecoded byte 0; no surrogate is a character of UTF-8."""
_KEPT: Final = re.compile(rb"\xed[\xb0-\xb3][\x80-\xbf]")
"""One that stands for a byte, as it is in the transcoded text."""


class Readable(Protocol):
    """Bytes that are read once, from their start to their end."""

    def read(self, size: int, /) -> bytes:
        """Read some bytes, at most so many where they are the file's own; none at the end only."""


class FileBytes(io.RawIOBase):
    """A file's own bytes, which are hashed and counted as they are read.

    Attributes:
        bytes: How many have been read.
    """

    def __init__(self, file: BinaryIO) -> None:
        """Take a file, open at its start."""
        super().__init__()
        self._file = file
        self._digest = hashlib.sha256()
        self._is_at_end = False
        self.bytes = 0

    @property
    def sha256(self) -> str:
        """The hash of all the bytes read, in hexadecimal."""
        return self._digest.hexdigest()

    def readable(self) -> bool:
        """It is read."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Read some bytes; none at the end only."""
        # Whoever unpacks the file may have moved in it since its end was read.
        data = b"" if self._is_at_end else self._file.read(size)
        self._is_at_end = not data
        self._digest.update(data)
        self.bytes += len(data)
        return data

    def read_all(self) -> None:
        """Hash and count what has not been read."""
        while self.read(_BLOCK):
            pass


def open_text(file: BinaryIO, bytes_: FileBytes, layout: Layout, name: str) -> Readable:
    """Open the text of a file.

    Args:
        file: The file, open at its start.
        bytes_: Its bytes, of which none has been read.
        layout: How it is written.
        name: What messages call it; its end tells how it is compressed, where the layout does not.

    Returns:
        The text in UTF-8. A byte that cannot be decoded makes it invalid at that place.

    Raises:
        SourceError: it is not compressed as the layout says; the same while it is read.
    """
    text: Readable = bytes_
    compression = layout.compression_of(name)
    if compression:
        text = _Decompressed(file, bytes_, compression, name)
    return text if is_utf8(layout.encoding) else _Transcoded(text, layout.encoding)


def is_utf8(encoding: str) -> bool:
    """Whether text of an encoding needs no transcoding; a byte order mark may be there or not."""
    return codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")


class _Decompressed:
    def __init__(self, file: BinaryIO, bytes_: FileBytes, compression: str, name: str) -> None:
        self._compression, self._name = compression, name
        magic = file.read(len(_MAGIC[compression]))
        file.seek(0)
        if magic and magic != _MAGIC[compression]:
            raise SourceError(
                f"{name} is not compressed by {compression}, as its name or load_args.compression "
                "says; correct whichever is wrong. What was built before stays as it is",
                reason=f"a file is not compressed by {compression}, as it should be",
            )
        self._stream = self._opened(file, bytes_) if magic else bytes_

    def _opened(self, file: BinaryIO, bytes_: FileBytes) -> Readable:
        if self._compression == "zip":
            # Its list of members stands at its end.
            bytes_.read_all()
            return self._member(file)
        stream: Readable = pa.CompressedInputStream(pa.PythonFile(bytes_), self._compression)
        return stream

    def _member(self, file: BinaryIO) -> Readable:
        try:
            archive = zipfile.ZipFile(file)
        except zipfile.BadZipFile as error:
            raise self._damaged(error) from error
        members = [it for it in archive.infolist() if not is_of_the_system(it)]
        if len(members) != 1:
            names = listed([printable(it.filename) for it in members])
            raise SourceError(
                f"{self._name} holds {len(members)} files ({names}), and a zip file with one is "
                "read; unpack it, or pack each by itself. What was built before stays as it is",
                reason=f"a zip file holds {len(members)} files instead of one",
            )
        try:
            return archive.open(members[0])
        except (RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
            raise SourceError(
                f"{self._name} cannot be unpacked ({error}); pack it without a password and by "
                "the usual method. What was built before stays as it is",
                reason="a zip file cannot be unpacked",
            ) from error

    def read(self, size: int, /) -> bytes:
        try:
            return self._stream.read(size)
        except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
            if isinstance(error, OSError) and error.errno:
                raise
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> SourceError:
        return SourceError(
            f"{self._name} is cut short or damaged: it cannot be decompressed to its end "
            f"({printable(str(error))}). Get it anew. What was built before stays as it is",
            reason="a compressed file is cut short or damaged",
        )


def is_of_the_system(member: zipfile.ZipInfo) -> bool:
    """Whether a member of a zip file is a folder, or what macOS and Windows add of their own."""
    path = PurePosixPath(member.filename)
    is_hidden = path.name.startswith("._") or path.name in {".DS_Store", "Thumbs.db", "desktop.ini"}
    return member.is_dir() or is_hidden or "__MACOSX" in path.parts


class _Transcoded:
    def __init__(self, stream: Readable, encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)(_KEEP_BYTES)

    def read(self, size: int, /) -> bytes:
        while True:
            data = self._stream.read(size)
            text: str = self._decoder.decode(data, not data)
            if text or not data:
                return text.encode("utf-8", "surrogatepass")


def as_written(text: bytes) -> bytes:
    """Put the undecoded bytes of transcoded text back in their places."""
    return _KEPT.sub(lambda it: bytes([(it[0][1] & 0x03) << 6 | it[0][2] & 0x3F]), text)


def _keep_bytes(error: UnicodeError) -> tuple[str, int]:
    """Decode bytes that cannot be decoded into surrogates."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    undecoded = error.object[error.start : error.end]
    return "".join(chr(_UNDECODED + byte) for byte in undecoded), error.end


codecs.register_error(_KEEP_BYTES, _keep_bytes)
