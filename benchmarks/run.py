"""How fast the pipeline is, as ratios measured in one run.

    python benchmarks/run.py [--sizes 1000000 10000000] [--repeat 3] [--markdown FILE]

The sample: CPU seconds of the whole process, for a full run and for one with nothing to do. Larger
data: CPU, time and memory against a plain DuckDB script (`plain.py`) over the same files, the two
in turn. Machines differ and are shared; the ratios are what to compare.
"""

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import duckdb
from document import replace_figures
from rich import box
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "bench-data"
MEMORY_LIMIT = "1200MB"
PIPELINE = ("-m", "luigi", "--module", "benepass_tasks")
COLUMNS = ("CPU s", "elapsed s", "peak MB")
WITHOUT_HISTORY = (str(ROOT / "benchmarks" / "without_history.py"),)


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU and elapsed seconds of a process with its children, and its peak memory."""

    cpu: float
    seconds: float
    peak_mb: float


def main() -> None:
    """Measure, print, and write Markdown where asked."""
    options = _options()
    sample = _sample(options.repeat)
    sizes = [_size(records, options.repeat) for records in options.sizes]
    console = Console()
    for table in (sample, *sizes):
        console.print(table)
    if options.markdown:
        text = "\n\n".join(markdown(table) for table in (sample, *sizes))
        replace_figures(options.markdown, f"{_machine()}\n\n{text}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="*", default=[1_000_000, 10_000_000])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--markdown", type=Path, help="file to replace the figures in")
    return parser.parse_args()


def _sample(repeat: int) -> Table:
    with tempfile.TemporaryDirectory() as folder:
        warehouse = Path(folder) / "warehouse.duckdb"
        full = [pipeline(ROOT / "data" / "sample", _fresh(warehouse)) for _ in range(repeat)]
        after = _after(ROOT / "data" / "sample", warehouse, repeat)
    table = table_of("The sample, whole process")
    _row(table, "full run", full)
    _rows(table, after)
    return table


def _size(records: int, repeat: int) -> Table:
    data_dir = generated(records)
    with tempfile.TemporaryDirectory(dir=DATA) as folder:
        warehouse = Path(folder) / "warehouse.duckdb"
        rounds = [
            (
                pipeline(data_dir, _fresh(warehouse)),
                _plain(data_dir, _fresh(warehouse)),
                pipeline(data_dir, _fresh(warehouse), WITHOUT_HISTORY),
            )
            for _ in range(repeat)
        ]
        pipeline(data_dir, _fresh(warehouse))
        after = _after(data_dir, warehouse)
        size = warehouse.stat().st_size / 2**20
    ours, plain, without = zip(*rounds, strict=True)
    table = table_of(f"{records:,} transactions (warehouse {size:,.0f} MB)")
    _row(table, "pipeline", ours)
    _row(table, "plain DuckDB script", plain)
    table.add_row("ratio", *_ratios(ours, plain), style="bold")
    _row(table, "pipeline without the history of its runs", without)
    table.add_row("part of the run that is history", *_parts(ours, without), style="bold")
    _rows(table, after)
    return table


def _after(data_dir: Path, warehouse: Path, repeat: int = 1) -> dict[str, list[Cost]]:
    """What follows the marts, by its name: the last, which finds nothing to do, is repeated."""
    tasks = {
        "after it, the tests and the publishing": ["Publish"],
        "after that, the pages": ["BuildSite"],
        "nothing to do": ["BuildSite"] * repeat,
    }
    return {
        name: [pipeline(data_dir, warehouse, task=task) for task in names]
        for name, names in tasks.items()
    }


def _ratios(ours: Sequence[Cost], others: Sequence[Cost]) -> list[str]:
    pairs = list(zip(ours, others, strict=True))
    return [
        f"{statistics.median(getattr(a, name) / getattr(b, name) for a, b in pairs):.2f}"
        for name in ("cpu", "seconds", "peak_mb")
    ]


def _parts(ours: Sequence[Cost], without: Sequence[Cost]) -> list[str]:
    pairs = list(zip(ours, without, strict=True))
    return [
        f"{statistics.median(1 - getattr(b, name) / getattr(a, name) for a, b in pairs):.1%}"
        for name in ("cpu", "seconds", "peak_mb")
    ]


def pipeline(
    data_dir: Path,
    warehouse: Path,
    program: Sequence[str] = PIPELINE,
    *,
    task: str = "BuildMarts",
    as_of: str = "2026-01-01",
    **settings: str,
) -> Cost:
    """Run a task over the files of a folder."""
    flags = {
        "data_dir": data_dir,
        "warehouse": warehouse,
        "published_dir": warehouse.parent / "published",
        "site_dir": warehouse.parent / "site",
        "as_of": as_of,
        "memory_limit": MEMORY_LIMIT,
        **settings,
    }
    command = [sys.executable, *program, task]
    for name, value in flags.items():
        command += [f"--benepass-{name.replace('_', '-')}", str(value)]
    return cost(command)


def _plain(data_dir: Path, warehouse: Path) -> Cost:
    script = str(ROOT / "benchmarks" / "plain.py")
    return cost([sys.executable, script, str(data_dir), str(warehouse), MEMORY_LIMIT])


def cost(command: Sequence[str], *, may_end_with: int = 0) -> Cost:
    """Run a command and read its cost from the operating system's own account."""
    started = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in (0, may_end_with):
            said.seek(0)
            raise SystemExit(f"{' '.join(command)} failed:\n{said.read().decode()}")
    kilobytes = usage.ru_maxrss if sys.platform != "darwin" else usage.ru_maxrss / 1024
    return Cost(usage.ru_utime + usage.ru_stime, seconds, kilobytes / 1024)


def _fresh(warehouse: Path) -> Path:
    shutil.rmtree(warehouse.parent)
    warehouse.parent.mkdir()
    return warehouse


def generated(records: int) -> Path:
    """The data of a size; made once, in seconds."""
    folder = DATA / str(records)
    if not (folder / "transactions.csv").exists():
        aside = DATA / f"{records}.part"
        generator = [sys.executable, "-m", "benepass_tasks.sample"]
        subprocess.run(
            [*generator, "--transactions", str(records), "--out", str(aside)], check=True
        )
        aside.rename(folder)
    return folder


def table_of(title: str, columns: Sequence[str] = COLUMNS) -> Table:
    """A table of figures, with a column of names in front."""
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    table.add_column("")
    for name in columns:
        table.add_column(name, justify="right")
    return table


def _row(table: Table, name: str, costs: Sequence[Cost]) -> None:
    def median(of: Callable[[Cost], float]) -> float:
        return statistics.median(of(cost) for cost in costs)

    table.add_row(
        name,
        f"{median(lambda it: it.cpu):.2f}",
        f"{median(lambda it: it.seconds):.2f}",
        f"{median(lambda it: it.peak_mb):,.0f}",
    )


def _rows(table: Table, costs: dict[str, list[Cost]]) -> None:
    for name, of_name in costs.items():
        _row(table, name, of_name)


def markdown(table: Table) -> str:
    """A table as Markdown."""
    cells = [list(column.cells) for column in table.columns]
    headings = [str(column.header) for column in table.columns]
    below = "|---|" + "---:|" * (len(headings) - 1)
    lines = [f"**{table.title}**", "", "| " + " | ".join(headings) + " |", below]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in zip(*cells, strict=True)]
    return "\n".join(lines)


def _machine() -> str:
    return (
        f"{os.cpu_count()} cores, Python {platform.python_version()}, "
        f"DuckDB {duckdb.__version__}, dlt {version('dlt')}, Luigi {version('luigi')}; "
        f"DuckDB may use {MEMORY_LIMIT}; medians."
    )


if __name__ == "__main__":
    main()
