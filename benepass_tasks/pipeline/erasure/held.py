"""All that is held about a person: the rows of every table, and what the catalog says of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from benepass_tasks.catalog import Catalog, Column, Table
from benepass_tasks.catalog.audiences import ANALYST
from benepass_tasks.catalog.implied import PROVENANCE
from benepass_tasks.engine.attached import attached, within
from benepass_tasks.engine.quoting import quote_name, quote_relation
from benepass_tasks.engine.tables import engine_of
from benepass_tasks.ingestion.people.places import PLACES, IdColumns, locate
from benepass_tasks.ingestion.people.traces import traces_of
from benepass_tasks.sqlmodels.effective import Definitions
from benepass_tasks.state.publication import DATABASE, Publication
from benepass_tasks.state.source_files import REJECTED

PUBLISHED = "published_file"
"""The name under which the published database is attached."""


@dataclass(frozen=True, slots=True)
class Held:
    """What one table holds about a person.

    Attributes:
        where: `warehouse`, `changes` of it, or `published`, for analysts or another audience.
        table: What the catalog says of the table.
        rows: The rows, with their values by column.
    """

    where: str
    table: Table
    rows: Sequence[Mapping[str, object]]

    def as_json(self) -> dict[str, object]:
        """The rows beside what they mean."""
        names = dict.fromkeys(name for row in self.rows for name in row)
        declared = self.table.columns
        return {
            "table": self.table.relation,
            "where": self.where,
            "description": self.table.description,
            "columns": {it: _about(declared[it]) for it in names if it in declared},
            "rows": list(self.rows),
        }


def held_about(
    connection: Connection,
    definitions: Definitions,
    published: Iterable[Publication],
    person: str,
) -> list[Held]:
    """Find all that is held about a person, in the warehouse and in what is published.

    Args:
        connection: A session that reads.
        definitions: The catalog and the models.
        published: What is published for each audience; what is hashed for one is not found there.
        person: The id of the employee, however it is written.

    Returns:
        The tables that hold something, in the order of the catalog; none of an unknown person.
    """
    catalog = definitions.catalog
    locate(connection, catalog, definitions.graph, [person])
    rejected = _rejected(connection, catalog)
    found = [*_in_tables(connection, catalog.tables.values(), "warehouse")]
    found += _in_changes(connection, catalog)
    if rejected:
        found.insert(0, Held("warehouse", catalog.tables[REJECTED], rejected))
    for it in published:
        if it.folder is not None and (it.folder / DATABASE).exists():
            name = it.audience.name
            where = "published" if name == ANALYST else f"published for {name}"
            with (
                attached(connection, it.folder / DATABASE, PUBLISHED),
                within(connection, PUBLISHED),
            ):
                found += _in_tables(connection, _as_published(it), where)
    return [it for it in found if it.rows]


def condition_of(table: Table) -> str | None:
    """Which rows of a table are those of the people, as SQL; None where none can be.

    What says from which record it came is found by that; other rows by their ids.
    """
    if table.layer != "raw" and table.columns.keys() >= {*PROVENANCE}:
        place = ", ".join(PROVENANCE)
        return f"({place}) in (select ({place}) from {PLACES})"  # noqa: S608
    return IdColumns.of(table).are_theirs


def _as_published(publication: Publication) -> Iterator[Table]:
    """The tables of an audience with those columns in which values are as in the warehouse."""
    for it in publication.tables.values():
        own = {name: it.table.columns[name] for name in it.comments}
        plain = {name: column for name, column in own.items() if not it.macro_of(column)}
        yield replace(it.table, columns=plain)


def _in_tables(connection: Connection, tables: Iterable[Table], where: str) -> Iterator[Held]:
    present = engine_of(connection).relations()
    for table in tables:
        condition = condition_of(table)
        if condition and present.get(table.relation) == "table":
            yield Held(where, table, _rows(connection, table.relation, condition))


def _in_changes(connection: Connection, catalog: Catalog) -> Iterator[Held]:
    """What is kept of earlier states: `changes.marts__dim_employees__kept__3` and the like."""
    for stored in sorted(engine_of(connection).relations()):
        layer, _, name = stored.partition(".")
        if layer != "changes":
            continue
        table = catalog.tables.get(".".join(name.split("__")[:2]))
        condition = condition_of(table) if table else None
        if table and condition:
            yield Held("changes", table, _rows(connection, stored, condition))


def _rows(connection: Connection, relation: str, condition: str) -> list[dict[str, object]]:
    columns = engine_of(connection).columns(relation)
    names = [it for it in columns if it != "_dlt_load_id"]
    selected = ", ".join(map(quote_name, names))
    found = connection.exec_driver_sql(
        f"select {selected} from {quote_relation(relation)} where {condition} order by all"  # noqa: S608
    )
    return [dict(zip(names, map(_plain, row), strict=True)) for row in found]


def _rejected(connection: Connection, catalog: Catalog) -> list[dict[str, object]]:
    """The records that cannot be parsed and have a value of the person."""
    if REJECTED not in engine_of(connection).relations():
        return []
    traces = traces_of(connection, catalog)
    names = ("_source_file", "record_number", "line_number", "reason", "raw_record")
    found = connection.exec_driver_sql(f"select {', '.join(names)} from {REJECTED} order by all")  # noqa: S608
    return [
        dict(zip(names, map(_plain, row), strict=True))
        for row in found
        if traces.is_in_record(bytes(row[-1]))
    ]


def _plain(value: Any) -> object:  # noqa: ANN401 - whatever a table holds
    """A value as JSON has it; money as text, so that no cent is lost."""
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode(errors="backslashreplace")
    if isinstance(value, list):
        return [_plain(it) for it in value]
    return value


def _about(column: Column) -> dict[str, object]:
    about: dict[str, object] = {"description": column.description, "class": column.pii.class_}
    return about | ({"kind": column.pii.kind} if column.pii.kind else {})
