"""What a change costs, as shares of a full run over the same state.

    python benchmarks/changes.py [--records 1000000] [--task BuildMarts]
        [--memory-limit 600MB] [--markdown docs/incremental.md]

A year of charges lies in twelve files. Measured are the whole runs, with their process, after a new
month, a late file of 1,000 charges in ten old months, the termination of one employee, a day more,
and nothing at all; each share is that of a full run over what there is in the end.
"""

import argparse
import csv
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
from document import replace_figures
from rich.console import Console
from rich.table import Table
from run import DATA, Cost, generated, markdown, pipeline, table_of

if TYPE_CHECKING:
    from collections.abc import Callable

LATE = 1_000
AS_OF, NEXT_DAY = "2026-01-01", "2026-01-02"


def main() -> None:
    """Measure, print, and write Markdown where asked."""
    options = _options()
    table = measure(options.records, options.task, options.memory_limit)
    Console().print(table)
    if options.markdown:
        replace_figures(options.markdown, markdown(table))


def measure(records: int, task: str, memory_limit: str) -> Table:
    """The costs of a task after all changes, one after the other in one warehouse."""
    columns = ("CPU s", "elapsed s", "peak MB", "of a full run, CPU", "elapsed")
    table = table_of(f"{records:,} transactions, the run after a change", columns)
    year = generated(records)
    with tempfile.TemporaryDirectory(dir=DATA) as folder:
        data, warehouse = Path(folder) / "data", Path(folder) / "w" / "warehouse.duckdb"
        full = Path(folder) / "f" / "warehouse.duckdb"
        one = partial(pipeline, data, task=task, memory_limit=memory_limit)
        late = _months(year, data)
        december = data / "transactions_12.csv"
        december.rename(aside := data / "december")
        full.parent.mkdir()
        warehouse.parent.mkdir()
        one(warehouse, as_of=AS_OF)
        changes: dict[str, Callable[[], object]] = {
            "a new month": lambda: aside.rename(december),
            f"{LATE:,} late charges": lambda: late.rename(data / "transactions_13.csv"),
            "one employee terminated": lambda: _terminate(data / "employees.csv"),
        }
        costs = dict[str, Cost]()
        for name, change in changes.items():
            change()
            costs[name] = one(warehouse, as_of=AS_OF)
        costs |= {it: one(warehouse, as_of=NEXT_DAY) for it in ("a day more", "nothing")}
        costs["a full run"] = one(full, as_of=NEXT_DAY)
    for name, cost in costs.items():
        _row(table, name, cost, costs["a full run"])
    return table


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--task", default="BuildMarts", help="Publish, to publish them as well")
    parser.add_argument("--memory-limit", default="600MB", help="memory DuckDB may use")
    parser.add_argument("--markdown", type=Path, help="file to replace the figures in")
    return parser.parse_args()


def _months(generated: Path, data: Path) -> Path:
    """Write the charges in a file for each twelfth of them, in their order; the late ones apart."""
    data.mkdir()
    for path in generated.glob("*.csv"):
        if path.name != "transactions.csv":
            shutil.copy(path, data / path.name)
    late = data / "late"
    # What this process takes up counts for those that it starts.
    with duckdb.connect(late.with_name("charges"), config={"memory_limit": "300MB"}) as connection:
        connection.execute(
            "create table charges as with months as (select *, "
            "ntile(12) over (order by transaction_timestamp) as month "
            f"from read_csv('{generated / 'transactions.csv'}', delim = ',', header = true, "
            "quote = '\"', all_varchar = true, strict_mode = false, ignore_errors = true)) "
            "select *, row_number() over (order by month > 10, hash(transaction_id)) as number "
            "from months"
        )
        chosen = f"number <= {LATE}"
        columns = "* exclude (month, number)"
        for month in range(1, 13):
            connection.execute(
                f"copy (select {columns} from charges where month = {month} and not ({chosen})) "
                f"to '{data / f'transactions_{month:02}.csv'}' (header)"
            )
        connection.execute(
            f"copy (select {columns} from charges where {chosen}) to '{late}' (format csv, header)"
        )
    return late


def _terminate(employees: Path) -> None:
    """Terminate the first employee who is active."""
    with employees.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    next(it for it in rows if it["status"].lower() == "active")["status"] = "terminated"
    with employees.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _row(table: Table, name: str, after: Cost, whole: Cost) -> None:
    table.add_row(
        name,
        f"{after.cpu:.2f}",
        f"{after.seconds:.2f}",
        f"{after.peak_mb:,.0f}",
        f"{after.cpu / whole.cpu:.1%}",
        f"{after.seconds / whole.seconds:.1%}",
    )


if __name__ == "__main__":
    main()
