"""What the readers have in common whose records are rows or objects, and not delimited text."""

import io
from collections.abc import Sequence
from typing import Final, TypeAlias

import pyarrow as pa

from benepass_tasks.ingestion.readers.records import ROW_NUMBER, AccountedReader, Batch
from benepass_tasks.ingestion.readers.scanning import Rejected, Tally
from benepass_tasks.ingestion.readers.streams import FileBytes

Texts: TypeAlias = Sequence[str | None]
"""The values of a record, in the order of its columns."""

MOST: Final = 50_000
"""Records of a batch."""


class RowReader(AccountedReader):
    """Reads the records of one file, once, from its start to its end.

    Attributes:
        bytes_read: How much of the file has been read.
    """

    def __init__(self, file: io.BufferedReader) -> None:
        """Take the file, of which the reader reads what it needs."""
        super().__init__()
        self._file = file
        self.bytes_read = 0

    def _account_as_read(self, lines: int) -> None:
        """Complete the accounting of a file that was not read from its start to its end."""
        self._file.seek(0)
        file = FileBytes(self._file)
        file.read_all()
        self._account(lines, file)


def text_schema(columns: Sequence[str]) -> pa.Schema:
    """The schema of a batch: a text column for each name, and the number of the record."""
    return pa.schema([*((name, pa.string()) for name in columns), (ROW_NUMBER, pa.int64())])


class Gatherer:
    """The records since the last batch, whose numbers and lines are counted in a tally."""

    def __init__(self, columns: Sequence[str], tally: Tally) -> None:
        """Prepare for records with these columns."""
        self._schema = text_schema(columns)
        self._tally = tally
        self._rows: list[tuple[str | int | None, ...]] = []
        self._rejected: list[Rejected] = []

    def take(self, values: Texts) -> None:
        """Take a record on a line of its own."""
        self._rows.append((*values, self._tally.records + 1))
        self._tally.parsed += 1

    def reject(self, reason: str, raw: bytes) -> None:
        """Take a record that cannot be used."""
        self._rejected.append(self._tally.reject(reason, raw))

    @property
    def is_full(self) -> bool:
        """Whether it is time for a batch."""
        return len(self._rows) + len(self._rejected) >= MOST

    @property
    def is_empty(self) -> bool:
        """Whether there is no record since the last batch."""
        return not self._rows and not self._rejected

    def flush(self) -> Batch:
        """Make a batch of all since the last one."""
        columns = list(zip(*self._rows, strict=True)) or [()] * len(self._schema)
        batch = Batch(pa.table(columns, schema=self._schema), tuple(self._rejected))
        self._rows, self._rejected = [], []
        return batch
