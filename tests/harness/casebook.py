"""Reads the cases in `cases/`: rows given to the raw tables, rows expected of one model.

A case is a text file, `cases/<model>/<what it shows>.txt`. It is made of blocks; a block is a line
that says what it is, a line of column names, and a line for each row. A blank line ends it.

    as_of 2026-01-01                         the as-of date; this one where none is given
    pii_masking off                          on where nothing is said
    given the usual company                  every table of cases/usual.txt that is not given here
    given raw.employees                      columns that are not named are NULL
    given raw.transactions, otherwise usual  or else as in the `usual` row of cases/usual.txt
    expect staging.stg_employees             columns that are not named are not compared

Rows are numbered in the order in which they are given, unless they say their `_row_number`. A
cell is plain text, or NULL, or a JSON string in double quotes where the text is empty, has white
space at an end, or holds a | or a character that cannot be seen. A list is written [a, b]. A line
that begins with # is a comment. The order of expected rows does not matter.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import AS_OF, Workbench

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench import RawRows, Row

CASES = Path(__file__).parents[1] / "sql" / "cases"
USUAL = CASES / "usual.txt"

Line = tuple[int, str]
Cells = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """Named columns and rows of text."""

    columns: tuple[str, ...]
    rows: list[Cells]

    def as_rows(self) -> list[Row]:
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def drawn(self, marks: Sequence[str] = ()) -> str:
        shown = [list(self.columns), *([shown_cell(cell) for cell in row] for row in self.rows)]
        widths = [max(len(row[index]) for row in shown) for index in range(len(self.columns))]
        lines = (
            " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            for row in shown
        )
        marked = zip(lines, ["", *(marks or [""] * len(self.rows))], strict=True)
        return "\n".join(f"    {line}  {mark}".rstrip() for line, mark in marked)


@dataclass(slots=True)
class Case:
    """What a file in `cases/` says."""

    path: Path
    as_of: str = AS_OF
    pii_masking: bool = True
    given: dict[str, Grid] = field(default_factory=dict)
    usual: dict[str, Row] = field(default_factory=dict)
    expected_of: str = ""
    expected: Grid = field(default_factory=lambda: Grid((), []))

    @property
    def name(self) -> str:
        return self.path.relative_to(CASES).with_suffix("").as_posix()

    def raw_rows(self) -> RawRows:
        return {
            table: [self.usual.get(table, {}) | row for row in grid.as_rows()]
            for table, grid in self.given.items()
        }


def case_files() -> list[Path]:
    return sorted(CASES.glob("*/*.txt"))


def read_case(path: Path, workbench: Workbench) -> Case:
    """Read one file.

    Raises:
        ValueError: it is not well formed; the message says on which line.
    """
    case = Case(path)
    for block in blocks(path):
        number, what = block[0]
        match what.replace(",", " ").split():
            case ["as_of", date]:
                case.as_of = date
            case ["pii_masking", "on" | "off" as switch]:
                case.pii_masking = switch == "on"
            case ["given", "the", "usual", "company"]:
                case.given = read_case(USUAL, workbench).given | case.given
            case ["given", relation]:
                case.given[relation] = read_grid(path, block[1:], workbench.columns(relation))
            case ["given", relation, "otherwise", "usual"]:
                case.given[relation] = read_grid(path, block[1:], workbench.columns(relation))
                case.usual[relation] = read_case(USUAL, workbench).usual[relation]
            case ["usual", relation]:
                usual = read_grid(path, block[1:], workbench.columns(relation))
                case.usual[relation] = usual.as_rows()[0]
            case ["expect", relation]:
                case.expected_of = relation
                case.expected = read_grid(path, block[1:], workbench.columns(relation))
            case _:
                raise ValueError(f"{path}:{number}: what is meant by {what!r}?")
    return case


def blocks(path: Path) -> list[list[Line]]:
    """The file's blocks, as numbered lines; a setting is a block of its own."""
    found: list[list[Line]] = [[]]
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            found.append([])
        elif re.match(r"(as_of|pii_masking|given|usual|expect) ", line):
            found.append([(number, line)])
        elif not line.startswith("#"):
            found[-1].append((number, line))
    return [block for block in found if block]


def read_grid(path: Path, lines: list[Line], known: Sequence[str]) -> Grid:
    if not lines:
        return Grid((), [])
    columns = tuple(str(cell) for cell in read_cells(lines[0][1]))
    unknown = set(columns) - set(known)
    if unknown:
        raise ValueError(f"{path}:{lines[0][0]}: no such column: {', '.join(sorted(unknown))}")
    rows = []
    for number, line in lines[1:]:
        row = read_cells(line)
        if len(row) != len(columns) or "" in re.split(r"\s*\|\s*", line.strip()):
            raise ValueError(f'{path}:{number}: a cell for each column, NULL or "" for none')
        rows.append(row)
    return Grid(columns, rows)


def read_cells(line: str) -> Cells:
    cells = re.findall(r'\s*("(?:[^"\\]|\\.)*"|[^|]*?)\s*(?:\||$)', line)
    return tuple(read_cell(cell) for cell in cells[: 1 + separators(line)])


def separators(line: str) -> int:
    return re.sub(r'"(?:[^"\\]|\\.)*"', "", line).count("|")


def read_cell(text: str) -> str | None:
    if text == "NULL":
        return None
    return str(json.loads(text)) if text.startswith('"') else text


def shown_cell(value: str | None) -> str:
    if value is None:
        return "NULL"
    is_plain = value.isprintable() and value == value.strip() and not set(value) & set('|"')
    return value if value not in ("", "NULL") and is_plain else json.dumps(value)


def difference(case: Case, workbench: Workbench) -> str | None:
    """What is given, expected and actual, side by side; None where the case holds."""
    columns = case.expected.columns
    texts = ", ".join(f"cast({column} as varchar)" for column in columns)
    with workbench.built(
        case.raw_rows(), case.expected_of, as_of=case.as_of, pii_masking=case.pii_masking
    ) as connection:
        actual = connection.execute(f"select {texts} from {case.expected_of}").fetchall()
    missing = Counter(case.expected.rows) - Counter(actual)
    unexpected = Counter(actual) - Counter(case.expected.rows)
    if not missing and not unexpected:
        return None
    given = (f"given {table}\n{grid_of(rows).drawn()}" for table, rows in case.raw_rows().items())
    return "\n\n".join(
        [
            f"{case.path}",
            *given,
            f"expected {case.expected_of}\n{marked(case.expected, missing, '<- missing')}",
            f"actual {case.expected_of}\n{marked(Grid(columns, actual), unexpected, '<- wrong')}",
        ]
    )


def grid_of(rows: Sequence[Row]) -> Grid:
    columns = tuple(rows[0]) if rows else ()
    return Grid(columns, [tuple(row.values()) for row in rows])


def marked(grid: Grid, suspects: Counter[Cells], mark: str) -> str:
    rows = sorted(grid.rows, key=lambda row: tuple(cell or "" for cell in row))
    left = suspects.copy()
    marks = []
    for row in rows:
        marks.append(mark if left[row] > 0 else "")
        left[row] -= 1
    return Grid(grid.columns, rows).drawn(marks)
