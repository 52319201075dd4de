"""From a file's header to the columns of its raw table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benepass_tasks.catalog import Source
from benepass_tasks.catalog.datasets import DeclaredSource
from benepass_tasks.catalog.header_names import INGESTED, column_name, header_key
from benepass_tasks.catalog.wording import printable
from benepass_tasks.config.errors import SourceError
from benepass_tasks.ingestion.header_units import refuse_dropped_units


@dataclass(frozen=True, slots=True)
class Header:
    """The column of each field of a file, in its order.

    Besides, the declared columns that are absent, loaded as NULL where they may be, and those that
    the catalog does not declare, loaded all the same.
    """

    columns: tuple[str, ...]
    absent: tuple[str, ...]
    undeclared: tuple[str, ...]


def match_header(source: Source, file: str, fields: Sequence[str]) -> Header:
    """Match a header with the declared columns, in whatever order and spelling they come.

    A column comes by its own name or by one of its aliases.

    Raises:
        SourceError: the header is empty, has more columns than the source's guards allow, has none
            of the declared columns, has two names that mean the same column, or takes a name that
            the load itself needs, or a name is an address.
    """
    if not fields:
        skipped = source.layout.skiprows
        below = f" below the {skipped} lines that skiprows passes over" if skipped else ""
        raise SourceError(
            f"{source.name}: {file} is empty{below}, without even a header; expected the columns "
            f"{', '.join(source.columns)}. What was built before stays as it is"
        )
    _refuse_too_many(source, file, fields)
    _refuse_made(source, file, fields)
    columns = _columns(source, fields)
    absent = tuple(name for name in source.columns if name not in columns)
    if len(absent) == len(source.columns):
        raise SourceError(_no_header(source, file))
    _refuse_values(source, file, fields)
    _refuse_clashes(source, file, fields, columns)
    refuse_dropped_units(source, file, fields, columns)
    undeclared = tuple(name for name in columns if name not in source.columns)
    return Header(columns, absent, undeclared)


def meant_by(source: DeclaredSource) -> Mapping[str, str]:
    """The declared column that each name of a header means, by its `header_key`."""
    return {name: name for name in source.columns} | {
        header_key(alias): column.name
        for column in source.columns.values()
        for alias in column.aliases
    }


def _columns(source: Source, fields: Sequence[str]) -> tuple[str, ...]:
    meant = meant_by(source)
    names = _Names(source.read_columns)
    return tuple(
        meant.get(header_key(field)) or names.new(column_name(field) or f"unnamed_{position}")
        for position, field in enumerate(fields, 1)
    )


class _Names:
    """Names for columns that nobody has declared: a number tells those of one name apart."""

    def __init__(self, declared: Iterable[str]) -> None:
        self._taken = set(declared)
        self._numbers: dict[str, int] = {}

    def new(self, name: str) -> str:
        """The name, or the next of its numbers that is free."""
        free = name
        while free in self._taken:
            self._numbers[name] = self._numbers.get(name, 1) + 1
            free = f"{name}_{self._numbers[name]}"
        self._taken.add(free)
        return free


def _refuse_too_many(source: Source, file: str, fields: Sequence[str]) -> None:
    most = source.guards.max_columns
    if len(fields) > most:
        raise SourceError(
            f"{source.name}: {file} has {len(fields):,} columns, and max_columns of its guards is "
            f"{most:,}. Nothing of it was loaded. If it is the right file, raise max_columns in "
            "catalog.yaml"
        )


def _refuse_made(source: Source, file: str, fields: Sequence[str]) -> None:
    """Refuse a column that the source makes of two others: what it says would count for nothing."""
    ignored = {header_key(it) for it in source.ignored}
    made = {
        header_key(name): column
        for column in source.made.values()
        for name in (column.name, *column.aliases)
    }
    # A part may be called in the files what the whole is called here.
    parts = {header_key(it) for name in source.parts for it in source.columns[name].aliases}
    for field in fields:
        key = header_key(field)
        if key not in made or key in ignored or key in parts:
            continue
        column = made[key]
        both = " and ".join(column.made_of.values())
        raise SourceError(
            f"{_place(source, file)} has a column {printable(field)}, and catalog.yaml makes "
            f"{column.name} of {both}. If its own column is the one to read, remove made_of of "
            f"{column.name}; if it is not, write ignored: [{key}] under {source.name}.metadata. "
            "What was built before stays as it is",
            reason=f"it has {printable(field)}, which is made of {both}",
        )


def _refuse_values(source: Source, file: str, fields: Sequence[str]) -> None:
    # The names of columns go into logs and tables, where no value of a person may be.
    for position, field in enumerate(fields, 1):
        if "@" in field:
            raise SourceError(
                f"{_place(source, file)} has an address for the name of its column {position}; is "
                "the header damaged? Put the names of the columns on the first line. "
                "What was built before stays as it is"
            )


def _refuse_clashes(
    source: Source, file: str, fields: Sequence[str], columns: Sequence[str]
) -> None:
    places: dict[str, int] = {}
    for position, name in enumerate(columns):
        first = places.setdefault(name, position)
        if first != position:
            raise SourceError(
                f"{_place(source, file)} names the column {printable(name)} twice, as "
                f"{printable(fields[first])!r} and {printable(fields[position])!r}; "
                "rename or remove one",
                reason=f"two columns of its header, number {first + 1} and {position + 1}, mean "
                "the same one",
            )
        if name in INGESTED:
            raise SourceError(
                f"{_place(source, file)} has a column {name}, which the load adds; rename it"
            )


def _place(source: Source, file: str) -> str:
    return f"{source.name}: {file}:{source.layout.skiprows + 1}"


def _no_header(source: Source, file: str) -> str:
    # The first line may be a record: its values, which may be personal, are nobody's to read.
    return (
        f"{_place(source, file)} lacks the required columns {', '.join(source.columns)}, and has "
        "none of those that catalog.yaml declares; is the header missing? Put the names of the "
        "columns on the first line. What was built before stays as it is"
    )
