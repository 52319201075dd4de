"""Publishing: files are written aside, checked, and take their places only then.

Everything is written into a private folder below the published one, so on the same file system,
and each file takes its place in one step: whoever opens it finds the one before or the new one,
whole, and whoever has it open keeps what he has. What is for one audience takes its place only when
what is for all of them is written and checked.
"""

import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import starmap
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
from benepass_tasks.publish.public_files import make_readable, put_in_place, taking_turns
from benepass_tasks.publish.suppression import find_withheld
from benepass_tasks.publish.targets import Filling, target_of
from benepass_tasks.state.markers import now
from benepass_tasks.state.ownership import MARK
from benepass_tasks.state.publication import (
    ASIDE,
    DATABASE,
    PARQUET,
    WRITTEN,
    Publication,
    PublishedTable,
    file_state,
    published_files,
)

READABLE_FROM = "v1.4.0"
"""The oldest DuckDB that opens the published database; a newer one has a format of its own."""

SECRETS = "published_secrets"
"""The temporary table of the values that must not be published."""

SECRET = {"EMAIL_ADDRESS": r"[\pL\pN].*@."}
"""What a value looks like that must not be published, by kind; of another kind, any value does.

An address that is only `n/a`, or that came in masked, gives nobody away.
"""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be published for an audience.

    Attributes:
        publication: All that it gets.
        stale: The names of the files and of other parts that do not hold what they should.
    """

    publication: Publication
    stale: Sequence[str]

    @property
    def files(self) -> Sequence[str]:
        """The files that do not."""
        return [it for it in self.stale if it in self.publication.files]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What is for an audience, as it was written aside.

    Attributes:
        order: What that is.
        rows: The rows of each file that holds one table.
        fillings: What is elsewhere, with all that is new in transactions that go on.
    """

    order: Order
    rows: Mapping[str, int]
    fillings: Sequence[Filling]

    def put_in_place(self) -> dict[str, Measure]:
        publication, stale = self.order.publication, self.order.files
        found = {}
        if publication.folder is not None:
            folder = publication.folder
            with _failures_explained(str(folder)):
                _swap(folder, stale, publication.audience.access)
                _remove_others(folder, publication.files)
                found = {it: Measure(self.rows.get(it), file_state(folder / it)) for it in stale}
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
            rows = _write(run, aside, publication, order.files, run_id)
            with _attached(run, aside / DATABASE, "read_only"):
                fillings = list(_filled(stack, run, aside, order, run_id))
    return _Prepared(order, rows, fillings)


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


def _write(
    run: Run, aside: Path, publication: Publication, stale: Sequence[str], run_id: str
) -> dict[str, int]:
    """Write and check the database, and Parquet files from it; the rows of each of these."""
    tables = publication.tables.values()
    for grouped in publication.grouped:
        find_withheld(run, grouped, ALIAS)
    with _attached(run, aside / DATABASE, f"storage_version '{READABLE_FROM}'"):
        for table in tables:
            _write_table(run, table)
        run(f"checkpoint {WRITTEN}")
    with _attached(run, aside / DATABASE, "read_only"):
        rows = {table.file: _check_table(run, table) for table in tables}
        _check_secrets(run, publication)
        for table in tables:
            if table.file in stale:
                _write_parquet(run, aside / table.file, table, rows[table.file], run_id)
    return rows


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


def _check_table(run: Run, table: PublishedTable) -> int:
    """Compare a written table with the declaration and with the warehouse; its number of rows."""
    written = table.written
    _check_columns(run, table, written)
    found = quote_name(ALIAS, table.table.layer, table.table.name)
    rows, expected = run(
        f"select (select count(*) from {written}), (select count(*) from {found})"  # noqa: S608
    )[0]
    _check_rows(table, rows, expected)
    return int(rows)


def _check_columns(run: Run, table: PublishedTable, written: str) -> None:
    found = [(name, kind) for name, kind, *_ in run(f"describe from {written}")]
    declared = [(column.name, column.type) for column in table.columns]
    for (name, kind), (_, expected) in zip(found, declared, strict=False):
        if kind != expected:
            raise PublicationError(
                f"{table.relation}.{name} is {kind}, and catalog.yaml declares {expected}: "
                "change one of them. Nothing was published"
            )
    if found != declared:
        raise PublicationError(f"{table.relation} would not be published as catalog.yaml declares")


def _check_rows(table: PublishedTable, rows: int, expected: int) -> None:
    if rows != expected:
        raise PublicationError(
            f"{table.relation}: the warehouse has {expected:,} rows, and {rows:,} were written. "
            "Nothing was published"
        )


def _check_secrets(run: Run, publication: Publication) -> None:
    """Look for raw identifiers in every text that is to be published.

    Raises:
        PublicationError: some are there; the message has their columns and numbers, no value.
    """
    if not publication.secrets:
        return
    secrets = "\nunion ".join(starmap(_secret_values, publication.secrets))
    run(f"create or replace temp table {SECRETS} as {secrets}")
    try:
        found = [
            row for table in publication.tables.values() for row in run(_search(table)) if row[-1]
        ]
    finally:
        run(f"drop table temp.{SECRETS}")
    if found:
        raise PublicationError(
            "personal data would be published as the files have it: "
            + "; ".join(f"{column} has {kind} in {rows:,} rows" for column, kind, rows in found)
            + ". Nothing was published: mask it in the SQL, or correct the files"
        )


def _secret_values(relation: str, column: str, kind: str) -> str:
    layer, _, name = relation.partition(".")
    value = f"lower(trim({quote_name(column)}))"
    pattern = quote_text(SECRET.get(kind, "."))
    return (
        f"select {quote_text(kind)} as kind, {value} as value "  # noqa: S608
        f"from {quote_name(ALIAS, layer, name)} where regexp_matches({value}, {pattern})"
    )


def _search(table: PublishedTable) -> str:
    """SQL that counts the rows of each text column that has a secret value."""
    searches = []
    for column in table.columns:
        name = quote_name(column.name)
        if column.type.startswith("VARCHAR"):
            value = f"unnest({name})" if column.type.endswith("[]") else name
            searches.append(
                f"select {quote_text(f'{table.relation}.{column.name}')}, kind, count(*) "  # noqa: S608
                f"from (select {value} as text from {table.written}) "
                f"join temp.{SECRETS} on lower(trim(text)) = value group by kind"
            )
    return "\nunion all ".join(searches) or "select 0 limit 0"


def _write_parquet(run: Run, path: Path, table: PublishedTable, rows: int, run_id: str) -> None:
    about = {"relation": table.relation, "run_id": run_id, "published_at": now().isoformat()}
    pairs = ", ".join(f"{key}: {quote_text(value)}" for key, value in about.items())
    file = quote_text(str(path))
    run(
        f"copy (from {table.written}) to {file} "
        f"(format parquet, compression zstd, kv_metadata {{{pairs}}})"
    )
    _check_columns(run, table, f"read_parquet({file})")
    _check_rows(table, run(f"select count(*) from read_parquet({file})")[0][0], rows)  # noqa: S608


def _swap(folder: Path, files: Sequence[str], access: Access) -> None:
    if DATABASE in files:
        # What a client wrote into the old file must not be taken for a part of the new one.
        (folder / f"{DATABASE}.wal").unlink(missing_ok=True)
    put_in_place(folder / ASIDE, folder, files, access)


def _remove_others(folder: Path, files: Collection[str]) -> None:
    """Remove what is published no longer."""
    for file in published_files(folder).keys() - {*files, ASIDE}:
        (folder / file).unlink(missing_ok=True)
    if (folder / PARQUET).is_dir():
        sync(folder / PARQUET)
