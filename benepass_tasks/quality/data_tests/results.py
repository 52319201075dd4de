"""What became of a test, and how it is kept and said."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text
from sqlalchemy import Connection, delete, insert

from benepass_tasks.catalog.datasets import Severity
from benepass_tasks.catalog.wording import printable
from benepass_tasks.state.meta import CHECK_RESULTS

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
    connection.execute(
        delete(CHECK_RESULTS).where(
            CHECK_RESULTS.c.run_id.in_({result.run_id for result in results}),
            CHECK_RESULTS.c.relation.in_({result.relation for result in results}),
        )
    )
    columns = CHECK_RESULTS.columns.keys()
    rows = [asdict(result) for result in results]
    connection.execute(
        insert(CHECK_RESULTS), [{name: row[name] for name in columns} for row in rows]
    )


LATEST = """
select
    run_id, relation, column_name, test, arguments, severity, status, failing_rows, checked_rows,
    sample_keys, seconds, checked_at
from meta.check_results
qualify
    run_id = first_value(run_id) over (partition by relation order by checked_at desc, run_id)
    and (
        'contracts/' || relation in (select name from meta.markers)
        or 'contracts' not in (select name from meta.markers)
    )
order by relation, column_name nulls first, test, arguments
"""
"""A run tests all that a table promises, or nothing; a table without a marker promises no more."""


def read_latest(connection: Connection) -> list[Result]:
    """Read what became of each test of the catalog when it was run last."""
    return [Result(*row) for row in connection.exec_driver_sql(LATEST)]


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
        f"Contracts: {counts['passed']:,} of {len(results):,} tests on {tables:,} tables passed, "
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
