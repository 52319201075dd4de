"""A source file, written anew with other values in some of its records; all others stay.

Text, compressed or not, JSON lines, Parquet, and workbooks of which nothing is lost are written.
What was written is read by the pipeline's own reader and compared with what the file is to say, so
a file that cannot be written faithfully is left as it is.
"""

import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from benepass_tasks.catalog import Source
from benepass_tasks.catalog.layout import EXCEL, JSON_LINES, PARQUET
from benepass_tasks.config.errors import SourceError
from benepass_tasks.ingestion.headers import match_header, meant_by
from benepass_tasks.ingestion.people import event_files
from benepass_tasks.ingestion.people.text_files import LINE, Fields, TextFile, end_of
from benepass_tasks.ingestion.readers.opening import open_reader
from benepass_tasks.ingestion.readers.records import ROW_NUMBER
from benepass_tasks.ingestion.readers.scanning import Rejected
from benepass_tasks.state.source_files import SourceFile

_Put: TypeAlias = Callable[[TextFile, int, int], int]
"""Writes a record of a text by its number, from a line on; returns the line after it."""

Values = Mapping[str, str | None]
"""The values of a record by column; None where there is nothing."""

PLACEHOLDER = "erased"
"""What stands in the place of a record that cannot be parsed: it cannot be, either."""


class UnwritableError(SourceError):
    """A source file cannot be written anew; the message says why, and what to do."""


@dataclass(frozen=True)
class _Content:
    """What a file says, as the pipeline reads it."""

    header: tuple[str, ...]
    columns: tuple[str, ...]
    table: pa.Table
    rejected: tuple[Rejected, ...]

    @classmethod
    def of(cls, source: Source, file: SourceFile, path: Path) -> "_Content":
        """Read a file, which may lie elsewhere under another name."""
        required = [it.name for it in source.columns.values() if it.required]
        name = f"{source.name}: {file.name}"
        with open_reader(source.layout, path, name, meant_by(source)) as reader:
            columns = match_header(source, file.name, reader.header).columns
            batches = list(reader.batches(columns, required))
            tables = [it.table for it in batches]
            schema = pa.schema([*((it, pa.string()) for it in columns), (ROW_NUMBER, pa.int64())])
            table = pa.concat_tables(tables or [schema.empty_table()]).combine_chunks()
            rejected = tuple(it for batch in batches for it in batch.rejected)
            return cls(reader.header, tuple(columns), table, rejected)

    def changed(self, values: Mapping[int, Values]) -> pa.Table:
        """The table with other values in some of its records."""
        numbers = self.table[ROW_NUMBER]
        is_changed = pc.is_in(numbers, pa.array(sorted(values), pa.int64()))
        order = pc.filter(numbers, is_changed).to_pylist()
        table = self.table
        for at, name in enumerate(self.columns):
            new = pa.array([values[it].get(name) for it in order], pa.string())
            column = table[name].combine_chunks()
            mask = is_changed.combine_chunks()
            table = table.set_column(at, name, pc.replace_with_mask(column, mask, new))
        return table

    def rows(self, values: Mapping[int, Values]) -> dict[int, list[str | None]]:
        """The values of some records as they are, in the order of the columns."""
        is_wanted = pc.is_in(self.table[ROW_NUMBER], pa.array(sorted(values), pa.int64()))
        found = self.table.filter(is_wanted)
        columns = [found[it].to_pylist() for it in self.columns]
        numbers = found[ROW_NUMBER].to_pylist()
        return {it: [column[at] for column in columns] for at, it in enumerate(numbers)}


def aside_of(path: Path) -> Path:
    """Where the new file lies until it takes the place of another."""
    return path.with_name(f".{path.name}.erasing")


def has_earlier(source: Source, file: SourceFile, is_theirs: Callable[[bytes], bool]) -> bool:
    """Whether a file of change events has what was somebody's before a change.

    Raw has none of it. An event is then another one's, such as one by which a charge got another
    owner.

    Args:
        source: What says how it is written.
        file: The file.
        is_theirs: Whether some bytes have a value of theirs.
    """
    if not source.layout.is_of_events:
        return False
    text = TextFile.of(file.path.read_bytes(), source.layout, file.name)
    lines = text.lines if text is not None else ()
    return any(is_theirs(it.encode()) for it in map(event_files.earlier_of, lines) if it)


def write_aside(
    source: Source,
    file: SourceFile,
    values: Mapping[int, Values],
    goes: Callable[[Rejected], bool],
) -> Path:
    """Write a file anew beside itself.

    Args:
        source: What says how it is written.
        file: The file.
        values: What some of its records are to say, by their numbers.
        goes: Whether a record that cannot be parsed is to go.

    Returns:
        The new file, which says what it is to say, and nothing else that differs.

    Raises:
        UnwritableError: it cannot be written faithfully; the file is as it was.
    """
    before, aside = _Content.of(source, file, file.path), aside_of(file.path)
    going = [it for it in before.rejected if goes(it)]
    rewriting = _Rewriting(source, file, before, values, going)
    try:
        aside.unlink(missing_ok=True)
        aside.touch(mode=0o600)
        shutil.copymode(file.path, aside)
        rewriting.write(aside)
        rewriting.require_faithful(aside)
    except UnwritableError:
        aside.unlink(missing_ok=True)
        raise
    return aside


@dataclass(frozen=True)
class _Rewriting:
    """What one file is to say.

    Attributes:
        source: What says how it is written.
        file: The file.
        before: What it says.
        values: What some of its records are to say, by their numbers.
        going: The records that cannot be parsed and are to go.
    """

    source: Source
    file: SourceFile
    before: _Content
    values: Mapping[int, Values]
    going: Sequence[Rejected]

    def write(self, aside: Path) -> None:
        """Write it, in the way of its kind."""
        kind = self.source.layout.type
        if kind == EXCEL:
            self._write_workbook(aside)
        elif kind == PARQUET:
            self._write_parquet(aside)
        else:
            self._write_text(aside, self._put)

    @property
    def _put(self) -> _Put:
        """What writes a record of a text."""
        layout = self.source.layout
        if layout.is_of_events:
            return self._put_event
        return self._put_json if layout.type == JSON_LINES else self._put_fields

    def require_faithful(self, aside: Path) -> None:
        """Read what was written, and compare it with what it is to say."""
        # How a file is compressed is told by the end of its name.
        named = aside.with_name(f".erasing.{self.file.path.name}")
        named.unlink(missing_ok=True)
        named.hardlink_to(aside)
        try:
            after = _Content.of(self.source, self.file, named)
        finally:
            named.unlink()
        gone = {it.record_number for it in self.going}
        others = [
            [it.raw for it in content.rejected if it.record_number not in gone]
            for content in (self.before, after)
        ]
        is_same = (
            after.header == self.before.header
            and after.table.equals(self.before.changed(self.values))
            and others[0] == others[1]
            and len(after.rejected) == len(self.before.rejected)
        )
        if not is_same:
            raise self._unwritable("what was written would not say what it is to say")

    def _unwritable(self, why: str) -> UnwritableError:
        return UnwritableError(
            f"{self.source.name}: {self.file.name} cannot be written anew ({why}). It is as it "
            "was: correct its records by hand, or replace it with a file that lacks them"
        )

    def _write_workbook(self, aside: Path) -> None:
        from benepass_tasks.ingestion.people import workbook_files  # noqa: PLC0415 - an extra

        lost = workbook_files.lost_of(self.file.path)
        if lost is not None:
            raise self._unwritable(lost)
        layout, columns = self.source.layout, self.before.columns
        places = workbook_files.SheetRows.of(self.file.path, layout, columns)
        changes = {
            number: {
                at: values.get(name)
                for at, (name, old) in enumerate(zip(columns, self._rows[number], strict=True))
                if values.get(name) != old
            }
            for number, values in self.values.items()
        }
        going = {it.record_number: PLACEHOLDER for it in self.going}
        workbook_files.write_rows(self.file.path, aside, places, changes, going)

    def _write_parquet(self, aside: Path) -> None:
        with parquet.ParquetFile(self.file.path) as opened:
            table, about = opened.read(), opened.metadata
            group = about.row_group(0) if about.num_row_groups else None
        numbers = sorted(self.values)
        mask = pa.array([it in self.values for it in range(1, len(table) + 1)])
        rows = self.before.rows(self.values)
        named = zip(self.before.header, self.before.columns, strict=True)
        for at, (field, name) in enumerate(named):
            new = [self.values[it].get(name) for it in numbers]
            if new == [rows[it][at] for it in numbers]:
                continue
            column = table[field].combine_chunks()
            if not pa.types.is_string(column.type) and not pa.types.is_large_string(column.type):
                raise self._unwritable(f"its column {field} holds no texts")
            changed = pc.replace_with_mask(column, mask, pa.array(new, column.type))
            place = table.column_names.index(field)
            table = table.set_column(place, table.schema.field(field), changed)
        parquet.write_table(
            table,
            aside,
            row_group_size=group.num_rows if group else None,
            compression=group.column(0).compression if group else "SNAPPY",
        )

    def _write_text(self, aside: Path, put: _Put) -> None:
        """Write the lines of a text anew, those of one record after the other."""
        layout = self.source.layout
        text = TextFile.of(self.file.path.read_bytes(), layout, self.file.name)
        if text is None:
            raise self._unwritable(f"it is not plain {layout.encoding}")
        for it in self.going:
            begin = it.line_number - 1
            end = begin + len(LINE.findall(it.raw.decode(errors="replace") + "\n"))
            text.replace(begin, end, PLACEHOLDER + end_of(text.lines[end - 1]))
        at = 0
        for number in sorted(self.values):
            at = put(text, at, number)
        if layout.is_of_events:
            text.lines = [*map(event_files.without_earlier, text.lines)]
        aside.write_bytes(text.bytes)

    def _put_fields(self, text: TextFile, start: int, number: int) -> int:
        """Write a record of separated fields; returns the line after it."""
        old, values = self._rows[number], self.values[number]
        new = [values.get(it) for it in self.before.columns]
        if old == new:
            return start
        fields, key = self._fields, _key_of(old, new)
        place = next(fields.places_of(text.lines, start, old, key), None) if key else None
        if place is None:
            raise self._unwritable(f"record {number:,} is not found in it")
        begin, end = place
        written = fields.with_values("".join(text.lines[begin:end]), old, new)
        text.replace(begin, end, written)
        return end

    def _put_json(self, text: TextFile, start: int, number: int) -> int:
        """Write a record that is an object on a line; returns the line after it."""
        row, values = self._rows[number], self.values[number]
        for at in range(start, len(text.lines)):
            content = _object(text.lines[at])
            if content is None or not self._is_row(content, row):
                continue
            for field, name, old in zip(self.before.header, self.before.columns, row, strict=True):
                if field in content and values.get(name) != old:
                    content[field] = values.get(name)
            line = text.lines[at]
            text.lines[at] = json.dumps(content, ensure_ascii=line.isascii()) + end_of(line)
            return at + 1
        raise self._unwritable(f"record {number:,} is not found in it")

    def _put_event(self, text: TextFile, start: int, number: int) -> int:
        """Write an event on a line; returns the line after it."""
        header, columns = self.before.header, self.before.columns
        old = dict(zip(header, self._rows[number], strict=True))
        values = self.values[number]
        new = {field: values.get(it) for field, it in zip(header, columns, strict=True)}
        for at in range(start, len(text.lines)):
            line = event_files.with_values(text.lines[at], old, new)
            if line is not None:
                text.lines[at] = line
                return at + 1
        raise self._unwritable(f"record {number:,} is not found in it")

    def _is_row(self, content: Mapping[str, object], row: Sequence[str | None]) -> bool:
        """Whether an object has the texts of a record; its numbers are compared afterwards."""
        found = zip(self.before.header, row, strict=True)
        return all(
            content.get(field) == value
            for field, value in found
            if isinstance(content.get(field), str)
        )

    @cached_property
    def _rows(self) -> Mapping[int, list[str | None]]:
        return self.before.rows(self.values)

    @cached_property
    def _fields(self) -> Fields:
        return Fields(self.source.layout)


def _key_of(old: Sequence[str | None], new: Sequence[str | None]) -> str | None:
    """A value that is to go and stands in the file as it is, to find its record by."""
    changed = (it for it, other in zip(old, new, strict=True) if it != other and it)
    return next((it for it in changed if re.fullmatch(r"[\w.@ -]+", it)), None)


def _object(line: str) -> dict[str, object] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
