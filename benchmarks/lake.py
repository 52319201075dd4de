"""What the models cost on Sail, which speaks Spark Connect, beside DuckDB over the same rows.

    python benchmarks/lake.py [--transactions 1000000] [--markdown FILE]

Both get what the base views say, DuckDB in a file and Sail as Parquet, and make all models of it,
one after the other. Measured is the CPU of what computes: of this process for DuckDB, of the server
for Sail. The rows that differ are counted as well. `make bench-lake` installs what it needs.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
from document import replace_figures
from plain import main as build_plain
from rich.console import Console
from rich.table import Table
from run import ROOT, generated, markdown, table_of
from sparking import connected, sail

from benepass_tasks.config.project import open_project
from benepass_tasks.sqlmodels import Model
from benepass_tasks.sqlmodels.cache import Cache
from benepass_tasks.sqlmodels.effective import Definitions, read_definitions
from benepass_tasks.sqlmodels.spark import SparkQuery, Target, spark_queries, view_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SETTINGS = {"as_of_date": "date '2026-01-01'", "pii_masking": "true"}
MEMORY = "4GB"
HASH = "UBIGINT"
"""The type of hashes, which are each engine's own."""


def main() -> None:
    """Measure, print, and write Markdown where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--transactions", type=int, default=1_000_000)
    parser.add_argument("--markdown", type=Path, help="file to replace the figures in")
    options = parser.parse_args()
    table = measure(options.transactions)
    Console().print(table)
    if options.markdown:
        replace_figures(options.markdown, markdown(table), "lake")


def measure(transactions: int) -> Table:
    """The models on both engines over as many transactions."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        definitions = read_definitions(open_project(ROOT), Cache(here / "models.json"))
        build_plain(generated(transactions), here / "plain.duckdb", MEMORY)
        with duckdb.connect(here / "plain.duckdb") as database:
            database.execute("set TimeZone = 'UTC'")
            for name, value in SETTINGS.items():
                database.execute(f"set variable {name} = {value}")
            ours = cost_of(lambda: build_here(database, definitions), time.process_time)
            with sail() as served, connected(served.remote) as session:
                give_base(database, session, definitions, here)
                made = spark_queries(definitions, Target(SETTINGS, view_of))
                theirs = cost_of(lambda: build_there(session, made, here), cpu_of(served.pid))
            differing = sum(differing_rows(database, it, here) for it in made)
    table = table_of(f"{transactions:,} transactions, all models", ("CPU s", "elapsed s"))
    table.add_row("DuckDB", *(f"{it:.1f}" for it in ours))
    table.add_row("Sail", *(f"{it:.1f}" for it in theirs))
    table.add_row("ratio", *(f"{it / own:.2f}" for it, own in zip(theirs, ours, strict=True)))
    table.add_row("rows that differ", f"{differing:,}", "")
    return table


def cost_of(work: Callable[[], object], cpu: Callable[[], float]) -> tuple[float, float]:
    """The seconds of CPU and of the clock that something takes."""
    before, began = cpu(), time.perf_counter()
    work()
    return cpu() - before, time.perf_counter() - began


def cpu_of(pid: int) -> Callable[[], float]:
    """What tells the seconds of CPU of a process so far, on Linux."""

    def seconds() -> float:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    return seconds


def models(definitions: Definitions) -> Iterator[Model]:
    """The models that are written in files."""
    return (it for it in definitions.graph.models.values() if not it.is_generated)


def build_here(database: duckdb.DuckDBPyConnection, definitions: Definitions) -> None:
    """Make every model anew, each a table."""
    for model in models(definitions):
        kind = definitions.catalog.tables[model.relation].materialized
        database.execute(f"drop {kind} if exists {model.relation} cascade")
    for model in models(definitions):
        database.execute(f"create table {model.relation} as\n{model.sql}")


def give_base(
    database: duckdb.DuckDBPyConnection,
    session: "SparkSession",
    definitions: Definitions,
    folder: Path,
) -> None:
    """Write what the base views say as Parquet, and let Sail read it."""
    for model in definitions.graph.models.values():
        if model.is_generated:
            file = folder / f"{model.relation}.parquet"
            database.execute(f"copy (from {model.relation}) to '{file}'")
            session.read.parquet(str(file)).createOrReplaceTempView(view_of(model.relation))


def build_there(session: "SparkSession", made: dict[str, SparkQuery], folder: Path) -> None:
    """Make every model on Sail, each a folder of Parquet files."""
    for relation, query in made.items():
        rows = session.sql(query.sql)
        rows.write.parquet(str(folder / relation))
        written = session.read.schema(rows.schema).parquet(str(folder / relation))
        written.createOrReplaceTempView(view_of(relation))


def differing_rows(database: duckdb.DuckDBPyConnection, relation: str, folder: Path) -> int:
    """How many rows one engine has and the other lacks."""
    files = sorted((folder / relation).glob("*.parquet"))
    if not files:  # Sail writes none for no rows
        return len(database.sql(f"from {relation}"))
    kinds = {name: kind for name, kind, *_ in database.sql(f"describe {relation}").fetchall()}
    names: Sequence[str] = [f'"{it}"' for it, kind in kinds.items() if kind != HASH]
    typed = [f'cast("{it}" as {kind}) as "{it}"' for it, kind in kinds.items() if kind != HASH]
    there = f"select {', '.join(typed)} from read_parquet('{folder / relation}/*.parquet')"
    here = f"select {', '.join(names)} from {relation}"
    both = (f"{there} except all ({here})", f"{here} except all ({there})")
    return sum(len(database.sql(it)) for it in both)


if __name__ == "__main__":
    main()
