"""The records that are kept out of the marts, as they may be shown: what is personal is masked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from benepass_tasks.catalog import Catalog, Column, Table
from benepass_tasks.catalog.wording import MASKED
from benepass_tasks.engine.quoting import quote_name, quote_relation

PREFIX = "quality.quarantine_"
"""How the names of the tables begin; what follows is the source."""

ISSUE_TYPES = "quality.issue_types"
"""The table that says of each issue what it means and whether it keeps a record out."""

WRITTEN = "raw_"
"""How the names of the columns begin that have a value as it was written."""

ADDRESS = r"\S@\S"
"""What a value looks like that leads to a person in whatever column it was typed."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A record that is kept out.

    Attributes:
        source: What it is a record of.
        reason: The most severe issue.
        reasons: All issues, the most severe first.
        file: Its file, as a path below the data folder.
        row_number: Its number in the file; the first after the header is 1.
        values: What the file says, by column; personal values masked, empty where there is none.
    """

    source: str
    reason: str
    reasons: Sequence[str]
    file: str
    row_number: int
    values: dict[str, str]

    @property
    def excel_row(self) -> int:
        """The row in which a spreadsheet shows it, where the header is the first one."""
        return self.row_number + 1


def quarantine_tables(catalog: Catalog) -> dict[str, Table]:
    """The tables that hold what is kept out, by source."""
    return {
        relation.removeprefix(PREFIX): table
        for relation, table in catalog.tables.items()
        if is_quarantine(relation)
    }


def is_quarantine(relation: str) -> bool:
    """Whether a table holds what is kept out."""
    return relation.startswith(PREFIX)


def read_quarantine(
    connection: Connection, source: str, table: Table, reason: str | None
) -> Iterator[Quarantined]:
    """Read what is kept out of a source, in the order of the files.

    Args:
        connection: A session.
        source: The source.
        table: Its quarantine.
        reason: Only records with this issue, as the most severe or another.
    """
    columns = [it for it in table.columns.values() if it.name.startswith(WRITTEN)]
    shown = ", ".join(map(_shown, columns))
    condition = "true" if reason is None else "list_contains(rejection_reasons, ?)"
    rows = connection.exec_driver_sql(
        "select rejection_reason, rejection_reasons, _source_file, _row_number, "  # noqa: S608
        f"{shown} from {quote_relation(table.relation)} where {condition} "
        "order by _source_file, _row_number",
        () if reason is None else (reason,),
    )
    names = [column.name.removeprefix(WRITTEN) for column in columns]
    for found, reasons, file, number, *written in rows:
        values = dict(zip(names, written, strict=True))
        yield Quarantined(source, found, reasons, file, number, values)


def is_masked(column: Column) -> bool:
    """Whether a column leads to a person, so that its values are not shown."""
    return column.pii.class_ != "none"


def _shown(column: Column) -> str:
    name = quote_name(column.name)
    is_personal = "true" if is_masked(column) else f"regexp_matches({name}, '{ADDRESS}')"
    return f"case when {name} is null then '' when {is_personal} then '{MASKED}' else {name} end"
