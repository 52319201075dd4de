"""Loads files into their raw table: each by itself, or small ones together.

The new records go in beside those of an earlier load. Only when all are in does one transaction
remove the earlier ones and write what vouches for the new ones: a load that fails or is killed
leaves rows that nothing vouches for, and the next load of the file removes them.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeAlias

from benepass_tasks.catalog import Source, Table
from benepass_tasks.catalog.wording import listed, printable
from benepass_tasks.config.errors import BenepassError, SourceError
from benepass_tasks.engine.session import Warehouse
from benepass_tasks.ingestion.censuses import Census
from benepass_tasks.ingestion.deletions import Deletions
from benepass_tasks.ingestion.dlt_pipeline import WholeFile, extract, items_of, items_of_all
from benepass_tasks.ingestion.guards import Guarded, Trip, let_pass
from benepass_tasks.ingestion.inspection import Findings, Inspection, open_file
from benepass_tasks.ingestion.left_out import LeavesOut, LeftOut
from benepass_tasks.ingestion.levels import Levels
from benepass_tasks.ingestion.losses import Losses
from benepass_tasks.ingestion.people.leaving_out import LeavingOut
from benepass_tasks.ingestion.people.places import IdColumns
from benepass_tasks.ingestion.raw_tables import prepare, withdraw
from benepass_tasks.ingestion.recognition.misfits import misfit_told, told_what_it_is
from benepass_tasks.ingestion.retention import LeavingOutExpired, LeavingOutKnown
from benepass_tasks.ingestion.schema_evolution.contract import require_good
from benepass_tasks.ingestion.schema_evolution.history import Recalled
from benepass_tasks.sqlmodels import Macro
from benepass_tasks.state.decisions import Decision
from benepass_tasks.state.erasures import ErasedPeople
from benepass_tasks.state.expired_ids import ExpiredIds
from benepass_tasks.state.markers import Load, Snapshot, now
from benepass_tasks.state.source_files import SourceFile

log = logging.getLogger(__name__)

TOGETHER = 8 << 20
"""Bytes of files that are read as wholes, and loaded together; the last one may exceed it."""

MOST = 8
"""How many changes a warning names."""

_Judged: TypeAlias = BenepassError | Sequence[Decision]
"""Why a file is refused, or what lets it pass."""


@dataclass(frozen=True, slots=True)
class LoadOrder:
    """A file to load into a raw table.

    `known` is the state of the warehouse; `is_accepted` says that no guard may stop the file;
    `census` is given where the files of the source are some; `erased` where people are, with the
    macros that compare ids and read days; `first_kept` where records from before that day are past
    their retention; `expired` where charges are anonymised.
    """

    source: Source
    table: Table
    file: SourceFile
    known: Snapshot
    code_version: str
    run_id: str
    is_accepted: bool = False
    census: Census | None = None
    erased: ErasedPeople | None = None
    macros: Sequence[Macro] = ()
    first_kept: date | None = None
    expired: ExpiredIds | None = None

    @property
    def leaving_out(self) -> LeftOut:
        """What leaves out the records of people who are erased, and those past their retention."""
        ids, found = IdColumns.of(self.table), list[LeavesOut]()
        if self.erased and ids.kinds:
            found.append(LeavingOut(self.erased, ids, self.macros))
        if self.source.retention and self.first_kept:
            by = self.source.retention.by
            found.append(LeavingOutExpired(self.source, by, self.first_kept, self.macros))
        if self.expired:
            name = self.file.name
            found.append(LeavingOutKnown(self.source, name, self.expired, self.macros))
        return found

    @property
    def earlier(self) -> Load | None:
        """The last load of the file."""
        return self.known.loads.get((self.source.name, self.file.name))


@dataclass(frozen=True, slots=True)
class Loaded:
    """A load whose rows are in raw, beside those of an earlier one that still counts.

    The acceptances in `accepted` let it pass, and are used up by it.
    """

    load: Load
    earlier: Load | None
    findings: Findings
    accepted: Sequence[Decision] = ()


def load_file(
    warehouse: Warehouse, order: LoadOrder, on_progress: Callable[[float], None]
) -> Loaded:
    """Load a file's records into raw, replacing those of an earlier load of the file.

    The progress is the share of the file that is read, 1 at its end.

    Returns:
        The load, for `replace_earlier`.

    Raises:
        SourceError: the file is missing or empty, lacks a required column, breaks the contract of
            its source, comes up against a guard, or changed meanwhile; raw holds what it held
            before.
        BooksError: the records do not account for every line; raw holds what it held before.
    """
    started = time.perf_counter()
    source, table, file = order.source, order.table, order.file
    _require_there(order)
    known = Recalled(warehouse, source.name, [file.name]).known_of(file.name)
    with (
        open_file(source, file, known, order.leaving_out) as inspection,
        extract(
            warehouse.working_dir, source.name, file.name, items_of(inspection, on_progress)
        ) as package,
    ):
        findings = inspection.findings(warehouse, table)
        accepted = _judge(warehouse, order, findings)
        prepare(warehouse, order.known, table, [file.name], inspection.header.undeclared)
        package.load(warehouse)
    _warn(inspection, findings)
    seconds = time.perf_counter() - started
    load = _load_of(order, inspection.state, findings, package.load_id, seconds)
    accepted = [*accepted, *_guard_census(warehouse, order, load)]
    judged = _guard_rows(warehouse, {load: order}, accepted).get(load.file, ())
    if isinstance(judged, BenepassError):
        raise judged
    return Loaded(load, order.earlier, findings, [*accepted, *judged])


@dataclass(frozen=True, slots=True)
class LoadedTogether:
    """What became of files that were to be loaded together.

    Attributes:
        loaded: Those whose rows are in raw, for `replace_earlier`.
        refused: Why others cannot be loaded, by file; raw holds of them what it held before.
        left: Those that cannot be loaded together with these; the first of them can be next.
    """

    loaded: Sequence[Loaded]
    refused: Mapping[str, BenepassError]
    left: Sequence[LoadOrder]


def load_together(warehouse: Warehouse, orders: Sequence[LoadOrder]) -> LoadedTogether:
    """Load the records of small files of one source into raw, in one package of dlt.

    Each is judged as `load_file` judges it, before anything is written.

    Raises:
        WarehouseError: dlt could not write them; raw holds what it held before.
    """
    started = time.perf_counter()
    source, table, known = orders[0].source, orders[0].table, orders[0].known
    read, refused, left = _read_whole(warehouse, orders)
    if not read:
        return LoadedTogether([], refused, left)
    whole = [it.file for it in read]
    with extract(
        warehouse.working_dir, source.name, f"{len(read)} files", items_of_all(whole)
    ) as package:
        undeclared = (name for it in whole for name in it.inspection.header.undeclared)
        files = [it.order.file.name for it in read]
        prepare(warehouse, known, table, files, dict.fromkeys(undeclared))
        package.load(warehouse)
    seconds = (time.perf_counter() - started) / len(read)
    loaded = [it.loaded(package.load_id, seconds) for it in read]
    orders_of = {it.load: by.order for it, by in zip(loaded, read, strict=True)}
    accepted = [decision for it in loaded for decision in it.accepted]
    judged, passed = _guard_rows(warehouse, orders_of, accepted), []
    for it in loaded:
        of_file = judged.get(it.load.file, ())
        if isinstance(of_file, BenepassError):
            refused[it.load.file] = of_file
        else:
            passed.append(replace(it, accepted=[*it.accepted, *of_file]))
    return LoadedTogether(passed, refused, left)


@dataclass(frozen=True, slots=True)
class _Read:
    """A file that was read, and nothing stands against."""

    order: LoadOrder
    file: WholeFile
    findings: Findings
    accepted: Sequence[Decision]

    def loaded(self, load_id: str, seconds: float) -> Loaded:
        """Its load, once its rows are in raw."""
        order, state = self.order, self.file.inspection.state
        load = _load_of(order, state, self.findings, load_id, seconds)
        return Loaded(load, order.earlier, self.findings, self.accepted)


def _read_whole(
    warehouse: Warehouse, orders: Sequence[LoadOrder]
) -> tuple[list[_Read], dict[str, BenepassError], Sequence[LoadOrder]]:
    """Read files as long as they fit into memory and can be compared with what is known."""
    names = [it.file.name for it in orders]
    recalled = Recalled(warehouse, orders[0].source.name, names)
    read, refused, held = list[_Read](), dict[str, BenepassError](), 0
    for number, order in enumerate(orders):
        try:
            _require_there(order)
            known = recalled.known_of(order.file.name)
            opened = open_file(order.source, order.file, known, order.leaving_out)
            with opened as inspection:
                # The values of the file before are in raw only once that is loaded.
                is_first_with_them = inspection.needs_sample and known.load_id is None
                if held > TOGETHER or (read and is_first_with_them):
                    return read, refused, orders[number:]
                it = _read(warehouse, order, inspection)
        except BenepassError as error:
            refused[order.file.name] = error
        except OSError as error:
            refused[order.file.name] = unreadable(order.file, error)
        else:
            read.append(it)
            held += it.findings.accounting.bytes
            recalled.add(order.file.name, it.findings.schema, it.findings.changes)
    return read, refused, ()


def _read(warehouse: Warehouse, order: LoadOrder, inspection: Inspection) -> _Read:
    """Read one of them, and judge it."""
    batches = []
    for batch in inspection.batches():
        inspection.see(batch.table)
        batches.append(batch)
    findings = inspection.findings(warehouse, order.table)
    accepted = _judge(warehouse, order, findings)
    _warn(inspection, findings)
    return _Read(order, WholeFile(inspection, batches), findings, accepted)


def unreadable(file: SourceFile, error: OSError) -> SourceError:
    """What is said of a file that the operating system does not let us read."""
    return SourceError(f"{file.key} cannot be loaded: {error.strerror}")


def _load_of(
    order: LoadOrder, state: str, findings: Findings, load_id: str, seconds: float
) -> Load:
    accounting = findings.accounting
    return Load(
        source=order.source.name,
        file=order.file.name,
        code_version=order.code_version,
        sha256=accounting.sha256,
        file_state=state,
        load_id=load_id,
        lines=accounting.lines,
        passed_over=accounting.passed_over.total(),
        records=accounting.records + findings.left_out,
        parsed=accounting.parsed,
        rejected=accounting.rejected,
        seconds=seconds,
        run_id=order.run_id,
        loaded_at=now(),
        erased=findings.erased,
        expired=findings.expired,
    )


def census_of(source: Source, table: Table, macros: Sequence[Macro], today: date) -> Census | None:
    """The censuses that the files of a source are; None where they are none."""
    return Census(source, table.relation, macros, today) if source.records.census else None


def _guard_census(warehouse: Warehouse, order: LoadOrder, load: Load) -> Sequence[Decision]:
    """Refuse a census that has too few of the people of those beside it.

    Raises:
        SourceError: it is refused; raw holds nothing of it.
    """
    if order.census is None:
        return ()
    with warehouse.write() as connection:
        strangers = order.census.strangers(connection, load)
        if strangers and not order.is_accepted:
            withdraw(connection, order.table, load)
    if not strangers:
        return ()
    source, file, found = load.source, printable(load.file), "; ".join(strangers)
    if not order.is_accepted:
        limit = order.source.guards.max_shrink
        raise SourceError(
            f"{source}: {file} is refused: {found}, and max_shrink is {limit:.0%}. Nothing of it "
            "was loaded, since all of these would have left. If the files are censuses of parts of "
            f"the company, say what of a name is the part: census_part under {source}.metadata, "
            "such as '^employees_([A-Z]{2})_'. If so many have left, let it pass once with "
            f"--benepass-accept {source}",
            reason=f"refused: {found}",
        )
    log.warning("%s: %s passes as accepted, although %s", source, file, found)
    return [Decision("accepted", source, file, found, "max_shrink", load.sha256, order.run_id)]


def _guard_rows(
    warehouse: Warehouse, loads: Mapping[Load, LoadOrder], accepted: Sequence[Decision]
) -> dict[str, _Judged]:
    """Judge files by their rows beside those before; raw holds nothing of those that are refused.

    Args:
        warehouse: The warehouse.
        loads: What was loaded, each as it was ordered.
        accepted: The guards that these files may pass already.

    Returns:
        Of each file that a guard stands against, why it is refused, or what lets it pass.
    """
    order = next(iter(loads.values()))
    about = order.source, order.table.relation, order.macros
    levels, losses, deletions = Levels(*about), Losses(*about), Deletions(*about)
    known, files = order.known.loads_of(order.source.name).values(), {it.file for it in loads}
    others = [it for it in known if it.file not in files and not it.is_kept]
    before = {load: it.earlier for load, it in loads.items()}
    has_levels, has_losses = levels.can_tell(before, others), losses.can_tell(before)
    if not (has_levels or has_losses or deletions.can_tell):
        return {}
    with warehouse.write() as connection:
        found = levels.shifts(connection, before, others) if has_levels else {}
        may_pass = {(it.file, it.guard) for it in accepted}
        trips = [*losses.trips(connection, before)] if has_losses else []
        trips += deletions.trips(connection, before) if deletions.can_tell else ()
        for file, trip in trips:
            if (printable(file), trip.guard) not in may_pass:
                found.setdefault(file, []).append(trip)
        for load in loads:
            if load.file in found and not order.is_accepted:
                withdraw(connection, order.table, load)
    return {
        load.file: _judged(order, load, found[load.file]) for load in loads if load.file in found
    }


_OF_ANOTHER_UNIT = (
    "Are they in another unit or currency than before, or is a decimal sign read otherwise? Get "
    "the file in the unit of the others. If the amounts are right as they are, let it pass once "
    "with --benepass-accept {source}"
)
_OF_ANOTHER_TIME = (
    "Is it a later export under the name of an earlier one? Give each a name of its own, which "
    "filepath ({filepath}) takes in, and bring the earlier one back: what is in both counts once. "
    "If those records are to go, let it pass once with --benepass-accept {source}"
)
_GONE = (
    "Was the table emptied by mistake, or did the connector read another one? If those rows are "
    "gone for good, let it pass once with --benepass-accept {source}"
)
_ADVICE: Mapping[str, str] = {
    "max_factor": _OF_ANOTHER_UNIT,
    "max_level": _OF_ANOTHER_UNIT,
    "max_shrink": _OF_ANOTHER_TIME,
    "moves_on": _OF_ANOTHER_TIME
    + ", or say that they always may: guards: {{moves_on: true}} under {source}.metadata",
}
"""What to do about a file, by the guard that stands against it."""


def _judged(order: LoadOrder, load: Load, trips: Sequence[Trip]) -> _Judged:
    source, file = order.source, printable(load.file)
    found = "; ".join(it.figures for it in trips)
    if order.is_accepted:
        log.warning("%s: %s passes as accepted, although %s", source.name, file, found)
        about, known = (source.name, file), (load.sha256, order.run_id)
        return [Decision("accepted", *about, it.figures, it.guard, *known) for it in trips]
    stays = f"the {order.earlier.parsed:,} rows of its last load stay" if order.earlier else ""
    advice = {**_ADVICE, "max_shrink": _GONE} if source.layout.is_of_events else _ADVICE
    ways = dict.fromkeys(advice[it.guard] for it in trips)
    told = ". ".join(it.format(source=source.name, filepath=source.filepath) for it in ways)
    return SourceError(
        f"{source.name}: {file} is refused: {found}. Nothing of it was loaded"
        f"{stays and '; ' + stays}. {told}",
        reason=f"refused: {found}",
    )


def _require_there(order: LoadOrder) -> None:
    """Refuse to take a file that was loaded and has vanished for one without rows."""
    load, file = order.earlier, order.file
    if load is not None and not file.exists():
        raise SourceError(
            f"{load.source}: {file.name} was loaded, and now {file.absence}; its "
            f"{load.parsed:,} rows stay. Bring it back (is its folder mounted?), or remove them "
            f"for good: benepass source forget {file.name}",
            reason=f"the file has vanished; its {load.parsed:,} rows stay",
        )


def _judge(warehouse: Warehouse, order: LoadOrder, findings: Findings) -> Sequence[Decision]:
    """Refuse what breaks the contract or comes up against a guard."""
    source, file = order.source, order.file
    with told_what_it_is(source, file, is_misfit=bool(findings.verdict.missing)):
        require_good(source, findings.verdict)
        return _guard(warehouse, order, findings)


def _guard(warehouse: Warehouse, order: LoadOrder, findings: Findings) -> Sequence[Decision]:
    source, file, accounting = order.source, order.file, findings.accounting
    guarded = Guarded(source, file, accounting, order.earlier, findings.left_out)
    if not any(guarded.trips):
        return ()
    with warehouse.read() as connection:
        used = let_pass(connection, guarded, order.run_id, is_accepted=order.is_accepted)
    for it in used:
        log.warning("%s: %s passes as accepted, although %s", it.source, it.file, it.detail)
    return used


def _warn(inspection: Inspection, findings: Findings) -> None:
    for warning in _warnings(inspection, findings):
        log.warning("%s: %s", inspection.source.name, warning)


def _warnings(inspection: Inspection, findings: Findings) -> Iterator[str]:
    source, header, accounting = inspection.source, inspection.header, inspection.reader.accounting
    file = printable(inspection.file.name)
    if not accounting.records:
        yield f"{file} holds a header and no record"
    if accounting.rejected:
        yield (
            f"{accounting.rejected} of {accounting.records} records in {file} could not be parsed; "
            f"see raw.rejected_rows{misfit_told(source, inspection.file)}"
        )
    elif any('"' in name for name in inspection.reader.header):
        yield f"the header of {file} has quotes within names{misfit_told(source, inspection.file)}"
    # An optional column that was never there is nothing to tell; one that was is a change.
    missing = [name for name in header.absent if source.columns[name].required]
    if missing:
        yield f"{file} has no column {_named(missing)}; loaded as NULL"
    if header.undeclared:
        yield (
            f"{file} has columns that catalog.yaml does not declare: {_named(header.undeclared)}; "
            "loaded all the same"
        )
    changes = [str(change) for change in findings.changes if change.severity == "warning"]
    if changes:
        yield (
            f"{file} has changed since the last load: {'; '.join(changes[:MOST])}. "
            f"All changes: benepass schema history {source.name}"
        )


def _named(columns: Sequence[str]) -> str:
    return listed([printable(name) for name in columns])
