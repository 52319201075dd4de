"""Tables of an Iceberg catalog for an audience: each version of a table is a snapshot of it.

Where the catalog is and who may write there, pyiceberg's own configuration says, so that no setting
holds a secret. The files of a version are in the lake before the snapshot that names them is
committed, in one step a table: a reader sees the table before or the new one. A snapshot says which
run made it of which rows; where another one is the last, somebody else has written it, and the
table is written anew.
"""

import re
import shutil
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import pyarrow as pa
from pyarrow.fs import FileSelector, FileSystem
from pyiceberg import exceptions
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.io.pyarrow import PyArrowFileIO, parquet_files_to_data_files
from pyiceberg.schema import Schema, promote
from pyiceberg.table import Table, Transaction
from pyiceberg.transforms import MonthTransform
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    IcebergType,
    IntegerType,
    ListType,
    LongType,
    NestedField,
    StringType,
    TimestampType,
    TimestamptzType,
    UUIDType,
)
from pyiceberg.utils.config import Config
from sqlalchemy.exc import SQLAlchemyError

from benepass_tasks.catalog.audiences import IcebergPlace
from benepass_tasks.catalog.wording import printable
from benepass_tasks.config.digests import digest
from benepass_tasks.config.errors import PublicationError
from benepass_tasks.engine.quoting import quote_name, quote_text
from benepass_tasks.engine.searching import parquet_texts
from benepass_tasks.engine.session import Run
from benepass_tasks.publish.pieces import Piece, month_column, pieces_of
from benepass_tasks.publish.public_files import make_readable
from benepass_tasks.state.publication import Part, Publication, PublishedTable

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile

UNFINISHED: Final = timedelta(days=1)
"""How long a file that no snapshot names may be of somebody who is still writing."""

BLOCK: Final = 1 << 20
"""Bytes that are copied at once."""

AUDIENCE: Final = "benepass-tasks.audience"
ENVIRONMENT: Final = "benepass-tasks.environment"
"""The properties of a table that say whose it is."""

RELATION: Final = "benepass-tasks.table"
RUN: Final = "benepass-tasks.run"
DECLARATION: Final = "benepass-tasks.declaration"
ROWS: Final = "benepass-tasks.rows"
"""The properties of a snapshot: its table, its run, and digests of the declaration and the rows."""

PROPERTIES: Final = {
    # What another process has written in between stays.
    "commit.retry.num-retries": "0",
    # What somebody else writes into a manifest can be searched.
    "write.avro.compression-codec": "null",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "1",
}

CATALOG: Final[Mapping[str, Any]] = {
    "py-io-impl": f"{PyArrowFileIO.__module__}.{PyArrowFileIO.__name__}",
    # Asked again after an answer that was lost, Glue would say that somebody else had committed,
    # and pyiceberg would remove the files of a snapshot that is there.
    "glue.max-retries": 0,
}
"""What holds of each catalog, whatever is configured."""

_TYPES: Final[Mapping[str, IcebergType]] = {
    "VARCHAR": StringType(),
    "BIGINT": LongType(),
    "INTEGER": IntegerType(),
    "DOUBLE": DoubleType(),
    "BOOLEAN": BooleanType(),
    "DATE": DateType(),
    "TIMESTAMP": TimestampType(),
    "TIMESTAMP WITH TIME ZONE": TimestamptzType(),
    "BLOB": BinaryType(),
    "UUID": UUIDType(),
}


def _failures_of_aws() -> tuple[type[Exception], ...]:
    """What boto3 raises, which asks Glue and signs what REST is asked; none where it is missing."""
    try:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - of an extra
    except ModuleNotFoundError:
        return ()
    return BotoCoreError, ClientError


_FAILURES: Final = (
    ImportError,
    OSError,
    ValueError,
    SQLAlchemyError,
    pa.ArrowException,
    *_failures_of_aws(),
    *(it for it in vars(exceptions).values() if isinstance(it, type) and issubclass(it, Exception)),
)
"""What pyiceberg and those whom it asks raise; its own errors have no common base."""

_SECRET: Final = re.compile("secret|token|credential|password|key")


@dataclass(frozen=True, slots=True)
class _Staged:
    """A part that can be committed.

    Attributes:
        part: The part.
        table: Its table, as it was found.
        transaction: What is to be done; None where the table holds what it should.
        written: Where the files are that no snapshot names yet.
    """

    part: Part
    table: Table
    transaction: Transaction | None = None
    written: Sequence[str] = ()


class Lake:
    """A namespace of which some tables are being filled."""

    def __init__(
        self,
        catalog: Catalog,
        place: IcebergPlace,
        publication: Publication,
        run_id: str,
        aside: Path,
    ) -> None:
        """Take the catalog, and nothing yet of what is there."""
        self._catalog, self._place, self._publication = catalog, place, publication
        self._run_id, self._aside = run_id, aside
        self._staged = list[_Staged]()

    def fill(self, run: Run, part: Part) -> None:
        """As `Filling.fill`."""
        with _told(self._place):
            self._staged.append(self._stage(run, part))

    def commit(self) -> Mapping[str, str]:
        """As `Filling.commit`: one table after the other, each in one step."""
        states = {}
        with _told(self._place):
            while self._staged:
                it = self._staged.pop(0)
                if it.transaction is not None:
                    it.transaction.commit_transaction()
                _tidy(it.table, self._publication.keep_snapshots)
                states[it.part.name] = _state_of(it.table)
        return states

    def abandon(self) -> None:
        """Remove the files of what nobody has begun to commit."""
        for it in self._staged:
            for location in it.written:
                it.table.io.delete(location)

    def _stage(self, run: Run, part: Part) -> _Staged:
        """Write what the table does not have yet, beside what it has."""
        (table,) = part.tables
        found = self._taken(table)
        is_in_months = any(of == "month" for _, of in _partition_of(found.transaction()))
        month = month_column(run, table, is_in_months=is_in_months)
        pieces = {it.rows: it for it in pieces_of(run, table, month) if it.count}
        transaction = found.transaction()
        is_ours = not _reshape(transaction, table, month)
        is_ours &= _said(found, DECLARATION) == part.code_version
        says = {RELATION: table.relation, RUN: self._run_id}
        says |= {DECLARATION: part.code_version, ROWS: digest(*pieces)}
        if is_ours and _said(found, ROWS) == says[ROWS]:
            return _Staged(part, found)
        there = [it.file for it in found.scan().plan_files()]
        kept = {_rows_of(it): it for it in there if is_ours and _rows_of(it) in pieces}
        schema, missing = transaction.table_metadata.schema(), pieces.keys() - kept.keys()
        written = [self._write(run, found, schema, pieces[it]) for it in sorted(missing)]
        added = _as_data_files(found, transaction, written)
        _check_rows(table, [*kept.values(), *added], pieces.values())
        with transaction.update_snapshot(says).overwrite() as snapshot:
            for file in (it for it in there if it not in kept.values()):
                snapshot.delete_data_file(file)
            for file in added:
                snapshot.append_data_file(file)
        return _Staged(part, found, transaction, written)

    def _taken(self, table: PublishedTable) -> Table:
        """The table as it is there, which is made if need be.

        Raises:
            PublicationError: it is somebody else's.
        """
        audience, env = self._publication.audience, self._publication.env
        name, owner = (self._place.namespace, table.table.name), {AUDIENCE: audience.name}
        owner |= {ENVIRONMENT: env} if env else {}
        try:
            found = self._catalog.load_table(name)
        except exceptions.NoSuchTableError:
            self._catalog.create_namespace_if_not_exists(self._place.namespace)
            schema = Schema(*_fields(table))
            found = self._catalog.create_table(name, schema, properties=PROPERTIES | owner)
        if _owner_of(found) != owner:
            raise PublicationError(
                f"{self._place.catalog}: table {'.'.join(name)} is there and is not that of this "
                "audience and environment, and nothing of it was touched: name another namespace, "
                "or drop it"
            )
        scheme, _, path = PyArrowFileIO.parse_location(found.location())
        if scheme == "file":
            make_readable(Path(path), audience.access)
        return found

    def _write(self, run: Run, found: Table, schema: Schema, piece: Piece) -> str:
        """Write rows into a file of the table; where it is."""
        local = self._aside / f"{piece.rows}.parquet"
        run(
            f"copy (from {piece.source}) to {quote_text(str(local))} "
            f"(format parquet, compression zstd, field_ids {{{_field_ids(schema)}}})"
        )
        name = f"{piece.rows}-{uuid.uuid4().hex}.parquet"
        location = found.location_provider().new_data_location(name)
        with local.open("rb") as file, found.io.new_output(location).create() as there:
            shutil.copyfileobj(file, there, BLOCK)
        local.unlink()
        return location


@dataclass(frozen=True)
class IcebergTarget:
    """Tables of a namespace, given by their names among what is published."""

    place: IcebergPlace
    parts: Collection[str]

    def states(self) -> Mapping[str, str] | None:
        """As `Target.states`."""
        try:
            with _told(self.place), self._opened({"init_catalog_tables": "false"}) as catalog:
                return {name: _state_of(it) for name, it in self._tables(catalog)}
        except PublicationError:
            return None

    @contextmanager
    def filling(self, publication: Publication, run_id: str, aside: Path) -> Iterator[Lake]:
        """As `Target.filling`."""
        with _told(self.place):
            catalog = self._opened()
        with catalog:
            lake = Lake(catalog, self.place, publication, run_id, aside)
            try:
                yield lake
            finally:
                with _told(self.place):
                    lake.abandon()

    def drop(self) -> None:
        """As `Target.drop`: rows first, so that a killed run leaves none that no table names."""
        with _told(self.place), self._opened() as catalog:
            for _, table in self._tables(catalog):
                _sweep(table, {table.metadata_location}, timedelta(0))
                catalog.drop_table(table.name())
                _sweep(table, set(), timedelta(0))

    def forget_past(self) -> None:
        """As `Target.forget_past`."""
        with _told(self.place), self._opened() as catalog:
            for _, table in self._tables(catalog):
                _tidy(table, 1, timedelta(0))

    def texts(self) -> Iterator[tuple[str, bytes]]:
        """As `Target.texts`, of all files at the places of the tables, whether used or not."""
        with _told(self.place), self._opened() as catalog:
            for name, table in self._tables(catalog):
                where = (
                    f"{self.place.catalog}: table {self.place.namespace}.{name.rpartition('/')[2]}"
                )
                storage, files = _files_at(table)
                for path, _ in files:
                    with storage.open_input_file(path) as file:
                        texts = parquet_texts(file) if path.endswith(".parquet") else [file.read()]
                        yield from ((where, text) for text in texts)

    def _opened(self, properties: Mapping[str, str] = MappingProxyType({})) -> Catalog:
        config = Config().get_catalog_config(self.place.catalog)
        if config is None:
            variable = self.place.catalog.upper().replace("-", "_")
            raise PublicationError(
                f"the Iceberg catalog {self.place.catalog} is not configured: export "
                f"PYICEBERG_CATALOG__{variable}__URI and what else pyiceberg needs to know of it, "
                "or write it into .pyiceberg.yaml"
            )
        said = {key: str(value) for key, value in config.items()}
        return load_catalog(self.place.catalog, **{**said, **properties, **CATALOG})

    def _tables(self, catalog: Catalog) -> Iterator[tuple[str, Table]]:
        """The tables that are there and ours, each with the name of its part."""
        for name in self.parts:
            try:
                table = catalog.load_table((self.place.namespace, name.rpartition("/")[2]))
            except exceptions.NoSuchTableError:
                continue
            if _owner_of(table):
                yield name, table


def _owner_of(table: Table) -> dict[str, str]:
    """What a table says of whose it is; nothing where it is somebody else's."""
    return {it: table.properties[it] for it in (AUDIENCE, ENVIRONMENT) if it in table.properties}


def _state_of(table: Table) -> str:
    """What changes with whatever anybody does to a table."""
    head = table.metadata.current_snapshot_id
    return f"{table.metadata.table_uuid} {head} {table.metadata.current_schema_id}"


def _said(table: Table, key: str) -> str | None:
    """What the current snapshot of a table says of itself."""
    head = table.current_snapshot()
    return head.summary[key] if head and head.summary else None


def _rows_of(file: "DataFile") -> str:
    """The digest of the rows of a file, if it is one of ours."""
    return file.file_path.rpartition("/")[2].partition("-")[0]


def _fields(table: PublishedTable) -> list[NestedField]:
    """The columns of a table, with numbers that are not yet those of the catalog."""
    comments, many = table.comments, len(table.columns)
    return [
        NestedField(
            at, it.name, _type_of(it.type, many + at), required=False, doc=comments[it.name]
        )
        for at, it in enumerate(table.columns, 1)
    ]


def _type_of(type_: str, element_id: int) -> IcebergType:
    item = type_.removesuffix("[]")
    if item != type_:
        return ListType(element_id, _type_of(item, 0), element_required=False)
    if item.startswith("DECIMAL"):
        precision, scale = map(int, item[len("DECIMAL(") : -1].split(","))
        return DecimalType(precision, scale)
    return _TYPES[item]


def _field_ids(schema: Schema) -> str:
    """The numbers of the columns of a table, as DuckDB writes them into a file."""
    return ", ".join(f"{quote_name(it.name)}: {_field_id(it)}" for it in schema.fields)


def _field_id(field: NestedField) -> str:
    if isinstance(field.field_type, ListType):
        return f"{{__duckdb_field_id: {field.field_id}, element: {field.field_type.element_id}}}"
    return str(field.field_id)


def _partition_of(transaction: Transaction) -> list[tuple[str | None, str]]:
    """How a table is partitioned: columns and what is made of them."""
    schema = transaction.table_metadata.schema()
    fields = transaction.table_metadata.spec().fields
    return [(schema.find_column_name(it.source_id), str(it.transform)) for it in fields]


def _reshape(transaction: Transaction, table: PublishedTable, month: str | None) -> bool:
    """Let a table have the columns and partitions that it should; whether it had others."""
    metadata, wanted = transaction.table_metadata, _fields(table)
    if (
        _described(metadata.schema().fields) == _described(wanted)
        and _partition_of(transaction) == ([(month, "month")] if month else [])
        and metadata.properties.items() >= PROPERTIES.items()
    ):
        return False
    transaction.set_properties(PROPERTIES)
    with transaction.update_spec() as spec:
        for it in metadata.spec().fields:
            spec.remove_field(it.name)
    _rearrange(transaction, wanted)
    if month:
        with transaction.update_spec() as spec:
            spec.add_field(month, MonthTransform(), f"{month}_month")
    return True


def _rearrange(transaction: Transaction, wanted: Sequence[NestedField]) -> None:
    """Let a table have some columns, in their order; one that can go on as before keeps its id."""
    there = {it.name: it for it in transaction.table_metadata.schema().fields}
    kept = {it.name for it in wanted if it.name in there and _becomes(there[it.name], it)}
    # In a step of its own: a column that goes has no place beside one of the same name.
    with transaction.update_schema() as schema:
        for name in there.keys() - kept:
            schema.delete_column((name,))
    with transaction.update_schema() as schema:
        for it in wanted:
            if it.name in kept:
                primitive = it.field_type if it.field_type.is_primitive else None
                schema.update_column((it.name,), primitive, doc=it.doc)
            else:
                schema.add_column((it.name,), it.field_type, it.doc)
        schema.move_first((wanted[0].name,))
        for before, it in pairwise(wanted):
            schema.move_after((it.name,), (before.name,))


def _described(fields: Sequence[NestedField]) -> list[tuple[str, str, str | None, bool]]:
    return [(it.name, str(it.field_type), it.doc, it.required) for it in fields]


def _becomes(there: NestedField, wanted: NestedField) -> bool:
    """Whether a column can go on as another one, with what older snapshots have of it."""
    if there.required or str(there.field_type) == str(wanted.field_type):
        return not there.required
    try:
        return promote(there.field_type, wanted.field_type) == wanted.field_type
    except exceptions.ResolveError:
        return False


def _as_data_files(
    found: Table, transaction: Transaction, written: Sequence[str]
) -> "list[DataFile]":
    """What a snapshot says of files, without the least and greatest values of their columns.

    A snapshot says this of the files that went as well, whose values are to be gone with them.
    """
    files = list(parquet_files_to_data_files(found.io, transaction.table_metadata, iter(written)))
    for it in files:
        it.lower_bounds.clear()
        it.upper_bounds.clear()
    return files


def _check_rows(
    table: PublishedTable, files: Sequence["DataFile"], pieces: Collection[Piece]
) -> None:
    written, rows = sum(it.record_count for it in files), sum(it.count for it in pieces)
    if written != rows:
        raise PublicationError(
            f"{table.relation}: {rows:,} rows are to be published, and {written:,} were written. "
            "Nothing was published"
        )


def _tidy(table: Table, keep: int, unfinished: timedelta = UNFINISHED) -> None:
    """Let go of snapshots that are too many, and of files that none names any more.

    What was made by another declaration goes as well: it may have what is withheld now.
    """
    snapshots = sorted(table.metadata.snapshots, key=lambda it: it.sequence_number or 0)
    declaration = _said(table, DECLARATION)
    kept = [
        it.snapshot_id
        for it in snapshots
        if it.summary and declaration and it.summary[DECLARATION] == declaration
    ][-keep:]
    expired = {it.snapshot_id for it in snapshots} - {*kept, table.metadata.current_snapshot_id}
    before = _named_by(table)
    if expired:
        with table.manage_snapshots() as snapshot:
            for name, it in table.metadata.refs.items():
                if it.snapshot_id in expired:
                    snapshot.remove_branch(name)
        table.maintenance.expire_snapshots().by_ids(sorted(expired)).commit()
    named = _named_by(table)
    for location in before - named:
        with suppress(FileNotFoundError):
            table.io.delete(location)
    _sweep(table, named, unfinished)


def _named_by(table: Table) -> set[str]:
    """All files that a table names, of whatever snapshot."""
    metadata = table.metadata
    found = {table.metadata_location, *(it.metadata_file for it in metadata.metadata_log)}
    found |= {it.statistics_path for it in (*metadata.statistics, *metadata.partition_statistics)}
    for snapshot in metadata.snapshots:
        found.add(snapshot.manifest_list)
        for manifest in snapshot.manifests(table.io):
            entries = manifest.fetch_manifest_entry(table.io)
            found |= {manifest.manifest_path, *(it.data_file.file_path for it in entries)}
    return found


def _sweep(table: Table, named: Collection[str], unfinished: timedelta) -> None:
    """Remove the files at the place of a table that no snapshot names, but for new ones."""
    names = {PyArrowFileIO.parse_location(it)[2] for it in named}
    storage, files = _files_at(table)
    for path, written_at in files:
        if path not in names and datetime.now(UTC) - written_at >= unfinished:
            storage.delete_file(path)


def _files_at(table: Table) -> tuple[FileSystem, list[tuple[str, datetime]]]:
    """All files at the place of a table, with the instant at which they were written."""
    if not isinstance(table.io, PyArrowFileIO):
        raise ValueError(f"table {'.'.join(table.name())} is read by {type(table.io).__name__}")  # noqa: TRY004 - a property of the table says so
    scheme, storage, path = PyArrowFileIO.parse_location(table.location(), table.io.properties)
    files = table.io.fs_by_scheme(scheme, storage)
    found = files.get_file_info(FileSelector(path, allow_not_found=True, recursive=True))
    return files, [(it.path, it.mtime) for it in found if it.is_file]


@contextmanager
def _told(place: IcebergPlace) -> Iterator[None]:
    """Word what a catalog or a storage says, without a secret and without a value of the data."""
    try:
        yield
    except (exceptions.CommitFailedException, exceptions.TableAlreadyExistsError):
        raise PublicationError(
            f"{place.catalog}: somebody else has written a table of {place.namespace} meanwhile, "
            "and it is as they left it. Run again, and it is written anew"
        ) from None
    except _FAILURES as error:
        raise PublicationError(
            f"the Iceberg catalog {place.catalog} or its storage cannot be used: "
            f"{_worded(error, place)}. What was published before is still there"
        ) from None


def _worded(error: Exception, place: IcebergPlace) -> str:
    said = next((it.strip() for it in str(error).splitlines() if it.strip()), "no reason given")
    for key, value in (Config().get_catalog_config(place.catalog) or {}).items():
        is_secret, password = _SECRET.search(key), urlsplit(str(value)).password
        for secret in filter(None, (str(value) if is_secret else None, password)):
            said = said.replace(secret, "****")
    return f"{type(error).__name__}: {printable(said, 300)}"
