"""The records of one source file, loaded into raw."""

import gc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from benepass_tasks.catalog import Source, Table
from benepass_tasks.catalog.header_names import OUTCOME
from benepass_tasks.config.digests import digest
from benepass_tasks.config.errors import SourceError
from benepass_tasks.ingestion.raw_tables import after_loads, replace_earlier
from benepass_tasks.sqlmodels import Macro
from benepass_tasks.state.erasures import erased_people
from benepass_tasks.state.markers import INTERRUPTED, Load, Snapshot
from benepass_tasks.state.plan import Evidence, Made, Node, OnProgress, Status, Work
from benepass_tasks.state.retentions import NEVER, Clock, Limit
from benepass_tasks.state.run import Run
from benepass_tasks.state.source_files import REJECTED, SourceFile

if TYPE_CHECKING:
    from benepass_tasks.ingestion.load import LoadOrder

READER = "3"
"""Version of how files are read; a change of it loads every file anew."""

FIRST_LOAD = "first load"
"""Why a file has to be loaded that never was."""

SMALL = 1 << 20
"""Bytes of the largest file that is loaded together with others."""


@dataclass(frozen=True)
class SourceFileNode(Node):
    """The records of a file; its record is a row of `meta.loads`."""

    kind = "source file"

    source: Source
    table: Table
    file: SourceFile
    is_forced: bool = False
    macros: Sequence[Macro] = ()
    clock: Clock = NEVER
    _digests: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def name(self) -> str:
        """The source and the file."""
        return self.file.key

    @cached_property
    def code_version(self) -> str:
        """Digest of what the catalog and the reader make of the file."""
        columns = (
            repr((column.name, column.required, sorted(column.aliases)))
            for column in self.source.columns.values()
        )
        added: list[str] = [self.source.records.census] if self.source.records.census else []
        added += OUTCOME if self.source.anonymises_charges else ()
        layout = repr(self.source.layout.of_raw)
        return digest(READER, self.source.name, layout, *columns, *added)

    @cached_property
    def _fingerprint(self) -> str:
        return digest(self.code_version)

    def fingerprint(self, evidence: Evidence) -> str | None:  # noqa: ARG002 - it has no inputs
        """What its record should hold: a digest of how it is read."""
        return self._fingerprint

    def see(self) -> Mapping[str, str]:
        """The state of the file; empty where there is none."""
        return {self.name: self.file.state}

    def reason(self, evidence: Evidence, fingerprint: str | None) -> str | None:  # noqa: ARG002
        """Why it has to be loaded: for its columns or for its bytes, not for its times."""
        load = self._load(evidence)
        if load is not None and self.table.relation in evidence.known.of_parent:
            # Which files count is the parent's business; how they are read may be the branch's.
            return None if load.code_version == self.code_version else "catalog changed"
        return self._reason_of_file(evidence, load)

    def _reason_of_file(self, evidence: Evidence, load: Load | None) -> str | None:
        state = evidence.seen[self.name]
        if not state:
            is_read = self.source.extract is not None and load is None
            return "never read" if is_read else "file missing"
        if load is None:
            return FIRST_LOAD
        if not evidence.known.relations.keys() >= {self.table.relation, REJECTED}:
            return "table missing"
        if load.code_version != self.code_version:
            return "load interrupted" if load.code_version == INTERRUPTED else "catalog changed"
        if self.is_forced and load.run_id != evidence.run_id:
            return "forced"
        return None if load.file_state == state else self._other_bytes(load, state)

    def data_hash(self, evidence: Evidence) -> str | None:
        """The load that its rows came by."""
        load = self._load(evidence)
        return load.load_id if load else None

    @property
    def is_small(self) -> bool:
        """Whether it may be loaded together with others; a census has to be judged by itself."""
        size = self.file.size
        return size is not None and size <= SMALL and not self.source.records.census

    def order(self, run: Run) -> "LoadOrder":
        """What has to be known to load it."""
        loading = import_loading()
        census = loading.census_of(self.source, self.table, self.macros, run.settings.as_of)
        is_accepted, erased = self.source.name in run.settings.accept, erased_people(run.settings)
        about = self.source, self.table, self.file
        order: LoadOrder = loading.LoadOrder(
            *about,
            run.known(),
            self.code_version,
            run.id,
            is_accepted,
            census,
            erased,
            self.macros,
            self._first_kept(run.known()),
            run.expired_ids(self.source.name) if self.source.anonymises_charges else None,
        )
        return order

    def _first_kept(self, known: Snapshot) -> date | None:
        """The first day whose records are loaded; None where nothing limits that.

        Where the clock may be wrong, or the declaration is new, it is for the raw table to judge
        what goes: nothing is left out then that was not judged. A new table loses nothing. Of an
        event alone nobody can tell, since another one may say of when its row is.
        """
        retention = self.source.retention
        if retention is None or retention.then != "delete" or self.source.layout.is_of_events:
            return None
        limit = Limit.of(self.source.name, retention, self.clock, known.retentions)
        if limit.enforced and limit.is_known:
            day = limit.enforced.enforced_on if limit.is_leap else limit.day
            return retention.keep.before(day)
        return None if self.table.relation in known.materializations else limit.first_kept

    def make(self, run: Run, status: Status, on_progress: OnProgress) -> Work:
        """Load the file beside an earlier load of it, which goes in the transaction."""
        loading, known, order = import_loading(), run.known(), self.order(run)
        try:
            loaded = loading.load_file(run.warehouse, order, on_progress)
        except OSError as error:
            raise loading.unreadable(self.file, error) from error

        def work(connection: Connection) -> Made:
            done: Load = loaded.load
            reasons, census = {done.file: status.reason}, order.census
            kept = replace_earlier(connection, self.table, [loaded], reasons, census)
            # What is kept of its earlier rows is a load of its own, as if it were another file.
            keeps = census or order.erased
            after = None if keeps else after_loads(known, self.table, [done])
            return Made({}, after, said=_said(done, kept))

        return work

    def _load(self, evidence: Evidence) -> Load | None:
        return evidence.known.loads.get((self.source.name, self.file.name))

    def _other_bytes(self, load: Load, state: str) -> str | None:
        try:
            return "file changed" if load.sha256 != self._sha256(state) else None
        except SourceError:
            # It is the load that fails of it, and the other sources go on.
            return "file cannot be read"

    def _sha256(self, state: str) -> str:
        """Digest of the file, which is read once for each of its states."""
        if state not in self._digests:
            self._digests[state] = self.file.sha256
        return self._digests[state]


def _said(load: Load, kept: int) -> str:
    passed_over = f"{load.passed_over:,} lines passed over, " if load.passed_over else ""
    rows = f"{load.parsed:,} rows, {load.rejected:,} rejected"
    if load.erased:
        rows = f"{rows}, {load.erased:,} erased"
    if load.expired:
        rows = f"{rows}, {load.expired:,} expired"
    of_leavers = f"{kept:,} kept of those who left, " if kept else ""
    return f"{rows}, {passed_over}{of_leavers}{load.seconds:.2f} s"


def import_loading() -> ModuleType:
    """The module that loads, for who has something to load."""
    # dlt takes half a second to import, so only a run that loads does, and a good part of that
    # would go into looking for garbage among what is imported.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        from benepass_tasks.ingestion import load as loading  # noqa: PLC0415
    finally:
        if was_enabled:
            gc.enable()
    return loading
