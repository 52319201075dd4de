"""dlt's share of a load: from Arrow batches to a package, and from the package into raw.

The working folder exists only during a load, since its files hold records; what dlt has to know of
earlier loads it finds in the warehouse (`raw._dlt_version`, `raw._dlt_loads`).
"""

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import dlt
import pyarrow as pa
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.destinations import duckdb as duckdb_destination
from dlt.destinations.impl.duckdb.configuration import (
    DuckDbClientConfiguration,
    DuckDbCredentials,
)
from dlt.destinations.impl.duckdb.duck import DuckDbClient
from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient
from dlt.pipeline.exceptions import PipelineStepFailed

from benepass_tasks.errors import WarehouseError
from benepass_tasks.ingestion.headers import Header
from benepass_tasks.ingestion.observation import Observation
from benepass_tasks.ingestion.records import Batch, RecordReader
from benepass_tasks.schema_evolution.shapes import FILE, Shape
from benepass_tasks.sources import SourceFile
from benepass_tasks.warehouse import Warehouse
from benepass_tasks.warehouse.failures import explain
from benepass_tasks.warehouse.session import ALIAS, quote_name

DATASET = "raw"

ENVIRONMENT = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "CRITICAL",
    "DATA_WRITER__COMPRESSION": "lz4",
    "NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_LOAD_ID": "true",
    "LOAD__DELETE_COMPLETED_JOBS": "true",
    "LOAD__WORKERS": "1",
    # Its state would be stored in raw, and nothing here reads it.
    "RESTORE_FROM_DESTINATION": "false",
}
"""dlt's configuration; it reads the environment, which is put back afterwards."""

REJECTED_SCHEMA = pa.schema(
    [
        ("_source_file", pa.string()),
        ("record_number", pa.int64()),
        ("line_number", pa.int64()),
        ("reason", pa.string()),
        ("raw_record", pa.binary()),
    ]
)
"""Columns of `raw.rejected_rows`, besides the load's id, which dlt adds."""


class RawSqlClient(DuckDbSqlClient):
    """dlt's SQL on a connection that has the warehouse attached, and settings of its own."""

    def __init__(
        self,
        schemas: tuple[str, str],
        credentials: DuckDbCredentials,
        capabilities: DestinationCapabilitiesContext,
    ) -> None:
        """Leave the settings of the connection as they are."""
        super().__init__(*schemas, credentials, capabilities)
        self._pragmas = []
        self._global_config = {}

    def catalog_name(self, quote: bool = True, casefold: bool = True) -> str:  # noqa: ARG002, FBT001, FBT002
        """The database that the schema is in."""
        return quote_name(ALIAS) if quote else ALIAS


class RawClient(DuckDbClient):
    """dlt's DuckDB client, on the warehouse."""

    def __init__(
        self,
        schema: dlt.Schema,
        config: DuckDbClientConfiguration,
        capabilities: DestinationCapabilitiesContext,
    ) -> None:
        """Put the own SQL in place of the original's."""
        super().__init__(schema, config, capabilities)
        schemas = (self.sql_client.dataset_name, self.sql_client.staging_dataset_name)
        self.sql_client = RawSqlClient(schemas, config.credentials, capabilities)


class Destination(duckdb_destination):
    """dlt's DuckDB, which works out once what it can do: dlt asks a dozen times in each load."""

    @property
    def client_class(self) -> type[RawClient]:
        """What dlt works with."""
        return RawClient

    def capabilities(
        self,
        config: object = None,  # noqa: ARG002 - neither changes what DuckDB can do
        naming: object = None,  # noqa: ARG002
    ) -> DestinationCapabilitiesContext:
        """What DuckDB can do, as a copy, since dlt adjusts it."""
        return _capabilities().copy()


@cache
def _capabilities() -> DestinationCapabilitiesContext:
    return duckdb_destination().capabilities()


@dataclass(frozen=True, slots=True)
class Package:
    """The records of one file, ready to be loaded."""

    pipeline: dlt.Pipeline
    load_id: str
    file: str

    def load(self, warehouse: Warehouse) -> None:
        """Add the records to raw.

        Raises:
            WarehouseError: dlt could not write them.
        """
        with warehouse.native() as connection, _environment():
            try:
                self.pipeline.normalize()
                self.pipeline.load(credentials=connection)
            except PipelineStepFailed as failure:
                raise WarehouseError(
                    f"{self.pipeline.pipeline_name}: dlt could not load {self.file} "
                    f"({explain(failure)})"
                ) from None


@contextmanager
def extract(
    working_dir: Path,
    file: SourceFile,
    reader: RecordReader,
    observation: Observation,
    tell: Callable[[], None],
) -> Iterator[Package]:
    """Read all records of a file into a package below the working folder, and observe them.

    After each batch it is told.

    The folder is gone when the context is left, whatever happened in it.
    """
    try:
        with _environment():
            pipeline = dlt.pipeline(
                file.source,
                pipelines_dir=str(working_dir),
                destination=Destination(),
                dataset_name=DATASET,
            )
            resource = dlt.resource(
                _items(file, reader, observation, tell),
                name=file.source,
                write_disposition="append",
                file_format="parquet",
            )
            info = pipeline.extract(resource)
        yield Package(pipeline, info.loads_ids[0], file.name)
    finally:
        shutil.rmtree(working_dir, ignore_errors=True)


def _items(
    file: SourceFile, reader: RecordReader, observation: Observation, tell: Callable[[], None]
) -> Iterator[Any]:
    """Yield the parsed batches, the rejected records, and last what is known of the columns."""
    header = observation.header
    for batch in _ahead(reader.batches(header.columns)):
        observation.see(batch.table)
        yield _parsed(file, header, batch.table)
        if batch.rejected:
            yield dlt.mark.with_table_name(_rejected(file, batch), "rejected_rows")
        tell()
    columns = _hints(file, observation.observed.shape)
    yield dlt.mark.with_hints(
        _empty(file, header), dlt.mark.make_hints(table_name=file.source, columns=columns)
    )


def _ahead(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Read each batch while the one before it is being written; both leave Python's lock free."""
    with ThreadPoolExecutor(max_workers=1) as reader:
        waiting = reader.submit(next, batches, None)
        while (batch := waiting.result()) is not None:
            waiting = reader.submit(next, batches, None)
            yield batch


def _parsed(file: SourceFile, header: Header, table: pa.Table) -> pa.Table:
    for name in header.absent:
        table = table.append_column(name, pa.nulls(len(table), pa.string()))
    return table.append_column("_source_file", pa.repeat(file.name, len(table)))


def _rejected(file: SourceFile, batch: Batch) -> pa.Table:
    rows = [
        {
            "_source_file": file.name,
            "record_number": record.record_number,
            "line_number": record.line_number,
            "reason": record.reason,
            "raw_record": record.raw,
        }
        for record in batch.rejected
    ]
    return pa.Table.from_pylist(rows, schema=REJECTED_SCHEMA)


def _empty(file: SourceFile, header: Header) -> pa.Table:
    fields = [(name, pa.string()) for name in header.columns]
    table = pa.schema([*fields, ("_row_number", pa.int64())]).empty_table()
    return _parsed(file, header, table)


def _hints(file: SourceFile, shape: Shape) -> dict[str, Any]:
    """Per column what dlt's stored schema remembers: hints that begin with `x-` are kept."""
    hints: dict[str, dict[str, Any]] = {**shape.as_hints(), "_source_file": {FILE: file.name}}
    return {
        name: {"name": name, "data_type": "text", "nullable": True, **of_column}
        for name, of_column in hints.items()
    }


@contextmanager
def _environment() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in ENVIRONMENT}
    os.environ.update(ENVIRONMENT)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
