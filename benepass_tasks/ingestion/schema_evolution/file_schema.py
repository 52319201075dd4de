"""The schema of a file: its columns, in order, with the types that their values fit.

A type is inferred from all values of a column. It is there for people, and to notice that a file
has changed; raw itself stays text. dlt's stored schema keeps the columns as hints that begin with
`x-`, and so do the schemas that were accepted by hand.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

BIGINT = "BIGINT"
DECIMAL = "DECIMAL"
BOOLEAN = "BOOLEAN"
DATE = "DATE"
TIMESTAMP = "TIMESTAMP"
ZONED_TIMESTAMP = "TIMESTAMP WITH TIME ZONE"
TEXT = "VARCHAR"
UNKNOWN = "UNKNOWN"
"""The type of a column that never had a value."""

WIDER: Mapping[str, frozenset[str]] = {BIGINT: frozenset({DECIMAL}), DATE: frozenset({TIMESTAMP})}
"""Besides text, the types that hold every value of a type."""

TYPE = "x-inferred-type"
ORDINAL = "x-ordinal"
PRESENT = "x-present"
FIELD = "x-source-name"
REQUIRED = "x-required"
FILE = "x-source-file"
"""Which file a load was of: a hint on the column `_source_file`."""


def holds(wide: str, narrow: str) -> bool:
    """Whether every value of a type is one of the other type too."""
    return (
        wide in {narrow, TEXT}
        or UNKNOWN in {wide, narrow}
        or wide in WIDER.get(narrow, frozenset())
    )


def is_widening(before: str, after: str) -> bool:
    """Whether a change keeps to numbers or to dates, and every old value fits the new type."""
    return after != TEXT and holds(after, before)


@dataclass(frozen=True, slots=True)
class ColumnSchema:
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
class FileSchema:
    """The columns of a file by name: those it has, in its order, then declared ones it lacks."""

    columns: Mapping[str, ColumnSchema]

    @classmethod
    def of(cls, columns: Iterable[ColumnSchema]) -> "FileSchema":
        """Put columns into order."""
        ordered = sorted(columns, key=lambda it: (it.ordinal is None, it.ordinal or 0))
        return cls({column.name: column for column in ordered})

    @property
    def present(self) -> dict[str, ColumnSchema]:
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
    def from_hints(cls, columns: Mapping[str, Mapping[str, Any]]) -> "FileSchema":
        """The schema that hints tell of; columns without them are not of a file."""
        return cls.of(
            ColumnSchema(
                name,
                hints[TYPE],
                hints.get(FIELD),
                hints.get(ORDINAL),
                hints.get(REQUIRED, False),
            )
            for name, hints in columns.items()
            if TYPE in hints
        )


def _hints(column: ColumnSchema) -> dict[str, Any]:
    hints = {TYPE: column.type, PRESENT: column.is_present, REQUIRED: column.is_required}
    where = {ORDINAL: column.ordinal, FIELD: column.field} if column.is_present else {}
    return hints | where
