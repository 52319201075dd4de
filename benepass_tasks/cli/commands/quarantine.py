"""`quarantine`: the records that are kept out of the marts, and why."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benepass_tasks.cli import definitions
from benepass_tasks.cli.command import Command
from benepass_tasks.cli.listing import listing_options, say_rows
from benepass_tasks.cli.output import say, say_json
from benepass_tasks.config.errors import ProjectError

if TYPE_CHECKING:
    from benepass_tasks.quality.quarantine import Quarantined

HEADINGS = ("reason", "also", "file", "record", "row in Excel")


@click.command(
    "quarantine",
    cls=Command,
    examples=(
        "quarantine",
        "quarantine transactions --reason invalid_amount",
        "quarantine --csv quarantine.csv",
        "quarantine employees --json",
    ),
)
@click.argument("source", required=False)
@click.option("--reason", metavar="ISSUE", help="only records with this issue")
@listing_options("records of a source")
def command(
    source: str | None,
    reason: str | None,
    file: Path | None,
    limit: int,
    is_json: bool,  # noqa: FBT001 - click passes by name
) -> None:
    """Show the records that are kept out of the marts, with their reasons.

    Each is named by its file and its number there, the first after the header being 1, so that it
    can be found and fixed; its row in Excel is that of a file with its header on top. Values that
    lead to a person are masked.
    """
    found = _read(source, reason)
    if file:
        _write(file, [record for records in found.values() for record in records])
    elif is_json:
        say_json([_as_json(record) for records in found.values() for record in records])
    else:
        for number, (name, records) in enumerate(found.items()):
            if number:
                say()
            _say(name, records, limit)


def _read(source: str | None, reason: str | None) -> dict[str, list["Quarantined"]]:
    from benepass_tasks.cli.past import reading, require_built  # noqa: PLC0415 - imports DuckDB
    from benepass_tasks.quality.quarantine import quarantine_tables, read_quarantine  # noqa: PLC0415

    tables = quarantine_tables(definitions.read_catalog())
    if source is not None and source not in tables:
        raise ProjectError(f"{source!r} has no quarantine; there are {', '.join(tables)}")
    wanted = [source] if source else list(tables)
    with reading() as (_, connection):
        require_built(connection, [tables[name].relation for name in wanted])
        return {
            name: list(read_quarantine(connection, name, tables[name], reason)) for name in wanted
        }


def _say(source: str, records: Sequence["Quarantined"], limit: int) -> None:
    say(f"{source}: {len(records):,} records")
    headings = [*HEADINGS, *(records[0].values if records else ())]
    rows = ([*_place(it), *it.values.values()] for it in records)
    say_rows(headings, rows, len(records), limit)


def _place(record: "Quarantined") -> tuple[str, ...]:
    also = ", ".join(reason for reason in record.reasons if reason != record.reason)
    return record.reason, also, record.file, str(record.row_number), str(record.excel_row)


def _write(file: Path, records: Sequence["Quarantined"]) -> None:
    from benepass_tasks.publish.spreadsheet import write_csv  # noqa: PLC0415 - when needed

    columns = list(dict.fromkeys(name for record in records for name in record.values))
    rows = (
        [record.source, *_place(record), *(record.values.get(name, "") for name in columns)]
        for record in records
    )
    write_csv(file, ["source", *HEADINGS, *columns], rows)
    say(f"{len(records):,} records are in {file}")


def _as_json(record: "Quarantined") -> dict[str, object]:
    return {
        "source": record.source,
        "rejection_reason": record.reason,
        "rejection_reasons": list(record.reasons),
        "file": record.file,
        "record": record.row_number,
        "excel_row": record.excel_row,
        "values": record.values,
    }
