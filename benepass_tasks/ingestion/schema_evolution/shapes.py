"""The shape of a file: its columns, in order, with the types that their values have.

dlt's stored schema keeps it as hints that begin with `x-`, and so do the shapes that were accepted
by hand.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from benepass_tasks.ingestion.schema_evolution.inferred_types import UNKNOWN

TYPE = "x-inferred-type"
ORDINAL = "x-ordinal"
PRESENT = "x-present"
FIELD = "x-source-name"
REQUIRED = "x-required"
FILE = "x-source-file"
"""Which file a load was of: a hint on the column `_source_file`."""


@dataclass(frozen=True, slots=True)
class ColumnShape:
    """One column of a file.

    Attributes:
        name: Its name in raw.
        type: The narrowest type that all its values fit; where there is none, that of earlier ones.
        field: Its name as the header has it; None where the file lacks it.
        ordinal: Its place in the file, from 1 on; None where the file lacks it.
        is_required: Whether the catalog requires the file to have it.
    """

    name: str
    type: str = UNKNOWN
    field: str | None = None
    ordinal: int | None = None
    is_required: bool = False

    @property
    def is_present(self) -> bool:
        """Whether the file has the column."""
        return self.ordinal is not None


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns of a file by name: those it has, in its order, then declared ones it lacks."""

    columns: Mapping[str, ColumnShape]

    @classmethod
    def of(cls, columns: Iterable[ColumnShape]) -> "Shape":
        """Put columns into order."""
        ordered = sorted(columns, key=lambda it: (it.ordinal is None, it.ordinal or 0))
        return cls({column.name: column for column in ordered})

    @property
    def present(self) -> dict[str, ColumnShape]:
        """The columns that the file has."""
        return {name: it for name, it in self.columns.items() if it.is_present}

    @property
    def missing(self) -> tuple[str, ...]:
        """The columns that the catalog requires and the file lacks."""
        return tuple(it.name for it in self.columns.values() if it.is_required > it.is_present)

    def type_of(self, column: str) -> str:
        """The type of a column; unknown where there is no such column."""
        return self.columns[column].type if column in self.columns else UNKNOWN

    def as_hints(self) -> dict[str, dict[str, Any]]:
        """The hints of each column."""
        return {name: _hints(column) for name, column in self.columns.items()}

    @classmethod
    def from_hints(cls, columns: Mapping[str, Mapping[str, Any]]) -> "Shape":
        """The shape that hints tell of; columns without them are not of a file."""
        return cls.of(
            ColumnShape(
                name,
                hints[TYPE],
                hints.get(FIELD),
                hints.get(ORDINAL),
                hints.get(REQUIRED, False),
            )
            for name, hints in columns.items()
            if TYPE in hints
        )


def _hints(column: ColumnShape) -> dict[str, Any]:
    hints = {TYPE: column.type, PRESENT: column.is_present, REQUIRED: column.is_required}
    where = {ORDINAL: column.ordinal, FIELD: column.field} if column.is_present else {}
    return hints | where
