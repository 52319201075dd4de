"""The lines of a text file, unpacked and decoded so that each byte comes back; and fields."""

import codecs
import gzip
import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import pyarrow as pa

from benepass_tasks.catalog.layout import Layout
from benepass_tasks.ingestion.readers.streams import is_of_the_system

LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")

BEFORE = 5
"""Lines before the one with an id on which its record may begin."""

LONGEST = 50
"""Lines that a record takes at most that is looked for."""


@dataclass
class TextFile:
    """The lines of a file, with their ends.

    Attributes:
        lines: The lines, which may be changed.
    """

    lines: list[str]
    _packed: bytes
    _compression: str | None
    _encoding: str

    @classmethod
    def of(cls, packed: bytes, layout: Layout, name: str) -> "TextFile | None":
        """The lines of a file's bytes; None where its encoding does not give back every byte."""
        compression = layout.compression_of(name)
        data = _unpacked(packed, compression)
        encoding = _codec_of(data, layout.encoding)
        text = data.decode(encoding, "surrogateescape")
        if text.encode(encoding, "surrogateescape") != data:
            return None
        return cls(LINE.findall(text), packed, compression, encoding)

    def replace(self, begin: int, end: int, text: str) -> None:
        """Put a text in the place of some lines; those after them keep their places."""
        self.lines[begin:end] = [text, *[""] * (end - begin - 1)]

    @property
    def bytes(self) -> bytes:
        """The file's bytes, encoded and packed as they were."""
        data = "".join(self.lines).encode(self._encoding, "surrogateescape")
        return _repacked(data, self._packed, self._compression)


def end_of(line: str) -> str:
    """How a line ends."""
    return line[len(line.rstrip("\r\n")) :]


class Fields:
    """The fields of a line, with the places at which they stand."""

    def __init__(self, layout: Layout) -> None:
        """Take the characters of a layout."""
        self._quote, self._escape = layout.quotechar or "", layout.escapechar or ""
        self._sep, self._layout = layout.sep, layout
        sep, quote, escape = map(re.escape, (self._sep, self._quote, self._escape))
        gap = " *" if layout.skipinitialspace else ""
        escaped = f"{escape}.|" if escape else ""
        quoted = f"{quote}(?P<quoted>(?:{escaped}{quote}{quote}|[^{quote}{escape}])*){quote}"
        plain = rf"(?P<plain>(?:{escaped}[^{sep}{escape}\r\n])*)"
        text = f"(?:{quoted}|{plain})" if quote else plain
        self._field = re.compile(rf"{gap}{text}(?P<end>{sep}|\r\n|\r|\n|\Z)", re.DOTALL)

    def places_of(
        self, lines: Sequence[str], start: int, row: Sequence[str | None], key: str
    ) -> Iterator[tuple[int, int]]:
        """Where a record may stand, as a range of lines: those around each line with a key."""
        for at in range(start, len(lines)):
            if key not in lines[at]:
                continue
            for begin in range(at, max(start, at - BEFORE) - 1, -1):
                for end in range(at + 1, min(len(lines), begin + LONGEST) + 1):
                    if self._is_row("".join(lines[begin:end]), row):
                        yield begin, end

    def _is_row(self, text: str, row: Sequence[str | None]) -> bool:
        found = [self._value(it) for it in self._parts(text)]
        return all((a or "") == (b or "") for a, b in zip_longest(found, row))

    def with_values(self, text: str, old: Sequence[str | None], new: Sequence[str | None]) -> str:
        """The text of a record with other values; fields that stay are as they were written."""
        written = []
        for part, before, after in zip_longest(self._parts(text), old, new):
            if part is None:
                break
            whole, end = part[0][: len(part[0]) - len(part["end"])], part["end"]
            written.append((whole if before == after else self._written(part, after)) + end)
        return "".join(written)

    def _parts(self, text: str) -> list[re.Match[str]]:
        """The fields of a text that is one record; none where it is not."""
        parts, at = [], 0
        while True:
            part = self._field.match(text, at)
            if part is None:
                return []
            parts.append(part)
            at = part.end()
            if part["end"] != self._sep:
                return parts if at == len(text) else []

    def _value(self, part: re.Match[str]) -> str:
        quoted = part.groupdict().get("quoted")
        value = quoted if quoted is not None else part["plain"]
        if quoted is not None and self._quote:
            value = value.replace(self._quote * 2, self._quote)
        return re.sub(f"{re.escape(self._escape)}(.)", r"\1", value) if self._escape else value

    def _written(self, part: re.Match[str], value: str | None) -> str:
        if value is None:
            return ""
        is_quoted = part.groupdict().get("quoted") is not None
        if is_quoted or (self._quote and re.search(r"[\r\n]|" + re.escape(self._sep), value)):
            return self._quote + value.replace(self._quote, self._quote * 2) + self._quote
        return value


def _codec_of(data: bytes, encoding: str) -> str:
    """The codec that gives back every byte, also the mark at the beginning."""
    name = codecs.lookup(encoding).name
    if name == "utf-16":
        return "utf-16-be" if data.startswith(codecs.BOM_UTF16_BE) else "utf-16-le"
    if name == "utf-32":
        return "utf-32-be" if data.startswith(codecs.BOM_UTF32_BE) else "utf-32-le"
    return "utf-8" if name == "utf-8-sig" else name


def _unpacked(data: bytes, compression: str | None) -> bytes:
    if compression == "zip":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return archive.read(_member(archive))
    if compression is None:
        return data
    unpacked: bytes = pa.CompressedInputStream(pa.BufferReader(data), compression).read()
    return unpacked


def _repacked(data: bytes, before: bytes, compression: str | None) -> bytes:
    if compression == "gzip":
        return gzip.compress(data, mtime=0)
    if compression == "zip":
        return _archived(data, before)
    return data if compression is None else _compressed(data, compression)


def _compressed(data: bytes, compression: str) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, compression) as stream:
        stream.write(data)
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


def _archived(data: bytes, before: bytes) -> bytes:
    """An archive like another one, with other data in its one member that is read."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(before)) as old, zipfile.ZipFile(target, "w") as new:
        member = _member(old)
        for it in old.infolist():
            new.writestr(it, data if it.filename == member.filename else old.read(it))
    return target.getvalue()


def _member(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    return next(it for it in archive.infolist() if not is_of_the_system(it))
