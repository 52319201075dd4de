"""Source files without the people who are erased, in the places of those that have them.

A file is written aside first. Then schema meta says what its bytes will be, and then it takes its
place: a process that goes on after one was killed in between knows the file by its digest.
"""

import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, update

from benepass_tasks.catalog.header_names import ADDED
from benepass_tasks.config.settings import Settings
from benepass_tasks.engine.disk import sync
from benepass_tasks.engine.quoting import quote_name, quote_relation
from benepass_tasks.engine.tables import engine_of
from benepass_tasks.ingestion.people.rewriting import (
    UnwritableError,
    Values,
    aside_of,
    has_earlier,
    write_aside,
)
from benepass_tasks.pipeline.erasure.job import Job
from benepass_tasks.state.erased_records import erased_records, forget_erased_records
from benepass_tasks.state.markers import Load
from benepass_tasks.state.meta import LOADS
from benepass_tasks.state.run import Run
from benepass_tasks.state.source_files import SourceFile, path_of
from benepass_tasks.state.store import state_of


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What became of the source files.

    Attributes:
        files: Those that were written anew.
        problems: Why others were not, in words.
    """

    files: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def rewrite_sources(run: Run, job: Job) -> Rewritten:
    """Write each source file anew that has records of people who are erased.

    Args:
        run: The run that erases, which holds the write lock.
        job: Whom, and where the originals stay.
    """
    _finish(run)
    with run.warehouse.read() as connection:
        standing = {file: set(numbers) for file, numbers in erased_records(connection).items()}
    rejected: dict[str, set[int]] = {}
    for file, number in job.rejected:
        rejected.setdefault(file, set()).add(number)
    written, problems = [], []
    for load in run.known().loads.values():
        if load.file in standing or load.file in rejected or _has_earlier(run, job, load):
            try:
                if _rewrite(run, job, load, rejected.get(load.file, set())):
                    written.append(load.file)
            except UnwritableError as error:
                problems.append(str(error))
    return Rewritten(tuple(written), tuple(problems))


def _has_earlier(run: Run, job: Job, load: Load) -> bool:
    """Whether a file of events has what was theirs before a change, and nothing else of them."""
    file = SourceFile(load.source, load.file, path_of(load.file, run.settings))
    source = run.definitions.catalog.sources[load.source]
    return file.exists() and has_earlier(source, file, job.traces.is_in_record)


def _rewrite(run: Run, job: Job, load: Load, rejected: Collection[int]) -> bool:
    """Write one file anew; returns whether there was one, as it was loaded."""
    source = run.definitions.catalog.sources[load.source]
    file = SourceFile(load.source, load.file, path_of(load.file, run.settings))
    if not file.exists():
        return False
    if file.sha256 != load.sha256:
        raise UnwritableError(
            f"{load.source}: {load.file} has changed since it was loaded, and is as it was. Run, "
            "and erase again"
        )
    relation = run.definitions.catalog.raw_table_of(load.source).relation
    with run.warehouse.read() as connection:
        values = _values(connection, relation, load)
    surely = job.traces.without_names
    aside = write_aside(
        source,
        file,
        values,
        lambda it: it.record_number in rejected or surely.is_in_record(it.raw),
    )
    digest = SourceFile(load.source, load.file, aside).sha256
    if job.originals:
        _keep_original(file, Path(job.originals))
    with run.warehouse.write() as connection:
        of = LOADS.c.source == load.source, LOADS.c.file == load.file
        state_of(connection).execute(update(LOADS).where(*of).values(sha256=digest))
        forget_erased_records(connection, load.source, [load.file])
    _put_in_place(aside, file.path)
    run.remember(None)
    run.look_again()
    return True


def _values(connection: Connection, relation: str, load: Load) -> Mapping[int, Values]:
    """What raw has in the records of a file that are others there."""
    numbers = erased_records(connection).get(load.file, [])
    if not numbers:
        return {}
    columns = [it for it in engine_of(connection).columns(relation) if it not in ADDED]
    names, listed = ", ".join(map(quote_name, columns)), ", ".join(map(str, numbers))
    found = connection.exec_driver_sql(
        f"select _row_number, {names} from {quote_relation(relation)} "  # noqa: S608
        f"where _source_file = ? and _row_number in ({listed})",
        (load.file,),
    )
    return {number: dict(zip(columns, values, strict=True)) for number, *values in found}


def _keep_original(file: SourceFile, folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = folder / file.name.replace("/", "__")
    shutil.copy2(file.path, kept)
    kept.chmod(0o600)


def _finish(run: Run) -> None:
    """Let each file that was written aside take its place, if it is the one that meta says."""
    loads = {load.file: load for load in run.known().loads.values()}
    for aside, path, name in _asides(run.settings, loads):
        if SourceFile("", name, aside).sha256 == loads[name].sha256:
            _put_in_place(aside, path)
        else:
            aside.unlink()


def _asides(settings: Settings, loads: Mapping[str, Load]) -> Iterator[tuple[Path, Path, str]]:
    for name in loads:
        path = path_of(name, settings)
        if aside_of(path).exists():
            yield aside_of(path), path, name


def _put_in_place(aside: Path, path: Path) -> None:
    for it in (aside, path.parent):
        sync(it)
    os.replace(aside, path)  # noqa: PTH105 - one step, on one file system
