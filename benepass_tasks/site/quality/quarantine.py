"""The records that are kept out of the marts, as they are published, and those not readable."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from benepass_tasks.catalog import Column, Table
from benepass_tasks.catalog.wording import MASKED
from benepass_tasks.engine.attached import set_variable
from benepass_tasks.quality.quarantine import ISSUE_TYPES, PREFIX, quarantine_tables
from benepass_tasks.site.page import MOST_ROWS, DataTable, Download, Field, Row, cut
from benepass_tasks.site.plain import plain
from benepass_tasks.site.sources import Sources
from benepass_tasks.state.meta import LOADS
from benepass_tasks.state.store import state_of

DOWNLOAD = "downloads/quarantine.csv"

ROOM = 1_300_000
"""What the records on the page may take, in bytes; where they are long, fewer are shown."""

MOST_FILES = 500
"""Files with rejected records that are listed."""

FIELDS = (
    Field("source", "Source", "code"),
    Field("file", "File"),
    Field("row", "Row", "count"),
    Field("reason", "Reason", "code"),
    Field("also", "Also", "code"),
    Field("record", "What is published of it"),
)

# The columns of a quarantine table that say where a record is and why; the others are the record's.
_PLACE = ("_source_file", "_row_number", "rejection_reason", "rejection_reasons")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why records of a source are kept out, and how many."""

    source: str
    name: str
    records: int


@dataclass(frozen=True, slots=True)
class Quarantine:
    """What is kept out.

    Attributes:
        reasons: By source and most severe issue, the most frequent first.
        rows: The records that the page shows.
    """

    reasons: Sequence[Reason]
    rows: Sequence[Row]

    @property
    def total(self) -> int:
        """The records that are kept out, shown or not."""
        return sum(reason.records for reason in self.reasons)

    @property
    def by_source(self) -> dict[str, list[Reason]]:
        """The reasons of each source that has any."""
        sources = dict.fromkeys(reason.source for reason in self.reasons)
        return {name: [it for it in self.reasons if it.source == name] for name in sources}

    @property
    def table(self) -> DataTable:
        """The records that the page shows."""
        return DataTable(
            "quarantined",
            "Records kept out of the marts. The row is the record's number in its file; the first "
            "one after the header is 1.",
            FIELDS,
            self.rows,
            total=self.total,
            is_searchable=True,
            download=DOWNLOAD,
            empty="Nothing is quarantined: every record that could be read is in the marts.",
        )

    @property
    def download(self) -> Download:
        """The same records as CSV."""
        return Download(DOWNLOAD, FIELDS, self.rows)


def read_quarantine(sources: Sources) -> Quarantine:
    """Read the published quarantine tables: all reasons, and as many records as a page shows."""
    relations = {
        source: f"{PREFIX}{source}"
        for source, table in quarantine_tables(sources.catalog).items()
        if table.published
    }
    reasons = [
        Reason(source, str(row["reason"]), int(str(row["records"])))
        for source, relation in relations.items()
        for row in _of(sources, relation, "quarantine_reasons")
    ]
    counts = {
        source: sum(it.records for it in reasons if it.source == source) for source in relations
    }
    rows = _read(sources, relations, counts, MOST_ROWS)
    size = len(json.dumps([list(row.values()) for row in rows]))
    if size > ROOM:
        rows = _read(sources, relations, counts, MOST_ROWS * ROOM // size)
    return Quarantine(reasons, rows)


def read_meanings(sources: Sources) -> dict[str, str]:
    """When a record has an issue, in words, by issue; empty where that is not published."""
    table = sources.catalog.tables.get(ISSUE_TYPES)
    if table is None or not table.published:
        return {}
    rows = sources.published("issue_types")
    return {str(row["issue"]): str(row["description"]) for row in rows}


def _read(
    sources: Sources, relations: Mapping[str, str], counts: Mapping[str, int], most: int
) -> list[Row]:
    tables = quarantine_tables(sources.catalog)
    return [
        _row(source, tables[source], found)
        for source, share in shared_out(counts, most).items()
        for found in _of(sources, relations[source], "quarantined", share)
    ]


def shared_out(wanted: Mapping[str, int], most: int) -> dict[str, int]:
    """Share what there is among those who want some of it; what one leaves goes to the others.

    The order is that of what is wanted.
    """
    shares: dict[str, int] = {}
    for number, name in enumerate(sorted(wanted, key=lambda it: (wanted[it], it))):
        shares[name] = min(wanted[name], most // (len(wanted) - number))
        most -= shares[name]
    return {name: shares[name] for name in wanted}


def _of(sources: Sources, relation: str, query: str, most: int = 0) -> list[Row]:
    set_variable(sources.connection, "relation", relation)
    set_variable(sources.connection, "most", most)
    return sources.published(query)


def _row(source: str, table: Table, found: Row) -> Row:
    reason, reasons = found["rejection_reason"], found["rejection_reasons"]
    also = [name for name in reasons if name != reason] if isinstance(reasons, list) else []
    values = (
        f"{name}: {_shown(table.columns.get(name), value)}"
        for name, value in found.items()
        if name not in _PLACE and value not in (None, "")
    )
    return {
        "source": source,
        "file": found["_source_file"],
        "row": found["_row_number"],
        "reason": reason,
        "also": ", ".join(also),
        "record": cut("; ".join(values)),
    }


def _shown(column: Column | None, value: object) -> str:
    """A value as it may stand on a page: who it is of does not help to fix it."""
    # What is published may have been left without its treatment.
    if (
        column is None
        or column.pii.class_ == "identifier"
        or column.pii.treatment in ("mask", "hash")
    ):
        return MASKED
    return f"{value:,.2f}" if isinstance(value, float) else str(value)


def read_rejected(connection: Connection) -> DataTable:
    """The files with records that could not be read."""
    state, of = state_of(connection), LOADS.c
    bad = of.rejected > 0
    total = state.execute(select(func.count()).select_from(LOADS).where(bad)).scalar_one()
    columns = (of.source, of.file, of.records, of.rejected, of.loaded_at)
    worst = select(*columns).where(bad).order_by(of.rejected.desc(), of.source, of.file)
    found = state.execute(worst.limit(MOST_FILES))
    return DataTable(
        "rejected",
        "Files with records that could not be read: too few or too many columns, broken quotes, "
        "or bytes that are no UTF-8.",
        (
            Field("source", "Source", "code"),
            Field("file", "File"),
            Field("records", "Records", "count"),
            Field("rejected", "Rejected", "count"),
            Field("loaded_at", "Loaded", "instant"),
        ),
        [{name: plain(value) for name, value in row._mapping.items()} for row in found],  # noqa: SLF001
        total=total,
        empty="Nothing is rejected: every record of every file could be read.",
    )
