"""Publishing: files are written aside, checked, and take their places only then.

Everything is written into a private folder below the published one, so on the same file system,
and each file takes its place in one step: whoever opens it finds the one before or the new one,
whole, and whoever has it open keeps what he has. What is for one audience takes its place only when
what is for all of them is written and checked.
"""

import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
from sqlalchemy.exc import DBAPIError

from benepass_tasks.catalog.audiences import Access
from benepass_tasks.config.errors import PublicationError
from benepass_tasks.engine.disk import sync
from benepass_tasks.engine.failures import explain
from benepass_tasks.engine.measure import Measure
from benepass_tasks.engine.quoting import quote_name, quote_text
from benepass_tasks.engine.session import ALIAS, Run, Warehouse
from benepass_tasks.publish.checks import check_secrets, check_table
from benepass_tasks.publish.parquet_files import ParquetFiles, WrittenTable
from benepass_tasks.publish.public_files import make_readable, put_in_place, taking_turns
from benepass_tasks.publish.suppression import find_withheld
from benepass_tasks.publish.targets import Filling, target_of
from benepass_tasks.state.ownership import MARK
from benepass_tasks.state.publication import (
    ASIDE,
    DATABASE,
    PARQUET,
    SUFFIX,
    WRITTEN,
    Publication,
    PublishedTable,
    file_state,
    published_files,
)

READABLE_FROM = "v1.4.0"
"""The oldest DuckDB that opens the published database; a newer one has a format of its own."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be published for an audience.

    Attributes:
        publication: All that it gets.
        stale: The names of the files and of other parts that do not hold what they should.
        left: The states that files were left in, by name, as far as that is known.
    """

    publication: Publication
    stale: Sequence[str]
    left: Mapping[str, str] = field(default_factory=dict)

    @property
    def files(self) -> Sequence[str]:
        """The files that do not."""
        return [it for it in self.stale if it in self.publication.files]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What is for an audience, as it was written aside.

    Attributes:
        order: What that is.
        tables: What is new of the tables as Parquet.
        fillings: What is elsewhere, with all that is new in transactions that go on.
    """

    order: Order
    tables: Sequence[WrittenTable]
    fillings: Sequence[Filling]

    def put_in_place(self) -> dict[str, Measure]:
        publication, found = self.order.publication, dict[str, Measure]()
        if publication.folder is not None:
            folder = publication.folder
            database = [DATABASE] if DATABASE in self.order.files else []
            with _failures_explained(str(folder)):
                tables = [path for it in self.tables for path in it.moved(folder)]
                _swap(folder, [*database, *tables], publication.audience.access)
                _remove_others(folder, publication.files)
                found = {it: Measure(None, file_state(folder / it)) for it in database}
                for it in self.tables:
                    it.remove_others(folder)
                    found[it.table.file] = Measure(it.rows, it.state(folder))
        for filling in self.fillings:
            found |= {name: Measure(None, state) for name, state in filling.commit().items()}
        return found


def publish(
    warehouse: Warehouse, orders: Sequence[Order], macros: Sequence[str], run_id: str
) -> list[dict[str, Measure]]:
    """Write what audiences get, check all of it, and put it in its places.

    Files that hold what they should already are left as they are.

    Args:
        warehouse: Where everything was built.
        orders: What is to be published.
        macros: The SQL of the macros that values pass, each after those that it calls.
        run_id: The run that publishes, which each Parquet file names.

    Returns:
        For each order the rows and the state of each file that was written, and of other parts.

    Raises:
        PublicationError: the warehouse does not have what the catalog declares, a value that must
            not be published would be, or a folder or a database cannot be written.
    """
    with ExitStack() as stack:
        prepared = [_prepared(stack, warehouse, it, macros, run_id) for it in orders]
        return [it.put_in_place() for it in prepared]


def _prepared(
    stack: ExitStack, warehouse: Warehouse, order: Order, macros: Sequence[str], run_id: str
) -> _Prepared:
    """Write aside what is for an audience; what is aside goes when the stack is closed."""
    publication = order.publication
    audience, folder = publication.audience, publication.folder
    place = str(folder) if folder else f"the place of audience {audience.name}"
    with _failures_explained(place):
        if folder is None:
            aside = stack.enter_context(_private(warehouse.working_dir / audience.name))
        else:
            stack.enter_context(taking_turns(folder, audience.access))
            make_readable(folder / PARQUET, audience.access)
            aside = stack.enter_context(_private(folder / ASIDE))
        with warehouse.copying() as run, _calling(run, macros):
            tables = _write(run, aside, order, run_id)
            with _attached(run, aside / DATABASE, "read_only"):
                fillings = list(_filled(stack, run, aside, order, run_id))
    return _Prepared(order, tables, fillings)


def _filled(
    stack: ExitStack, run: Run, aside: Path, order: Order, run_id: str
) -> Iterator[Filling]:
    """Put what is elsewhere into its places; what is not committed goes with the stack."""
    for place, parts in order.publication.parts_by_place.items():
        stale = [it for it in parts if it.name in order.stale]
        if stale:
            target = target_of(place, [it.name for it in stale])
            filling = stack.enter_context(target.filling(order.publication, run_id, aside))
            for part in stale:
                filling.fill(run, part)
            yield filling


@contextmanager
def _private(aside: Path) -> Iterator[Path]:
    """A folder for what is written aside; what a killed run left there goes first."""
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(mode=0o700, parents=True)
    (aside / PARQUET).mkdir(mode=0o700)
    try:
        yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def _calling(run: Run, macros: Sequence[str]) -> Iterator[None]:
    """A session that can call macros, which are in no file: the warehouse is only read."""
    run("use memory")
    try:
        for sql in macros:
            run(sql)
        yield
    finally:
        run(f"use {ALIAS}")


def retire(folder: Path) -> None:
    """Remove what was published for an audience that has its files elsewhere now, or none.

    Raises:
        PublicationError: the folder cannot be written.
    """
    if not folder.is_dir():
        return
    with _failures_explained(str(folder)), taking_turns(folder):
        shutil.rmtree(folder / ASIDE, ignore_errors=True)
        _remove_others(folder, ())
        (folder / MARK).unlink(missing_ok=True)
        for path in (folder / PARQUET, folder):
            # Somebody else may have a file there.
            with suppress(OSError):
                path.rmdir()


@contextmanager
def _failures_explained(place: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PublicationError(
            f"{place} cannot be written: {error.strerror}: {error.filename}; what was published "
            "before is still there. --benepass-published-dir names another folder"
        ) from error
    except (DBAPIError, duckdb.Error) as error:
        # Without the cause: its text may quote a value of the data.
        raise PublicationError(f"publishing in {place} failed: {explain(error)}") from None


def _write(run: Run, aside: Path, order: Order, run_id: str) -> Sequence[WrittenTable]:
    """Write and check the database, and from it the Parquet files that are stale."""
    publication, tables = order.publication, order.publication.tables.values()
    for grouped in publication.grouped:
        find_withheld(run, grouped, ALIAS)
    with _attached(run, aside / DATABASE, f"storage_version '{READABLE_FROM}'"):
        for table in tables:
            _write_table(run, table)
        run(f"checkpoint {WRITTEN}")
    with _attached(run, aside / DATABASE, "read_only"):
        rows = {table.file: check_table(run, table) for table in tables}
        check_secrets(run, publication)
        if publication.folder is None:
            return ()
        files = ParquetFiles(run, aside, publication.folder, publication.files, order.left, run_id)
        return [files.write(it, rows[it.file]) for it in tables if it.file in order.files]


@contextmanager
def _attached(run: Run, path: Path, options: str) -> Iterator[None]:
    run(f"attach {quote_text(str(path))} as {WRITTEN} ({options})")
    try:
        yield
    finally:
        run(f"detach {WRITTEN}")


def _write_table(run: Run, table: PublishedTable) -> None:
    target = table.written
    run(f"create schema if not exists {quote_name(WRITTEN, table.table.layer)}")
    run(f"create table {target} as\n{table.select(ALIAS)}")
    run(f"comment on table {target} is {quote_text(table.comment)}")
    for column, comment in table.comments.items():
        run(f"comment on column {target}.{quote_name(column)} is {quote_text(comment)}")


def _swap(folder: Path, files: Sequence[str], access: Access) -> None:
    if DATABASE in files:
        # What a client wrote into the old file must not be taken for a part of the new one.
        (folder / f"{DATABASE}.wal").unlink(missing_ok=True)
    put_in_place(folder / ASIDE, folder, files, access)


def _remove_others(folder: Path, files: Collection[str]) -> None:
    """Remove what is published no longer."""
    for file in published_files(folder).keys() - {*files, ASIDE}:
        (folder / file).unlink(missing_ok=True)
        months = folder / file.removesuffix(SUFFIX)
        if months.is_dir():
            shutil.rmtree(months)
    if (folder / PARQUET).is_dir():
        sync(folder / PARQUET)
