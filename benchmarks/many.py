"""What many files and many runs cost.

    python benchmarks/many.py [--files 3000] [--runs 10000] [--markdown FILE]

Files: charges of the sample, five in each. Measured are a first run, one after another file has
come, one with nothing to do, and `benepass plan`. Runs: the history that a run of the sample has
left, as often as is said, a run an hour; measured are `benepass status` and a run with nothing to
do. Each is the cost of the whole process.
"""

import argparse
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import duckdb
from document import replace_figures
from rich.console import Console
from rich.table import Table
from run import ROOT, Cost, cost, markdown, pipeline, table_of

from benepass_tasks.state.history.runs import OF_A_RUN
from benepass_tasks.state.meta import RUNS

SAMPLE = ROOT / "data" / "sample"
RECORDS = 5
COLUMNS = ("CPU s", "elapsed s", "peak MB")
KEEP_ALL = "1000000"


def main() -> None:
    """Measure, print, and write Markdown where asked."""
    options = _options()
    tables = [files(options.files), runs(options.runs)]
    for table in tables:
        Console().print(table)
    if options.markdown:
        replace_figures(options.markdown, "\n\n".join(map(markdown, tables)), "many files and runs")


def files(number: int) -> Table:
    """The costs of many small files."""
    table = table_of(f"{number:,} files of {RECORDS} charges", COLUMNS)
    with tempfile.TemporaryDirectory() as folder:
        data, warehouse = Path(folder) / "data", Path(folder) / "w" / "warehouse.duckdb"
        warehouse.parent.mkdir()
        _write_files(data, number)
        _row(table, "a first run", pipeline(data, warehouse))
        _write_file(data, number)
        _row(table, "one file more", pipeline(data, warehouse))
        _row(table, "nothing to do", pipeline(data, warehouse))
        _row(table, "`benepass plan`", _benepass("plan", data, warehouse))
    return table


def runs(number: int) -> Table:
    """The costs of a long history."""
    with tempfile.TemporaryDirectory() as folder:
        warehouse = Path(folder) / "warehouse.duckdb"
        pipeline(SAMPLE, warehouse)
        # Memory of this process would count as that of the processes that it starts.
        with ProcessPoolExecutor(max_workers=1) as apart:
            apart.submit(_lengthen, warehouse, number).result()
        size = warehouse.stat().st_size / 2**20
        table = table_of(f"{number:,} runs (warehouse {size:,.0f} MB)", COLUMNS)
        _row(table, "`benepass status`", _benepass("status", SAMPLE, warehouse))
        _row(table, "nothing to do", pipeline(SAMPLE, warehouse, keep_runs=KEEP_ALL))
    return table


def _write_files(data: Path, number: int) -> None:
    data.mkdir()
    for path in SAMPLE.glob("*.csv"):
        if path.name != "transactions.csv":
            (data / path.name).write_bytes(path.read_bytes())
    for place in range(number):
        _write_file(data, place)


def _write_file(data: Path, place: int) -> None:
    """Write the file at a place: charges of the sample in turn, with ids of their own."""
    header, *records = (SAMPLE / "transactions.csv").read_bytes().splitlines()
    commas = header.count(b",")
    plain = [it.split(b",", 1) for it in records if it.isascii() and it.count(b",") == commas]
    first = place * RECORDS
    rows = [b"M%08d,%s" % (at, plain[at % len(plain)][1]) for at in range(first, first + RECORDS)]
    name = f"transactions_{place + 1:05}.csv"
    (data / name).write_bytes(b"\n".join([header, *rows, b""]))


def _lengthen(warehouse: Path, number: int) -> None:
    """Let a warehouse have had its one run that many times, each an hour before the next."""
    with duckdb.connect(str(warehouse)) as connection:
        for table in (RUNS, *OF_A_RUN):
            instants = [it.name for it in table.c if it.name.endswith("_at")]
            earlier = "".join(f", {it} - to_hours(n) as {it}" for it in instants)
            connection.execute(
                f"insert into {table.fullname} "  # noqa: S608 - names of our own
                f"select one.* replace (run_id || '-' || n as run_id{earlier}) "
                f"from {table.fullname} as one, range(1, {number}) as past(n)"
            )
        connection.execute("checkpoint")


def _benepass(command: str, data: Path, warehouse: Path) -> Cost:
    program = str(Path(sys.executable).with_name("benepass"))
    line = [program, command, "--benepass-data-dir", str(data)]
    # Of the sample something is wrong, which is what it says by ending with 1.
    return cost([*line, "--benepass-warehouse", str(warehouse)], may_end_with=1)


def _row(table: Table, name: str, found: Cost) -> None:
    table.add_row(name, f"{found.cpu:.2f}", f"{found.seconds:.2f}", f"{found.peak_mb:,.0f}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=3_000)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--markdown", type=Path, help="file to replace the figures in")
    return parser.parse_args()


if __name__ == "__main__":
    main()
