"""What no entry has to declare: the raw table of each source, and the base view that reads it.

An entry of a raw table stands over what is implied. A base view has none.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import get_args

from benepass_tasks.catalog.datasets import (
    DeclaredColumn,
    DeclaredSource,
    DeclaredTable,
    DerivedFrom,
    Domain,
    Pii,
    PiiClass,
)
from benepass_tasks.catalog.forms import DOUBT, MISSING
from benepass_tasks.catalog.header_names import ADDED, CENSUS, INGESTED, OUTCOME
from benepass_tasks.catalog.records import CURRENCY, VANISHED, most_personal, record_columns

REJECTED = "raw.rejected_rows"
"""The one raw table without a source: what no raw table could take ends up there."""

_DESCRIPTIONS = {
    "_source_file": "File the record came from, as a path below the data folder.",
    "_row_number": "Number of the record in its file; the first after the header is 1.",
    "_dlt_load_id": "Load that brought the record in, as in raw._dlt_loads.",
    "_census_on": "Day of the census that the file is: as its name says, or that of its first run.",
    "_vanished_on": "Day of the census that lacks the person; NULL where the file has the record.",
    "_outcome": "What a charge counts for that is anonymised, as JSON; NULL where it is not.",
    "record_number": "Number of the record in its file; the first after the header is 1.",
    "line_number": "Line of the file that the record begins on; the header is line 1.",
    "reason": "Why the record could not be parsed.",
    "raw_record": "The record's bytes without its line end.",
}
_REJECTED_TYPES = {
    "_source_file": INGESTED["_source_file"],
    "record_number": "BIGINT",
    "line_number": "BIGINT",
    "reason": "VARCHAR",
    "raw_record": "BLOB",
    "_dlt_load_id": INGESTED["_dlt_load_id"],
}
_GLOB = frozenset("*?[")

AS_WRITTEN = "_as_written"
"""How the name of a base view's column ends that holds the text as it is in the file."""

PROVENANCE = ("_source_file", "_row_number")
"""What tells the rows of a table apart that has it, unless it has a key of its own."""


def ingested_column(name: str) -> DeclaredColumn:
    """A column that the load adds to each raw table."""
    pii = VANISHED if name == "_vanished_on" else Pii("none")
    return DeclaredColumn(name, _DESCRIPTIONS[name], ADDED[name], "quality", pii)


def added_to(source: DeclaredSource) -> Mapping[str, str]:
    """The columns that the load adds to the raw table of a source, with their types."""
    census = CENSUS if source.records.census else {}
    return {**INGESTED, **census, **(OUTCOME if source.anonymises_charges else {})}


def raw_tables(
    sources: Mapping[str, DeclaredSource], declared: Mapping[str, DeclaredTable]
) -> Iterator[DeclaredTable]:
    """The raw tables with all their columns.

    Args:
        sources: The sources by name.
        declared: The tables that have an entry, by relation.

    Yields:
        The raw table of each source, with its own entry's parts where it has one, then the table of
        the rejected records.
    """
    entries = {it.source: it for it in declared.values() if it.source and it.layer == "raw"}
    for source in sources.values():
        table = entries.get(source.name) or _raw_table(source)
        silent = {
            name: DeclaredColumn(name, None, None, None, None)
            for name in (*source.columns, *added_to(source))
            if name not in table.columns
        }
        yield replace(table, columns=MappingProxyType({**table.columns, **silent}))
    if sources:
        yield declared.get(REJECTED) or _rejected(sources)


def base_views(
    sources: Mapping[str, DeclaredSource], raw: Iterable[DeclaredTable]
) -> Iterator[DeclaredTable]:
    """The view of each source whose values are in canonical form, as its columns are declared.

    Args:
        sources: The sources by name.
        raw: All raw tables.

    Yields:
        The view of each: its columns, each also as it was written, and where the record is from.
    """
    for table in raw:
        if table.source is not None and table.source in sources:
            source = sources[table.source]
            yield DeclaredTable(
                layer="base",
                name=source.name,
                description=f"{table.description.partition(',')[0]}, each value in the one form "
                "that the SQL reads.",
                grain="one row per row of the table whose events raw has, as the last of them says"
                if source.layout.is_of_events
                else "one row per record of the raw table",
                materialized="view",
                domain=source.domain,
                source=None,
                columns=MappingProxyType({it.name: it for it in _base_columns(source, table)}),
                derived_from=_told_apart(source),
                is_implied=True,
            )


def _told_apart(source: DeclaredSource) -> DerivedFrom | None:
    """Of a source of censuses, that people are told apart by an identifier, where it is one."""
    column = next(iter(source.columns.values()))
    if source.records.census is None or column.pii is None or column.pii.class_ != "identifier":
        return None
    return DerivedFrom((f"{source.name}.{column.name}",), "sameness")


def _base_columns(source: DeclaredSource, raw: DeclaredTable) -> Iterator[DeclaredColumn]:
    """What a base view has; of a value that is handed on as it is, the SQL says the rest."""
    for name, column in source.columns.items():
        own = raw.columns.get(name) or column
        description = own.description or column.description
        pii, domain = own.pii or column.pii, own.domain or column.domain
        silent = DeclaredColumn(name, None, None, None, None)
        made = DeclaredColumn(name, description, "VARCHAR", domain, pii)
        # A value that an event does not say is that of the event before.
        is_of_events = source.layout.is_of_events
        yield silent if column.form.is_canonical and not is_of_events else made
        yield replace(made if is_of_events else silent, name=f"{name}{AS_WRITTEN}")
        yield from _about(column, pii)
    for name, column in source.made.items():
        pii = column.pii or most_personal(source, column.made_of.values())
        for each in (name, f"{name}{AS_WRITTEN}"):
            yield DeclaredColumn(each, column.description, "VARCHAR", column.domain, pii)
        yield from _about(column, pii)
    other = "Currency of the amounts where it is not the one that is reported; NULL otherwise."
    yield DeclaredColumn(CURRENCY, other, "VARCHAR", "quality", Pii("none"))
    yield from (DeclaredColumn(name, None, None, None, None) for name in PROVENANCE)
    yield from record_columns(source)


def _about(column: DeclaredColumn, pii: Pii | None) -> Iterator[DeclaredColumn]:
    """What a base view says of a typed value."""
    if column.form.holds != "text":
        missing = "Whether the file has no value there, or a word that means none."
        yield DeclaredColumn(f"{column.name}{MISSING}", missing, "BOOLEAN", "quality", pii)
    if column.form.holds == "instant":
        doubt = "Whether the clocks skip the local time or show it twice; NULL otherwise."
        yield DeclaredColumn(f"{column.name}{DOUBT}", doubt, "VARCHAR", "quality", pii)


def _raw_table(source: DeclaredSource) -> DeclaredTable:
    files = "files" if _GLOB & set(source.filepath) else "file"
    return DeclaredTable(
        layer="raw",
        name=source.name,
        description=f"Records of the {source.name.replace('_', ' ')} {files}, exactly as written.",
        grain=f"one row per record of the {files}",
        materialized="table",
        domain=source.domain,
        source=source.name,
        columns=MappingProxyType({}),
        is_implied=True,
    )


def _rejected(sources: Mapping[str, DeclaredSource]) -> DeclaredTable:
    personal = {"raw_record": _whole_record(sources)}
    domains: dict[str, Domain] = {"raw_record": "people"}
    columns = {
        name: DeclaredColumn(
            name,
            _DESCRIPTIONS[name],
            type_,
            domains.get(name, "quality"),
            personal.get(name, Pii("none")),
        )
        for name, type_ in _REJECTED_TYPES.items()
    }
    return DeclaredTable(
        layer="raw",
        name=REJECTED.partition(".")[2],
        description="Records of all files that could not be parsed, with their bytes.",
        grain="one row per rejected record",
        materialized="table",
        domain="quality",
        source=None,
        columns=MappingProxyType(columns),
        is_implied=True,
    )


def _whole_record(sources: Mapping[str, DeclaredSource]) -> Pii:
    """As personal as whatever is the most so in a record of any file."""
    columns = [it.pii for source in sources.values() for it in source.columns.values() if it.pii]
    classes: list[PiiClass] = ["none", *(it.class_ for it in columns)]
    class_ = max(classes, key=get_args(PiiClass).index)
    is_sensitive = any(it.sensitive for it in columns)
    if class_ != "identifier":
        kind = "RECORD" if class_ != "none" or is_sensitive else None
        return Pii(class_, sensitive=is_sensitive, kind=kind)
    reason = (
        "a record that cannot be parsed cannot be masked; "
        "the warehouse is readable by its owner alone"
    )
    return Pii(class_, is_sensitive, "RECORD", "plaintext", reason)
