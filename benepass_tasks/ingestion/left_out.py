"""Records that a file has and raw does not get, whatever they are left out for."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, Protocol, TypeAlias

import duckdb

from benepass_tasks.ingestion.readers.records import Batch
from benepass_tasks.sqlmodels import Macro


class LeavesOut(Protocol):
    """Leaves records out while their file is read.

    Attributes:
        counts_as: What they are counted as.
        parsed: How many parsed records were left out so far.
        rejected: How many that could not be parsed.
    """

    counts_as: Literal["erased", "expired"]
    parsed: int
    rejected: int

    def from_batches(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The batches without these records."""


LeftOut: TypeAlias = Sequence[LeavesOut]

NOTHING: LeftOut = ()


@contextmanager
def calling(macros: Iterable[Macro]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory whose queries can call macros, each after those that it calls itself."""
    with duckdb.connect() as database:
        for macro in macros:
            database.execute(macro.sql)
        yield database
