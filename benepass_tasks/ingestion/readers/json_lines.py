"""Reads the records of a file of JSON lines: an object each, on a line of its own.

Raw gets what is written: a number digit by digit, a text without its quotes, a list as JSON. The
keys of an object within a record are columns of their own, `merchant.name`. The columns are the
keys of all lines in the order in which they come first, so that the file is read twice.
"""

import io
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from benepass_tasks.catalog.header_names import header_key
from benepass_tasks.catalog.layout import Layout
from benepass_tasks.config.errors import SourceError
from benepass_tasks.ingestion.readers.blocks import LINE_END, BlockReader
from benepass_tasks.ingestion.readers.records import Batch
from benepass_tasks.ingestion.readers.rows import Gatherer, RowReader
from benepass_tasks.ingestion.readers.scanning import INVALID_UTF8, TOO_LONG
from benepass_tasks.ingestion.readers.streams import FileBytes, as_written, is_utf8, open_text
from benepass_tasks.state.source_files import CUT_OFF

NO_OBJECT: Final = "no JSON object"
KEY_TWICE: Final = "a key twice in a JSON object"
NO_REQUIRED_KEY: Final = "a required key is missing"
NO_TEXT: Final = "half a character"

BLOCK: Final = 1 << 20
LONGEST: Final = 16 << 20
"""Bytes allowed to a line."""


class Number(str):
    """A number, or NaN or an infinity, as it is written."""

    __slots__ = ()


class UnusableError(Exception):
    """An object is not a record; its text is the reason."""


class NoRecordError(Exception):
    """An object is none of the records that are meant; its text is what it is."""


class JsonLinesReader(RowReader):
    """Reads the records of one file of JSON lines."""

    declared_as = "JSON lines"

    def __init__(self, file: io.BufferedReader, layout: Layout, name: str) -> None:
        """Read the keys of all objects; messages call the file by its name.

        Raises:
            SourceError: the file holds lines, and none is an object with a key; or it is not
                compressed as the layout says, also while records are read.
        """
        super().__init__(file)
        self._layout = layout
        self._name = name
        self.header = tuple(self._keys())

    def batches(self, columns: Sequence[str], required: Collection[str] = ()) -> Iterator[Batch]:
        """Read the records, once only, under names for the keys of all objects."""
        needed = [key for key, name in zip(self.header, columns, strict=True) if name in required]
        gatherer = Gatherer(columns, self._tally)
        file, blocks = self._opened()
        for line, is_open in _lines(blocks):
            if not line.strip():
                self._tally.blank_lines += 1
                continue
            try:
                gatherer.take(self._values(line, needed))
            except NoRecordError as error:
                self._tally.passed_over[str(error)] += 1
            except UnusableError as error:
                is_cut_off = is_open and str(error) == NO_OBJECT and line.lstrip()[:1] == b"{"
                reason = CUT_OFF if is_cut_off else str(error)
                gatherer.reject(reason, self._as_written(line[:LONGEST]))
            if gatherer.is_full:
                self.bytes_read = file.bytes
                yield gatherer.flush()
        if not gatherer.is_empty:
            yield gatherer.flush()
        file.read_all()
        self._account(blocks.lines, file)

    def _opened(self) -> tuple[FileBytes, BlockReader]:
        self._file.seek(0)
        file = FileBytes(self._file)
        text = open_text(self._file, file, self._layout, self._name)
        return file, BlockReader(text, BLOCK)

    def _as_written(self, line: bytes) -> bytes:
        encoding = self._layout.encoding
        return line if is_utf8(encoding) else as_written(line)

    def _keys(self) -> Iterator[str]:
        keys: dict[str, None] = {}
        has_lines = is_readable = False
        for line, _ in _lines(self._opened()[1]):
            has_lines = has_lines or bool(line.strip())
            try:
                keys |= dict.fromkeys(self._read(line))
            except NoRecordError:
                is_readable = True
            except UnusableError:
                continue  # it is rejected where records are read
        if has_lines and not (keys or is_readable):
            raise SourceError(
                f"The file is declared as {self.declared_as}, and none of its lines is a JSON "
                "object with a key."
            )
        return iter(keys)

    def _values(self, line: bytes, needed: Sequence[str]) -> list[str | None]:
        found = self._read(line)
        if self._needs_all(found) and any(key not in found for key in needed):
            raise UnusableError(NO_REQUIRED_KEY)
        return [found.get(key) for key in self.header]

    def _read(self, line: bytes) -> Mapping[str, str | None]:
        try:
            return self._record(line)
        except RecursionError:
            raise UnusableError(NO_OBJECT) from None

    def _record(self, line: bytes) -> Mapping[str, str | None]:
        """The texts of the record on a line by the keys of its columns.

        Raises:
            UnusableError: it is none.
            NoRecordError: it is none that is meant.
        """
        found = object_of(line)
        if not isinstance(found, dict):
            raise UnusableError(NO_OBJECT)
        return flat(found)

    def _needs_all(self, record: Mapping[str, str | None]) -> bool:  # noqa: ARG002 - for others
        """Whether a record may lack no required key."""
        return True


def _lines(blocks: BlockReader) -> Iterator[tuple[bytes, bool]]:
    """The lines, without their ends, and whether each has none.

    Of one that is too long there is its beginning, still too long.
    """
    rest = b""
    while block := blocks.read():
        *whole, rest = LINE_END.split(rest[: LONGEST + 1] + block)
        yield from ((it, False) for it in whole)
    if rest:
        yield rest, True


def object_of(line: bytes) -> object:
    """What a line of JSON says, with its numbers as they are written.

    Raises:
        UnusableError: it is no JSON, or what it says is no text.
    """
    if len(line) > LONGEST:
        raise UnusableError(TOO_LONG)
    try:
        found: object = DECODER.decode(line.decode())
    except UnicodeDecodeError:
        raise UnusableError(INVALID_UTF8) from None
    except (ValueError, RecursionError):
        raise UnusableError(NO_OBJECT) from None
    if b"\\ud" in line.lower():
        _require_whole_characters(found)
    return found


def _require_whole_characters(found: object) -> None:
    try:
        json_text(found).encode()
    except UnicodeEncodeError:
        raise UnusableError(NO_TEXT) from None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise UnusableError(KEY_TWICE)
    return found


DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_without_duplicates,
    parse_float=Number,
    parse_int=Number,
    parse_constant=Number,
)
"""Reads JSON, and its numbers as they are written; a key twice is an `UnusableError`."""


def flat(record: Mapping[str, Any], ignored: Collection[str] = ()) -> dict[str, str | None]:
    """A record with a text for each key; the keys of an object within it follow its own.

    Args:
        record: The record, as `DECODER` reads it.
        ignored: Keys that are left out, as `header_key` writes them.

    Raises:
        UnusableError: two values would have one key.
    """
    return _without_duplicates([*_flat(record, ignored, "")])


def _flat(
    record: Mapping[str, Any], ignored: Collection[str], before: str
) -> Iterator[tuple[str, str | None]]:
    for name, value in record.items():
        key = f"{before}{name}"
        if ignored and header_key(key) in ignored:
            continue
        if isinstance(value, dict):
            yield from _flat(value, ignored, f"{key}.")
        else:
            yield key, text_of_json(value)


def text_of_json(value: object) -> str | None:
    """A value of JSON as text: texts without quotes, numbers as written, all else as JSON."""
    if value is None:
        return None
    return str(value) if isinstance(value, str) else json_text(value)


def json_text(value: object) -> str:
    """Write a value as JSON, and its numbers as they were written."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, Mapping):
        items = (f"{json_text(key)}:{json_text(item)}" for key, item in value.items())
        return f"{{{','.join(items)}}}"
    if isinstance(value, list):
        return f"[{','.join(map(json_text, value))}]"
    return json.dumps(value, ensure_ascii=False)
