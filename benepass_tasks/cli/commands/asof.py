"""`asof`: what a table of the marts held at an earlier time."""

from contextlib import suppress
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benepass_tasks.catalog.wording import MASKED
from benepass_tasks.cli import definitions
from benepass_tasks.cli.command import Command
from benepass_tasks.cli.listing import listing_options, say_rows
from benepass_tasks.cli.output import say, say_json
from benepass_tasks.config.errors import ProjectError

if TYPE_CHECKING:
    from benepass_tasks.catalog import Table


def _instant(value: str) -> datetime:
    """Read a day, which means its end, or an instant; in UTC.

    Raises:
        click.BadParameter: it is neither.
    """
    with suppress(ValueError):
        return datetime.combine(date.fromisoformat(value), time.max, UTC)
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(
            f"{value!r} is not a day such as 2026-01-31, nor 2026-01-31T06:00"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@click.command(
    "asof",
    cls=Command,
    examples=(
        "asof 2026-01-31 --table marts.program_utilization",
        "asof 2026-01-31T06:00 --table marts.fact_transactions --csv then.csv",
    ),
)
@click.argument("at", metavar="DATE", type=_instant)
@click.option("--table", "relation", required=True, metavar="TABLE", help="a table of the marts")
@listing_options("rows")
def command(
    at: datetime,
    relation: str,
    file: Path | None,
    limit: int,
    is_json: bool,  # noqa: FBT001 - click passes by name
) -> None:
    """Show what a table held at the end of a day, or at an instant (UTC).

    As far back as its changes were kept, which `keep_changes` sets; of what was not kept it says
    so. Values that identify a person are masked.
    """
    from benepass_tasks.cli.past import reading  # noqa: PLC0415 - imports DuckDB
    from benepass_tasks.pipeline.past import rows_as_of  # noqa: PLC0415

    table = definitions.read_catalog().tables.get(relation)
    if table is None:
        raise ProjectError(f"{relation!r} is not a table; `benepass catalog` lists them")
    with reading() as (_, connection):
        columns, found = rows_as_of(connection, table, at)
    rows = [_shown(table, columns, row) for row in found]
    if file:
        from benepass_tasks.publish.spreadsheet import write_csv  # noqa: PLC0415 - when needed

        write_csv(file, columns, rows)
        say(f"{len(rows):,} rows are in {file}")
    elif is_json:
        say_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        say(f"{relation} as of {at:%Y-%m-%d %H:%M:%S}Z: {len(rows):,} rows")
        say_rows(columns, rows, len(rows), limit)


def _shown(table: "Table", columns: list[str], row: tuple[Any, ...]) -> list[str]:
    return [
        MASKED
        if value is not None and table.columns[name].pii.class_ == "identifier"
        else _written(value)
        for name, value in zip(columns, row, strict=True)
    ]


def _written(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return value.isoformat() if isinstance(value, date) else str(value)
