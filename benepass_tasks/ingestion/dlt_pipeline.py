"""dlt's share of a load: from Arrow batches to a package, and from the package into raw.

The working folder exists only during a load, since its files hold records; what dlt has to know of
earlier loads it finds in the warehouse (`raw._dlt_version`, `raw._dlt_loads`).
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dlt
import pyarrow as pa
from dlt.common.configuration.container import Container
from dlt.common.configuration.providers.provider import ConfigProvider
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.normalizers.naming import NamingConvention
from dlt.common.runtime.run_context import RunContext
from dlt.common.schema.utils import new_table
from dlt.destinations import duckdb
from dlt.destinations.impl.duckdb.configuration import DuckDbClientConfiguration
from dlt.extract import DltResource
from dlt.pipeline.exceptions import PipelineStepFailed

from benepass_tasks.config.errors import BenepassError, WarehouseError
from benepass_tasks.engine.failures import explain, root_cause
from benepass_tasks.engine.session import ALIAS, Warehouse
from benepass_tasks.ingestion.headers import Header
from benepass_tasks.ingestion.inspection import Inspection
from benepass_tasks.ingestion.readers.records import ROW_NUMBER, Batch
from benepass_tasks.ingestion.schema_evolution.file_schema import FILE, FileSchema
from benepass_tasks.state.source_files import SourceFile

DATASET = "raw"

CONFIGURATION = {
    "dlthub_telemetry": False,
    "log_level": "CRITICAL",
    "compression": "lz4",
    "add_dlt_load_id": True,
    "delete_completed_jobs": True,
    "workers": 1,
    # Its state would be stored in raw, and nothing here reads it.
    "restore_from_destination": False,
    # dlt names tables without their database, which would be that of the connection.
    "pragmas": [f"search_path='{ALIAS}.main'"],
}
"""All that dlt is told: it reads no environment, where others may have set `LOG_LEVEL` for another
program, and no file of its own, for which it would look hundreds of times in each load."""

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


class Configuration(ConfigProvider):
    """dlt's configuration by the name of the value alone, whichever section it is asked for in."""

    name = "benepass_tasks"
    supports_secrets = True
    supports_sections = False

    def get_value(
        self,
        key: str,
        hint: type[Any],  # noqa: ARG002 - the values have the types that they need
        pipeline_name: str | None,  # noqa: ARG002
        *sections: str,  # noqa: ARG002
    ) -> tuple[Any, str]:
        """The value, if any, and its name."""
        return CONFIGURATION.get(key), key


class Context(RunContext):
    """dlt's surroundings, of which the configuration is the only part that matters here."""

    def initial_providers(self) -> list[ConfigProvider]:
        """Where dlt looks for its configuration."""
        return [Configuration()]


@contextmanager
def _configured() -> Iterator[None]:
    """Let dlt have this configuration, and its own again afterwards."""
    with Container().injectable_context(PluggableRunContext(Context("."))):
        yield


class Destination(duckdb):
    """DuckDB, which can do the same whatever its configuration.

    dlt asks nine times in each load, and would make a whole configuration of nothing to ask with.
    """

    def capabilities(
        self,
        config: DuckDbClientConfiguration | None = None,
        naming: NamingConvention | None = None,
    ) -> DestinationCapabilitiesContext:
        """What dlt may have DuckDB do."""
        return super().capabilities(config or self.spec(), naming)


@dataclass(frozen=True, slots=True)
class Package:
    """The records of one file or of several, ready to be loaded."""

    pipeline: dlt.Pipeline
    load_id: str
    files: str

    def load(self, warehouse: Warehouse) -> None:
        """Add the records to raw.

        Raises:
            WarehouseError: dlt could not write them.
        """
        try:
            self.pipeline.normalize()
            with warehouse.native() as connection:
                self.pipeline.load(credentials=connection)
                # dlt sets it for the whole process: a later commit would stay in the log.
                connection.execute("reset global checkpoint_threshold")
        except PipelineStepFailed as failure:
            raise _refused(self.pipeline.pipeline_name, self.files, failure) from None


def _refused(source: str, files: str, failure: PipelineStepFailed) -> WarehouseError:
    return WarehouseError(f"{source}: dlt could not load {files} ({explain(failure)})")


@contextmanager
def extract(working_dir: Path, source: str, files: str, items: Iterator[Any]) -> Iterator[Package]:
    """Write rows into a package below the working folder.

    The folder is gone when the context is left, whatever happened in it.

    Args:
        working_dir: The folder.
        source: The source, whose name the package and the raw table have.
        files: What messages call that which the rows are from.
        items: The rows; see `items_of`.

    Raises:
        WarehouseError: the package cannot be written, as on a full disk.
    """
    try:
        with _configured():
            pipeline = dlt.pipeline(
                source,
                pipelines_dir=str(working_dir),
                destination=Destination(),
                dataset_name=DATASET,
            )
            # Not by `dlt.resource`, which looks through all modules for the generator's own.
            resource = DltResource.from_data(
                items,
                source,
                hints=dlt.mark.make_hints(write_disposition="append", file_format="parquet"),
            )
            try:
                info = pipeline.extract(resource)
            except PipelineStepFailed as failure:
                # Anything else is a defect, of which the traceback is wanted.
                cause = root_cause(failure)
                if isinstance(cause, BenepassError):
                    raise cause from None
                if isinstance(cause, OSError):
                    raise _refused(source, files, failure) from None
                raise
            yield Package(pipeline, info.loads_ids[0], files)
    finally:
        shutil.rmtree(working_dir, ignore_errors=True)


def items_of(inspection: Inspection, on_progress: Callable[[float], None]) -> Iterator[Any]:
    """Read a file and inspect it, batch by batch.

    Yields:
        The parsed records, the rejected ones, and last what is known of the columns.
    """
    file, header, reader = inspection.file, inspection.header, inspection.reader
    size = file.path.stat().st_size
    for batch in _ahead(inspection.batches()):
        inspection.see(batch.table)
        yield _parsed(file, header, batch.table)
        if batch.rejected:
            yield _to_rejected_rows(_rejected(file, batch))
        on_progress(min(0.99, reader.bytes_read / size))
    yield _empty(file, header)
    _tell_columns(inspection)
    on_progress(1.0)


@dataclass(frozen=True, slots=True)
class WholeFile:
    """A file that was read and inspected as a whole."""

    inspection: Inspection
    batches: Sequence[Batch]

    @property
    def parsed(self) -> Iterator[pa.Table]:
        """Its parsed records, with all columns even where there are none."""
        file, header = self.inspection.file, self.inspection.header
        yield from (_parsed(file, header, batch.table) for batch in self.batches)
        yield _empty(file, header)

    @property
    def rejected(self) -> Iterator[pa.Table]:
        """Its rejected records."""
        return (_rejected(self.inspection.file, it) for it in self.batches if it.rejected)


def items_of_all(files: Sequence[WholeFile]) -> Iterator[Any]:
    """Yield the same of several files; what is known of the columns is that of the last one."""
    parsed = [table for file in files for table in file.parsed]
    yield pa.concat_tables(parsed, promote_options="default")
    rejected = [table for file in files for table in file.rejected]
    if rejected:
        yield _to_rejected_rows(pa.concat_tables(rejected))
    _tell_columns(files[-1].inspection)


def _to_rejected_rows(rejected: pa.Table) -> Any:  # noqa: ANN401 - dlt's own
    return dlt.mark.with_table_name(rejected, "rejected_rows")


def _tell_columns(inspection: Inspection) -> None:
    """Let dlt's schema know what was learnt of the columns of a file."""
    # Not as hints of the resource, of which dlt would make many copies.
    file = inspection.file
    known = new_table(file.source, columns=_columns(file, inspection.schema))
    dlt.current.source_schema().update_table(known)


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
        (file.name, record.record_number, record.line_number, record.reason, record.raw)
        for record in batch.rejected
    ]
    return pa.table(list(zip(*rows, strict=True)), schema=REJECTED_SCHEMA)


def _empty(file: SourceFile, header: Header) -> pa.Table:
    fields = [(name, pa.string()) for name in header.columns]
    table = pa.schema([*fields, (ROW_NUMBER, pa.int64())]).empty_table()
    return _parsed(file, header, table)


def _columns(file: SourceFile, schema: FileSchema) -> list[Any]:
    """Per column what dlt's stored schema remembers: hints that begin with `x-` are kept."""
    hints: dict[str, dict[str, Any]] = {**schema.as_hints(), "_source_file": {FILE: file.name}}
    return [
        {"name": name, "data_type": "text", "nullable": True, **of_column}
        for name, of_column in hints.items()
    ]
