"""Records that a file has and raw does not get, whatever they are left out for."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, Protocol, TypeAlias

from benepass_tasks.ingestion.readers.records import Batch


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
