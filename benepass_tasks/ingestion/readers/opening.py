"""Which reader reads a file: chosen by what its source declares, never by the file."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from benepass_tasks.catalog.layout import EXCEL, JSON_LINES, PARQUET, Layout
from benepass_tasks.ingestion.readers.records import Accounting, Batch, RecordReader


class Reader(Protocol):
    """Reads the records of one file, once, from its start to its end.

    Attributes:
        header: The names of the columns, as the file has them; none when the file is empty.
        counts_from: The year from which it counts days, where they are numbers; None where it does
            not say.
        inexact: What the numbers of some columns are, by their names in the header, that are not as
            the database had them.
    """

    header: tuple[str, ...]
    counts_from: int | None
    inexact: Mapping[str, str]

    @property
    def accounting(self) -> Accounting:
        """What the file consists of, once the batches have been read to their end."""

    @property
    def bytes_read(self) -> int:
        """How much of the file has been read."""

    def batches(self, columns: Sequence[str], required: Collection[str] = ()) -> Iterator[Batch]:
        """Read the records, once only, under names for the columns of the header.

        Args:
            columns: The names, one for each column of the header.
            required: Those of them that no record may lack.

        Returns:
            The batches, in file order; none is without any record.
        """


@contextmanager
def open_reader(
    layout: Layout, path: Path, name: str, meant: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Reader]:
    """Open a file as its source declares it, and read its header.

    Args:
        layout: How it is written.
        path: Where it is.
        name: What messages call it.
        meant: The columns of its source by what a name in a header means them, for a file that has
            no header where there is no record.

    Raises:
        SourceError: the file is damaged, encrypted or not what it is declared to be, or its header
            cannot be read; or the library that reads such files is not installed.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        if layout.type == EXCEL:
            from benepass_tasks.ingestion.readers.sheets import SheetReader  # noqa: PLC0415
            from benepass_tasks.ingestion.readers.workbooks import open_sheet  # noqa: PLC0415

            with open_sheet(file, layout.sheet_name, layout.decimal) as (rows, year):
                yield SheetReader(file, rows, layout, counts_from=year)
        elif layout.type == PARQUET:
            from benepass_tasks.ingestion.readers.parquet import ParquetReader  # noqa: PLC0415

            yield ParquetReader(file)
        elif layout.is_of_events:
            from benepass_tasks.ingestion.readers.events import EventReader  # noqa: PLC0415

            yield EventReader(file, layout, name, meant)
        elif layout.type == JSON_LINES:
            from benepass_tasks.ingestion.readers.json_lines import JsonLinesReader  # noqa: PLC0415

            yield JsonLinesReader(file, layout, name)
        else:
            yield RecordReader(file, layout, name=name)
