"""dlt's share of a load: from Arrow batches to a package, and from the package into raw.

The working folder exists only during a load, since its files hold records; what dlt has to know of
earlier loads it finds in the warehouse (`raw._dlt_version`, `raw._dlt_loads`).
"""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dlt
import pyarrow as pa
from dlt.extract import DltResource
from dlt.pipeline.exceptions import PipelineStepFailed

from benepass_tasks.config.errors import WarehouseError
from benepass_tasks.engine.failures import explain, root_cause
from benepass_tasks.engine.session import Warehouse
from benepass_tasks.ingestion.dlt_setup import Destination, configured
from benepass_tasks.ingestion.headers import Header
from benepass_tasks.ingestion.observation import Observation
from benepass_tasks.ingestion.records import Batch, RecordReader
from benepass_tasks.ingestion.schema_evolution.shapes import FILE, Shape
from benepass_tasks.state.source_files import SourceFile

DATASET = "raw"

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
        try:
            self.pipeline.normalize()
            with warehouse.native() as connection:
                self.pipeline.load(credentials=connection)
        except PipelineStepFailed as failure:
            raise _refused(self.pipeline.pipeline_name, self.file, failure) from None


def _refused(source: str, file: str, failure: PipelineStepFailed) -> WarehouseError:
    return WarehouseError(f"{source}: dlt could not load {file} ({explain(failure)})")


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

    Raises:
        WarehouseError: the package cannot be written, as on a full disk.
    """
    try:
        with configured():
            pipeline = dlt.pipeline(
                file.source,
                pipelines_dir=str(working_dir),
                destination=Destination(),
                dataset_name=DATASET,
            )
            # Not by `dlt.resource`, which looks through all modules for the generator's own.
            resource = DltResource.from_data(
                _items(file, reader, observation, tell),
                file.source,
                hints=dlt.mark.make_hints(write_disposition="append", file_format="parquet"),
            )
            try:
                info = pipeline.extract(resource)
            except PipelineStepFailed as failure:
                # Anything else is a defect, of which the traceback is wanted.
                if isinstance(root_cause(failure), OSError):
                    raise _refused(file.source, file.name, failure) from None
                raise
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
