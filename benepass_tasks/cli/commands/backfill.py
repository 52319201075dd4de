"""`backfill`: months of tables are built anew."""

from datetime import datetime
from typing import TYPE_CHECKING

import click

from benepass_tasks.cli.command import Command
from benepass_tasks.cli.figures import count
from benepass_tasks.cli.output import say

if TYPE_CHECKING:
    from benepass_tasks.pipeline.backfill import Progress

MONTH = click.DateTime(["%Y-%m"])


@click.command(
    "backfill",
    cls=Command,
    examples=(
        "backfill --from 2024-01 --to 2024-06",
        "backfill --from 2024-01 --to 2024-06 --table marts.fact_transactions",
    ),
)
@click.option("--from", "first", type=MONTH, required=True, metavar="YYYY-MM", help="first month")
@click.option("--to", "last", type=MONTH, required=True, metavar="YYYY-MM", help="last month")
@click.option("--table", "tables", multiple=True, metavar="TABLE", help="only this table")
def command(first: datetime, last: datetime, tables: tuple[str, ...]) -> None:
    """Build months of tables anew, one after the other, and say when each is done.

    Without --table those of all tables of which catalog.yaml declares months. What a table reads is
    brought up to date before. Whatever ends it, the same command goes on where it was. A table
    that other SQL or settings have made is built in full, unless all of its months are asked for.
    """
    if last < first:
        raise click.BadParameter("must not be before --from", param_hint="--to")
    from benepass_tasks.pipeline.run import backfill_tables  # noqa: PLC0415 - imports DuckDB

    months = touched = 0
    for it in backfill_tables(tables, first.date(), last.date()):
        say(_line(it))
        months += it.month is not None
        touched += it.touched_rows or 0
    say(f"{months} months built anew, {count(touched)} rows touched.")
    say("`benepass run` builds what follows.")


def _line(it: "Progress") -> str:
    if it.month is None:
        return (
            f"{it.relation}: built in full: it was not there, or its SQL or a setting had changed"
        )
    rows = it.touched_rows
    said = "done before" if rows is None else f"{count(rows)} rows touched"
    return f"{it.relation} {it.month}: {said} ({it.number} of {it.count})"
