"""Listing rows of the warehouse: so many on the terminal, or all as CSV or as JSON."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import click

from benepass_tasks.cli.output import say, say_table

AT_MOST = 100
"""Rows that are shown, where nothing else is asked for."""

Command = TypeVar("Command", bound=Callable[..., Any])


def listing_options(rows: str) -> Callable[[Command], Command]:
    """The options `--csv`, `--limit` and `--json` of a command that lists rows, called so."""
    options = (
        click.option(
            "--csv",
            "file",
            metavar="FILE",
            type=click.Path(dir_okay=False, path_type=Path),
            help="write them all to a new CSV file instead",
        ),
        click.option(
            "--limit",
            metavar="N",
            type=click.IntRange(min=0),
            default=AT_MOST,
            show_default=True,
            help=f"{rows} that are shown at most; 0 shows all",
        ),
        click.option("--json", "is_json", is_flag=True, help="print all of them as JSON"),
    )

    def with_options(command: Command) -> Command:
        # Those that are added last are listed first.
        for option in reversed(options):
            command = option(command)
        return command

    return with_options


def say_rows(
    headings: Sequence[str], rows: Iterable[Sequence[str]], total: int, limit: int
) -> None:
    """Print the first rows of so many, and how to see the others; 0 for the limit prints all."""
    shown = list(islice(rows, limit or None))
    if shown:
        say_table(headings, shown)
    if len(shown) < total:
        say(f"{total - len(shown):,} more: --limit 0 shows them, --csv FILE writes them")
