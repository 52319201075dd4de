"""What became of a test, and how it is kept and said."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text
from sqlalchemy import Connection, delete, insert, select

from benepass_tasks.catalog.datasets import Severity
from benepass_tasks.catalog.wording import printable
from benepass_tasks.state.history.latest import latest_of
from benepass_tasks.state.meta import CHECK_RESULTS, MARKERS
from benepass_tasks.state.nodes import TESTING, tests_of
from benepass_tasks.state.store import state_of

Outcome = Literal["passed", "warned", "failed"]


@dataclass(frozen=True, slots=True)
class Result:
    """What one test of a table found; a row of `meta.check_results`.

    Attributes:
        run_id: The run that tested.
        relation: The table.
        column_name: The column that the test stands on; None where it is of the whole table.
        test: The test's name, such as `not_null`.
        arguments: What it tests for, in words.
        severity: Whether failing rows fail the run or only warn.
        status: Whether it passed, warned or failed.
        failing_rows: How many rows fail; of `row_count` how many are too few or too many.
        checked_rows: How many rows the table has.
        sample_keys: The keys of the first rows that fail, at most five.
        seconds: How long the table's query took, which all its tests share, or the check's own.
        checked_at: When, UTC.
        has_personal_keys: Whether the keys are of a person, and so stay in the warehouse.
    """

    run_id: str
    relation: str
    column_name: str | None
    test: str
    arguments: str
    severity: Severity
    status: Outcome
    failing_rows: int
    checked_rows: int
    sample_keys: Sequence[str]
    seconds: float
    checked_at: datetime
    has_personal_keys: bool = False

    @property
    def place(self) -> str:
        """The table and the column."""
        return f"{self.relation}.{self.column_name}" if self.column_name else self.relation

    @property
    def named(self) -> str:
        """The test with its arguments."""
        return f"{self.test} ({self.arguments})" if self.arguments else self.test

    def __str__(self) -> str:
        """One line for people, whatever signs the values hold."""
        keys = ", ".join(printable(key) for key in self.sample_keys)
        if keys:
            keys = "; keys in meta.check_results" if self.has_personal_keys else f", such as {keys}"
        return (
            f"{printable(self.place)}: {printable(self.named, 120)}: {self.failing_rows:,} of "
            f"{self.checked_rows:,} rows{keys}"
        )


def keep_results(connection: Connection, results: Sequence[Result]) -> None:
    """Write what became of tests, in place of what the same run wrote of these tables before."""
    if not results:
        return
    state_of(connection).execute(
        delete(CHECK_RESULTS).where(
            CHECK_RESULTS.c.run_id.in_({result.run_id for result in results}),
            CHECK_RESULTS.c.relation.in_({result.relation for result in results}),
        )
    )
    columns = CHECK_RESULTS.columns.keys()
    rows = [asdict(result) for result in results]
    state_of(connection).execute(
        insert(CHECK_RESULTS), [{name: row[name] for name in columns} for row in rows]
    )


def read_latest(connection: Connection) -> list[Result]:
    """Read what became of each test of the catalog when it was run last.

    A run tests all that a table promises, or nothing. Once all tests have passed, a table whose
    tests have no record promises no more.
    """
    state = state_of(connection)
    recorded = select(MARKERS.c.kind, MARKERS.c.name).where(MARKERS.c.kind.in_(TESTING))
    kinds = {name: kind for kind, name in state.execute(recorded)}
    of = latest_of(CHECK_RESULTS, "relation").c
    found = select(*of).order_by(of.relation, of.column_name.nulls_first(), of.test, of.arguments)
    results = [Result(*row) for row in state.execute(found)]
    if "data tests" not in kinds.values():
        return results
    return [result for result in results if tests_of(result.relation) in kinds]


def summary(results: Sequence[Result], seconds: float) -> str:
    """A table of what did not pass, if anything, and a line of totals."""
    lines = [_totals(results, seconds)]
    unpassed = [result for result in results if result.status != "passed"]
    return "\n".join([*lines, _rendered(unpassed)] if unpassed else lines)


def _totals(results: Sequence[Result], seconds: float) -> str:
    tables = len({result.relation for result in results})
    counts = {
        status: sum(result.status == status for result in results)
        for status in ("passed", "warned", "failed")
    }
    return (
        f"Data tests: {counts['passed']:,} of {len(results):,} on {tables:,} tables passed, "
        f"{counts['warned']:,} warned, {counts['failed']:,} failed, {seconds:.2f} s"
    )


def _rendered(results: Iterable[Result]) -> str:
    table = RichTable(box=box.SIMPLE_HEAD)
    for name in ("table and column", "test", "status"):
        table.add_column(name, overflow="fold")
    for name in ("failing", "rows"):
        table.add_column(name, justify="right")
    for result in results:
        cells = (printable(result.place), printable(result.named, 120), result.status)
        counts = (f"{result.failing_rows:,}", f"{result.checked_rows:,}")
        table.add_row(*(Text(cell) for cell in (*cells, *counts)))
    console = Console(width=100, color_system=None, force_terminal=False)
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().rstrip().splitlines())
