"""Publishing: files are written aside, checked, and take their places only then.

Everything is written into a private folder below the published one, so on the same file system,
and each file takes its place in one step: whoever opens it finds the one before or the new one,
whole, and whoever has it open keeps what he has.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import starmap
from pathlib import Path

import duckdb
from sqlalchemy.exc import DBAPIError

from benepass_tasks.config.errors import PublicationError
from benepass_tasks.engine.failures import explain
from benepass_tasks.engine.measure import Measure
from benepass_tasks.engine.quoting import quote_name, quote_text
from benepass_tasks.engine.session import ALIAS, Run, Warehouse
from benepass_tasks.publish.public_files import make_public, put_in_place, sync, taking_turns
from benepass_tasks.publish.suppression import find_withheld
from benepass_tasks.state.markers import now
from benepass_tasks.state.publication import (
    ASIDE,
    DATABASE,
    PARQUET,
    Publication,
    PublishedTable,
    file_state,
    published_files,
)

WRITTEN = "published_aside"
"""The name under which the published database is attached."""

READABLE_FROM = "v1.4.0"
"""The oldest DuckDB that opens the published database; a newer one has a format of its own."""

SECRETS = "published_secrets"
"""The temporary table of the values that must not be published."""

SECRET = {"EMAIL_ADDRESS": r"[\pL\pN].*@."}
"""What a value looks like that must not be published, by kind; of another kind, any value does.

An address that is only `n/a`, or that came in masked, gives nobody away.
"""


def publish(
    warehouse: Warehouse,
    folder: Path,
    publication: Publication,
    stale: Sequence[str],
    run_id: str,
) -> dict[str, Measure]:
    """Write what analysts get, check it and put it in its place.

    Files that hold what they should already are left as they are.

    Args:
        warehouse: Where everything was built.
        folder: Where the files are published.
        publication: What is published.
        stale: The files that do not hold what they should.
        run_id: The run that publishes, which each Parquet file names.

    Returns:
        The rows and the state of each file that was written.

    Raises:
        PublicationError: the warehouse does not have what the catalog declares, a value that must
            not be published would be, or the folder cannot be written.
    """
    aside = folder / ASIDE
    with _failures_explained(folder), taking_turns(folder):
        _make_folders(folder)
        try:
            rows = _write(warehouse, aside, publication, stale, run_id)
            _swap(aside, folder, stale)
            _remove_others(folder, publication)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        return {file: Measure(rows.get(file), file_state(folder / file)) for file in stale}


@contextmanager
def _failures_explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PublicationError(
            f"{folder} cannot be written: {error.strerror}: {error.filename}; what was published "
            "before is still there. --benepass-published-dir names another folder"
        ) from error
    except (DBAPIError, duckdb.Error) as error:
        # Without the cause: its text may quote a value of the data.
        raise PublicationError(f"publishing in {folder} failed: {explain(error)}") from None


def _make_folders(folder: Path) -> None:
    shutil.rmtree(folder / ASIDE, ignore_errors=True)
    make_public(folder / PARQUET)
    (folder / ASIDE).mkdir(mode=0o700)
    (folder / ASIDE / PARQUET).mkdir(mode=0o700)


def _write(
    warehouse: Warehouse,
    aside: Path,
    publication: Publication,
    stale: Sequence[str],
    run_id: str,
) -> dict[str, int]:
    """Write and check the database, and Parquet files from it; the rows of each of these."""
    tables = publication.tables.values()
    with warehouse.copying() as run:
        for table in tables:
            if table.has_groups:
                find_withheld(run, table, ALIAS)
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
    target = _written(table)
    run(f"create schema if not exists {quote_name(WRITTEN, table.table.layer)}")
    run(f"create table {target} as\n{table.select(ALIAS)}")
    run(f"comment on table {target} is {quote_text(table.comment)}")
    for column, comment in table.comments.items():
        run(f"comment on column {target}.{quote_name(column)} is {quote_text(comment)}")


def _check_table(run: Run, table: PublishedTable) -> int:
    """Compare a written table with the declaration and with the warehouse; its number of rows."""
    written = _written(table)
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
                f"from (select {value} as text from {_written(table)}) "
                f"join temp.{SECRETS} on lower(trim(text)) = value group by kind"
            )
    return "\nunion all ".join(searches) or "select 0 limit 0"


def _write_parquet(run: Run, path: Path, table: PublishedTable, rows: int, run_id: str) -> None:
    about = {"relation": table.relation, "run_id": run_id, "published_at": now().isoformat()}
    pairs = ", ".join(f"{key}: {quote_text(value)}" for key, value in about.items())
    file = quote_text(str(path))
    run(
        f"copy (from {_written(table)}) to {file} "
        f"(format parquet, compression zstd, kv_metadata {{{pairs}}})"
    )
    _check_columns(run, table, f"read_parquet({file})")
    _check_rows(table, run(f"select count(*) from read_parquet({file})")[0][0], rows)  # noqa: S608


def _swap(aside: Path, folder: Path, files: Sequence[str]) -> None:
    if DATABASE in files:
        # What a client wrote into the old file must not be taken for a part of the new one.
        (folder / f"{DATABASE}.wal").unlink(missing_ok=True)
    put_in_place(aside, folder, files)


def _remove_others(folder: Path, publication: Publication) -> None:
    """Remove what is published no longer."""
    for file in published_files(folder).keys() - {*publication.files, ASIDE}:
        (folder / file).unlink(missing_ok=True)
    sync(folder / PARQUET)


def _written(table: PublishedTable) -> str:
    return quote_name(WRITTEN, table.table.layer, table.table.name)
