"""A small project of its own for each test, run in this process or in one of its own."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import luigi
from commands import run_line
from projects import ROOT, catalog_of, remembered

from benepass_tasks.catalog import load_catalog
from benepass_tasks.engine.quoting import quote_name, quote_text

EMPLOYEES = """employee_id,first_name,last_name,email,hire_date,status
E1,Ann,Archer,ann.archer@example.com,2020-01-01,active
E2,Bo,Baker,bo.baker@example.org,2021-06-15,terminated
E3,Cy,Cole,cy.cole@example.net,2024-02-29,on_leave
"""
BENEFIT_ACCOUNTS = """benefit_account_id,employee_id,benefit_type,program_name,monthly_allowance
A1,E1,wellness,Wellness Plus,100.00
A2,E2,meals,Daily Meals,150.00
A3,E3,meals,Daily Meals,150.00
"""
TRANSACTIONS = """\
transaction_id,employee_id,benefit_account_id,merchant,amount,transaction_timestamp,category
T1,E1,A1,Iron Heron Gym,60.00,2025-03-01T10:00:00Z,gym
T2,E1,A1,Iron Heron Gym,50.00,2025-03-02T10:00:00Z,gym
T3,E2,A2,Plum Crate,12.50,2025-03-03T10:00:00Z,groceries
T4,E3,A3,Plum Crate,-3.00,2025-03-04T10:00:00Z,groceries
T5,E3,A3,Plum Crate,20.00,2025-03-05T10:00:00Z,groceries
"""
MAPPINGS = """benefit_type,valid_category
wellness,gym
meals,groceries
"""
FILES = {
    "employees": EMPLOYEES,
    "benefit_accounts": BENEFIT_ACCOUNTS,
    "transactions": TRANSACTIONS,
    "category_benefit_mappings": MAPPINGS,
}
"""The sources that the small project has rows of."""

RUNS_BY_DAY = 5
"""How many runs of a project a test of the matrix makes at most."""

VOUCHED_FOR = (
    "select name, built_at from meta.markers union all "
    "select source || '/' || file, loaded_at from meta.loads"
)


@contextmanager
def opened(file: Path, mode: str = "read_only") -> Iterator[duckdb.DuckDBPyConnection]:
    """A session on a DuckDB file, beside whatever the pipeline does with it."""
    session, name = _database().cursor(), quote_name(file.stem)
    with closing(session):
        session.execute(f"attach {quote_text(str(file))} as {name} ({mode})")
        try:
            session.execute(f"use {name}")
            yield session
        finally:
            session.execute("use memory")
            session.execute(f"detach {name}")


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """The tests' own DuckDB: to make one takes twenty times as long as to attach a file to it."""
    return duckdb.connect(config={"threads": 1})


@dataclass
class Workspace:
    """A project folder with data; `run` runs it here, `run_command` as a user would."""

    root: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def warehouse(self) -> Path:
        return self.data / "warehouse.duckdb"

    @property
    def published(self) -> Path:
        return self.data / "published"

    @property
    def site(self) -> Path:
        return self.data / "site"

    def write(self, name: str, content: str | bytes) -> None:
        """Write a file below the project's folder."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    def require_amounts_from(self, minimum: str) -> None:
        """Let the catalog promise that no amount of the fact is below a minimum."""
        amount = (
            'below zero where it is given back.",\n        type: "DECIMAL(18,2)", tests: [not_null'
        )
        self.replace("catalog.yaml", amount, f"{amount}, {{range: {{min: {minimum}}}}}")

    def replace(self, name: str, old: str, new: str) -> None:
        """Replace a text that must be in the file."""
        content = (self.root / name).read_text(encoding="utf-8")
        assert old in content
        self.write(name, content.replace(old, new))

    def line_of(self, name: str, text: str) -> int:
        """The number of the first line of a file that has a text."""
        lines = (self.root / name).read_text(encoding="utf-8").splitlines()
        return next(number for number, line in enumerate(lines, 1) if text in line)

    def describe(self, column: str, pii: str) -> None:
        """Declare a column of VARCHAR that the SQL no longer passes on as it was, wherever it is.

        Args:
            column: Its name.
            pii: What the catalog says about personal data in it, as YAML.
        """
        declared = f"{column}: {{type: VARCHAR"
        self.replace("catalog.yaml", declared, f"{declared}, description: As edited., pii: {pii}")
        # Where it is described already, that stays.
        twice = f"{declared}, description: As edited., pii: {pii}, description:"
        text = (self.root / "catalog.yaml").read_text(encoding="utf-8")
        once = text.replace(twice, f"{declared}, pii: {pii}, description:")
        self.write("catalog.yaml", once)

    def become(self, other: "Workspace") -> None:
        """Become a copy of a project that has been published, or has its pages already."""
        from benepass_tasks.config.settings import current_settings  # noqa: PLC0415 - DuckDB
        from benepass_tasks.pipeline.nodes import nodes_of  # noqa: PLC0415
        from benepass_tasks.state.run import Run  # noqa: PLC0415

        self.settings = other.settings | self.settings
        shutil.rmtree(self.root)
        shutil.copytree(other.root, self.root)
        # What was published is in other files now, if only by their times.
        with self.configured():
            found = [node.see() for node in Run(current_settings(), nodes_of).nodes().values()]
        with opened(self.warehouse, "read_write") as connection:
            for seen in found:
                for name, state in seen.items():
                    connection.execute(
                        "update meta.markers set content = ? where name = ?", [state, name]
                    )

    def copied(self, root: Path) -> "Workspace":
        """A copy of the project, whose files are others by their times alone."""
        shutil.copytree(self.root, root)
        return Workspace(root, dict(self.settings))

    def take_over(self, other: "Workspace") -> None:
        """Have the warehouse of a project with the same files, in which nothing is published."""
        for name in ("warehouse.duckdb", ".warehouse.models.json"):
            shutil.copy2(other.data / name, self.data / name)

    def run(self, task: str = "BuildMarts", **settings: str) -> set[str]:
        """Run a task here; returns the tables, files and checks that were made.

        Raises AssertionError where a task fails.
        """
        made, succeeded = self.attempt(task, **settings)
        assert succeeded
        return made

    def attempt(self, task: str = "BuildMarts", **settings: str) -> tuple[set[str], bool]:
        """Run a task here; returns what was made, and whether all went well."""
        from benepass_tasks.pipeline import tasks  # noqa: PLC0415 - after the settings

        before = self.vouched_for()
        with self.configured(**settings):
            try:
                succeeded = _build(task)
            finally:
                tasks.finish()
        return {name for name, _ in self.vouched_for() - before}, succeeded

    @contextmanager
    def configured(self, **settings: str) -> Iterator[None]:
        """The settings of the project, in this process."""
        config = luigi.configuration.get_config()
        # The small project has three employees: of the default size, it has no group.
        values = {"project_dir": str(self.root), "as_of": "2026-01-01", "min_group_size": "1"}
        values |= self.settings | settings
        for name, value in values.items():
            config.set("benepass", name, value)
        try:
            yield
        finally:
            for name in values:
                config.remove_option("benepass", name)

    def vouched_for(self) -> set[tuple[str, object]]:
        """What the warehouse says was made, and when."""
        if not self.warehouse.exists():
            return set()
        with opened(self.warehouse) as connection, suppress(duckdb.CatalogException):
            return {*connection.execute(VOUCHED_FOR).fetchall()}
        return set()

    def run_command(
        self, *flags: str, task: str = "BuildMarts", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `luigi --module benepass_tasks` with a task and flags, in the project's folder."""
        command = [task if part == "BuildMarts" else part for part in self.command]
        return run_line([*command, *flags], self.root, self.environment | environment)

    def run_until_killed(self, killer: str, moment: int | str, task: str = "BuildMarts") -> bool:
        """Run a program that kills itself at a moment of a task; whether it came to that."""
        python, *command = [task if part == "BuildMarts" else part for part in self.command]
        flags = command[command.index("--module") :]
        line = [python, "-c", killer, str(moment), *flags]
        done = run_line(line, self.root, self.environment)
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        return done.returncode != 0

    @property
    def command(self) -> list[str]:
        as_of = ["--benepass-as-of", "2026-01-01"]
        return [sys.executable, "-m", "luigi", "--module", "benepass_tasks", "BuildMarts", *as_of]

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LUIGI")}
        return kept | {"HOME": str(self.root / "home")}

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Read from the warehouse, which nobody else may have open."""
        with opened(self.warehouse) as connection:
            return connection.execute(sql).fetchall()

    def query_published(self, sql: str) -> list[tuple[Any, ...]]:
        """Read from the published database, as an analyst."""
        with opened(self.published / "benepass.duckdb") as connection:
            return connection.execute(sql).fetchall()

    def change(self, sql: str) -> None:
        """Change the warehouse behind the pipeline's back."""
        with opened(self.warehouse, "read_write") as connection:
            connection.execute(sql)

    def nodes(self) -> set[str]:
        """All that BuildMarts decides about: each file, each table, and the reconciliation."""
        catalog = catalog_of(self.root)
        files = {
            f"{name}/{path.name}"
            for name, source in catalog.sources.items()
            for path in self.root.glob(source.filepath)
        }
        return {*files, *catalog.tables, "books"}

    def content(self, schemas: Sequence[str] = ("quality", "marts")) -> dict[str, list[Any]]:
        """Every row of every table of some layers, in an order of its own."""
        with opened(self.warehouse) as connection:
            names = connection.execute(
                "select schema_name || '.' || table_name from duckdb_tables() "
                "where list_contains(?, schema_name)",
                [list(schemas)],
            ).fetchall()
            return {
                name: sorted(connection.execute(f"from {name}").fetchall(), key=repr)
                for (name,) in names
            }

    def built(self) -> dict[str, list[Any]]:
        """Every row of every table that is stored, and of what vouches for them."""
        vouching = ("markers", "loads", "accepted_schemas", "schema_changes", "properties")
        meta = self.content(["meta"])
        stored = self.content(("raw", "intermediate", "quality", "marts"))
        # A run in a copy of a project writes where the copy lies, whatever becomes of the run.
        meta["meta.properties"] = [it for it in meta["meta.properties"] if it[0] != "project_dir"]
        return stored | {f"meta.{name}": meta[f"meta.{name}"] for name in vouching}


@dataclass(frozen=True)
class MadeOnce:
    """Projects that take seconds to make, which the processes of a parallel run share."""

    folder: Path

    def __call__(self, name: str, make: Callable[[Path], object]) -> Path:
        """The folder of a project, which the first who asks for it makes."""
        root, lock = self.folder / name, self.folder / f"{name}.lock"
        with lock.open("a+") as made:
            fcntl.flock(made, fcntl.LOCK_EX)
            made.seek(0)
            if not made.read():
                # Whoever began before was killed over it.
                shutil.rmtree(root, ignore_errors=True)
                make(root)
                made.write("made")
        return root


def new_project(root: Path) -> Workspace:
    made = Workspace(root)
    made.root.mkdir()
    for name in ("catalog.yaml", "luigi.cfg", "luigid.cfg"):
        shutil.copy(ROOT / name, made.root / name)
    # Its three employees make no group of the default size.
    made.replace("luigi.cfg", "data_dir = data/sample", "data_dir = data\nmin_group_size = 1")
    # Two of its five charges are quarantined, and it is healthy nevertheless.
    charges = "    description: Card transactions, in one file or in several.\n"
    made.replace("catalog.yaml", charges, f"{charges}    guards: {{min_clean: 50%}}\n")
    for folder in ("sql", "pages"):
        shutil.copytree(ROOT / folder, made.root / folder)
    for source, content in FILES.items():
        made.write(f"data/{source}.csv", content)
    for file, content in _other_files().items():
        made.write(file, content)
    # A run would find out the same, in most of a second.
    made.write("data/.warehouse.models.json", remembered())
    return made


@cache
def _other_files() -> dict[str, str]:
    """For every other source that the catalog declares, a file with one record."""
    sources = load_catalog(ROOT / "catalog.yaml").sources
    return {
        source.filepath.replace("*", ""): f"{','.join(source.columns)}\n"
        f"{','.join('1' for _ in source.columns)}\n"
        for name, source in sources.items()
        if name not in FILES
    }


def _build(task: str) -> bool:
    from benepass_tasks.pipeline import tasks  # noqa: PLC0415 - after the settings

    layer, _, name = task.rpartition(".")
    wanted = tasks.table_task(task)() if layer else getattr(tasks, name)()
    return bool(luigi.build([wanted], local_scheduler=True, log_level="WARNING"))


# Where a run is killed: before a call of ours that changes something, counted over the run.
KILLER = """
import os, sys
from benepass_tasks.engine import session
from benepass_tasks.ingestion import dlt_pipeline
from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient
from sqlalchemy import Connection, Engine, event

moment = sys.argv.pop(1)
remaining = int(moment) if moment.isdigit() else sys.maxsize
commits = int(moment.removeprefix("commit ")) if moment.startswith("commit ") else sys.maxsize

@event.listens_for(Engine, "commit")
def counted_commit(_):
    global commits
    commits -= 1
    if commits < 0:
        os.kill(os.getpid(), 9)

def counted(function):
    def killed_at_last(*args, **kwargs):
        global remaining
        remaining -= 1
        if remaining < 0:
            os.kill(os.getpid(), 9)
        return function(*args, **kwargs)
    return killed_at_last

Connection.exec_driver_sql = counted(Connection.exec_driver_sql)
Connection.execute = counted(Connection.execute)
DuckDbSqlClient.execute_query = counted(DuckDbSqlClient.execute_query)
dlt_pipeline.dlt.Pipeline.extract = counted(dlt_pipeline.dlt.Pipeline.extract)
dlt_pipeline.dlt.Pipeline.normalize = counted(dlt_pipeline.dlt.Pipeline.normalize)
load = counted(dlt_pipeline.dlt.Pipeline.load)

def load_and_die(*args, **kwargs):
    load(*args, **kwargs)
    if moment == "loaded":
        os.kill(os.getpid(), 9)

dlt_pipeline.dlt.Pipeline.load = load_and_die

from luigi.cmdline import luigi_run
luigi_run()
"""
