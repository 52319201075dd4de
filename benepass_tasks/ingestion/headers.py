"""From a file's header to the columns of its raw table."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from benepass_tasks.catalog import Source
from benepass_tasks.errors import SourceError

PROVENANCE = ("_source_file", "_row_number", "_dlt_load_id")
"""Columns that the load adds to every raw table."""


@dataclass(frozen=True, slots=True)
class Header:
    """How a file's fields become columns.

    Attributes:
        columns: The column of each field, in file order.
        absent: Declared columns that the file may lack, and lacks; loaded as NULL.
        undeclared: Columns that the catalog does not declare; loaded all the same.
    """

    columns: tuple[str, ...]
    absent: tuple[str, ...]
    undeclared: tuple[str, ...]


def match_header(source: Source, file: str, fields: Sequence[str]) -> Header:
    """Match a header with the declared columns, in whatever order and spelling they come.

    Raises:
        SourceError: the header is empty, lacks a required column, names a column twice, or takes
            a name that the load itself needs.
    """
    if not fields:
        raise SourceError(
            f"{source.name}: {file} is empty, without even a header; expected the columns "
            f"{', '.join(source.columns)}. What was built before stays as it is"
        )
    columns = tuple(
        column_name(field) or f"unnamed_{position}" for position, field in enumerate(fields, 1)
    )
    _refuse_clashes(source, file, fields, columns)
    missing = [name for name in source.columns if name not in columns]
    required = [name for name in missing if source.columns[name].required]
    undeclared = tuple(name for name in columns if name not in source.columns)
    if required:
        raise SourceError(_missing(source, file, required, undeclared))
    return Header(columns, tuple(missing), undeclared)


def column_name(field: str) -> str:
    """Trim, snake-case and lower-case a header field: `Employee ID`, `employeeId`: employee_id.

    Accents are dropped; whatever is no letter or digit becomes one underscore.
    """
    plain = unicodedata.normalize("NFKD", field).encode("ascii", "ignore").decode()
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", plain)
    name = re.sub(r"[^a-z0-9]+", "_", parted.lower()).strip("_")
    if plain.strip() in PROVENANCE:
        return plain.strip()
    return f"_{name}" if name[:1].isdigit() else name


def _refuse_clashes(
    source: Source, file: str, fields: Sequence[str], columns: Sequence[str]
) -> None:
    for position, name in enumerate(columns):
        first = columns.index(name)
        if first != position:
            raise SourceError(
                f"{source.name}: {file}:1 names the column {name} twice, as "
                f"{fields[first]!r} and {fields[position]!r}; rename or remove one"
            )
        if name in PROVENANCE:
            raise SourceError(
                f"{source.name}: {file}:1 has a column {name}, which the load adds; rename it"
            )


def _missing(source: Source, file: str, required: Sequence[str], undeclared: Sequence[str]) -> str:
    message = (
        f"{source.name}: {file}:1 lacks the required column{'s' if len(required) > 1 else ''} "
        f"{', '.join(required)}"
    )
    for name in required:
        near = get_close_matches(name, undeclared, 1)
        if near:
            message += f" (is {near[0]} meant to be {name}?)"
    return (
        f"{message}; the file has {', '.join(undeclared) or 'none'} besides the declared ones. "
        "Fix the file, or mark the column `required: false` in catalog.yaml. "
        "What was built before stays as it is"
    )
