"""What the commands print: for people on a terminal, one record a line elsewhere.

Nothing is ever cut off. Names and descriptions are shown as they are, as text: what would steer a
terminal is shown by its code.
"""

import io
import json
import re
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console, JustifyMethod, RenderableType
    from rich.table import Table

STEERING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's categories of what is not seen itself but changes how other text is seen."""

WIDE = 100_000
"""Columns of what is no terminal: wider than any line."""

NUMBER = re.compile(r"([0-9][0-9,]*(\.[0-9]+)?( MB|%)?)?")
"""A cell that stands to the right: a number, or none."""

GAP = 2
LEGIBLE = 24
"""The least width of a column that holds sentences."""


def make_printable(*streams: TextIO) -> None:
    """Let streams write, by its code, what their encoding has no letter for."""
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def plain(text: str) -> str:
    """A text as one line that cannot steer a terminal."""
    line = re.sub(r" *[\t\r\n][ \t\r\n]*", " ", text)
    if line.isascii() and line.isprintable():
        return line
    return "".join(
        letter.encode("unicode_escape").decode() if _steers(letter) else letter for letter in line
    )


def say(line: str = "") -> None:
    """Print a line; what it may steer is the caller's business."""
    sys.stdout.write(f"{line}\n")


def say_json(value: object) -> None:
    """Print a value as JSON, in ASCII, which steers nothing."""
    say(json.dumps(value, indent=2))


def complain(message: str) -> None:
    """Print an error's message, each of its lines for itself, to where errors go."""
    for line in message.splitlines():
        sys.stderr.write(f"{plain(line) if line.strip() else ''}\n")


def say_fields(fields: Mapping[str, str]) -> None:
    """Print names beside their values."""
    from rich.table import Table  # noqa: PLC0415 - takes a while

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, GAP, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in fields.items():
        table.add_row(_text(name), _text(value))
    say_rich(table)


def say_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; where it is too wide for a terminal, each of its rows as a list."""
    records = list(rows)
    columns = list(zip(headings, *records, strict=True))
    console = _console()
    if sum(_least_width(column) + GAP for column in columns) > console.width:
        _say_lists(headings, records)
    else:
        say_rich(_table(columns, lines=console.is_terminal))


@dataclass(frozen=True, slots=True)
class Node:
    """A line of a tree, and the lines below it."""

    label: str
    nodes: Sequence["Node"] = ()


def say_tree(root: Node) -> None:
    """Print a tree."""
    from rich.tree import Tree  # noqa: PLC0415 - takes a while

    tree = Tree(_text(root.label), guide_style="")
    waiting = [(tree, root)]
    while waiting:
        place, node = waiting.pop()
        waiting += [(place.add(_text(below.label)), below) for below in node.nodes]
    say_rich(tree)


def say_rich(what: "RenderableType") -> None:
    """Print what rich can render, without the blanks that it fills lines with."""
    console = _console()
    with console.capture() as capture:
        console.print(what)
    for line in capture.get().splitlines():
        say(line.rstrip())


def _say_lists(headings: Sequence[str], records: Iterable[Sequence[str]]) -> None:
    for record in records:
        named = zip(headings, record, strict=True)
        say_fields({heading: cell for heading, cell in named if cell})
        say()


def _least_width(column: Sequence[str]) -> int:
    """Enough for each word, and for some words of a sentence."""
    from rich.cells import cell_len  # noqa: PLC0415 - takes a while

    words = [cell_len(plain(word)) for cell in column for word in cell.split(" ")]
    longest = max(cell_len(plain(cell)) for cell in column)
    return max(0, *words, min(LEGIBLE, longest))


def _table(columns: Sequence[Sequence[str]], *, lines: bool) -> "Table":
    from rich import box  # noqa: PLC0415 - takes a while
    from rich.table import Table  # noqa: PLC0415

    style = box.SIMPLE_HEAD if lines else None
    table = Table(box=style, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for heading, *cells in columns:
        is_numeric = any(cells) and all(map(NUMBER.fullmatch, cells))
        justify: JustifyMethod = "right" if is_numeric else "left"
        table.add_column(
            heading, justify=justify, overflow="fold", min_width=_least_width([heading, *cells])
        )
    for record in zip(*(cells for _, *cells in columns), strict=True):
        table.add_row(*map(_text, record))
    return table


def _text(value: str) -> "RenderableType":
    from rich.text import Text  # noqa: PLC0415 - takes a while

    # Not a str, in which rich would look for markup.
    return Text(plain(value), overflow="fold")


def _console() -> "Console":
    from rich.console import Console  # noqa: PLC0415 - takes a while

    console = Console(file=sys.stdout, highlight=False, soft_wrap=False)
    if not console.is_terminal:
        console.width = WIDE
    return console


def _steers(letter: str) -> bool:
    return unicodedata.category(letter) in STEERING
