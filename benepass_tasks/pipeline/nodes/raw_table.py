"""A raw table as a whole, once each file of its source is loaded."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from benepass_tasks.catalog import Source, Table
from benepass_tasks.config.digests import digest
from benepass_tasks.config.errors import ProjectError
from benepass_tasks.ingestion.raw_tables import complete_raw
from benepass_tasks.pipeline.nodes.digests import shape
from benepass_tasks.pipeline.nodes.source_file import SourceFileNode
from benepass_tasks.sqlmodels import Macro
from benepass_tasks.state.markers import CHARGES, Snapshot
from benepass_tasks.state.plan import Evidence, Made, Node, OnProgress, Status, Work
from benepass_tasks.state.retentions import NEVER, Clock, Limit
from benepass_tasks.state.run import Run

if TYPE_CHECKING:
    from benepass_tasks.ingestion.retention import Expiry


@dataclass(frozen=True)
class RawTableNode(Node):
    """A raw table with the rows of exactly the files that there are."""

    kind = "relation"

    table: Table
    files: Sequence[SourceFileNode]
    extract: str | None = None
    source: Source | None = None
    clock: Clock = NEVER
    macros: Sequence[Macro] = ()

    @property
    def changed(self) -> str:
        """Its files are its inputs."""
        return "file loaded"

    @property
    def name(self) -> str:
        """The table."""
        return self.table.relation

    @property
    def inputs(self) -> Sequence[str]:
        """The files of its source."""
        return [file.name for file in self.files]

    @property
    def after(self) -> Sequence[str]:
        """What its files are extracts of, if they are any."""
        return (self.extract,) if self.extract else ()

    @cached_property
    def code_version(self) -> str:
        """Digest of what the catalog makes of its source's files and of the table."""
        return digest(*(file.code_version for file in self.files[:1]), *shape(self.table))

    def reason(self, evidence: Evidence, fingerprint: str | None) -> str | None:
        """Why it has to be measured anew; as long as a file has to be loaded, for its reason."""
        reason = evidence.first_reason(self.inputs)
        if reason is not None:
            return reason
        record = evidence.record(self.name)
        if self._gone(evidence.known):
            return "file removed"
        if record is not None and record.code_version != self.code_version:
            return "catalog changed"
        limit = self.limit(evidence.known)
        if record is not None and limit is not None and limit.reason is not None:
            return limit.reason
        return super().reason(evidence, fingerprint)

    def make(self, run: Run, status: Status, on_progress: OnProgress) -> Work:  # noqa: ARG002
        """Remove the rows of files that are gone and those past their retention, and measure it."""
        known = run.known()
        gone, expiry = self._gone(known), self.expiry(run)
        self._refuse_uncounted(known)

        def work(connection: Connection) -> Made:
            if expiry is not None:
                is_accepted = expiry.source.name in run.settings.accept
                expiry.enforce(connection, run.id, is_accepted=is_accepted)
            measure = complete_raw(connection, self.table, gone, known)
            return Made({self.name: measure}, None if gone or expiry else known)

        return work

    def limit(self, known: Snapshot) -> Limit | None:
        """The retention of its source on the day that decides, if one is declared."""
        if self.source is None or self.source.retention is None:
            return None
        return Limit.of(self.source.name, self.source.retention, self.clock, known.retentions)

    def expiry(self, run: Run) -> "Expiry | None":
        """What enforces the retention of its source, if one is declared."""
        known, source = run.known(), self.source
        limit = self.limit(known)
        if source is None or limit is None:
            return None
        from benepass_tasks.ingestion.retention import Expiry  # noqa: PLC0415 - imports pyarrow

        is_new, loads = self.name not in known.materializations, known.loads_of(source.name)
        return Expiry(source, self.table, limit, self.macros, loads, is_new)

    def _refuse_uncounted(self, known: Snapshot) -> None:
        """Stop where anonymised charges would count no more, since the catalog knows of none.

        Raises:
            ProjectError: there are some.
        """
        if self.source is None or self.source.anonymises_charges or self.source.is_of_people:
            return
        loads = known.loads_of(self.source.name).values()
        if not any(it.code_version == CHARGES for it in loads):
            return
        raise ProjectError(
            f"{self.source.name} has charges that are anonymised, and count only as long as its "
            "retention says `then: anonymise`: declare it again, with a longer `keep` if no more "
            "should follow. To remove them for good, `benepass source forget` the files"
        )

    def _gone(self, known: Snapshot) -> list[str]:
        """The files that are not there any more; what a census keeps stays as long as it is one."""
        there = {file.file.name for file in self.files}
        is_census = any(file.source.records.census for file in self.files)
        return [
            file
            for file, load in known.loads_of(str(self.table.source)).items()
            if file not in there and not (load.is_kept and (is_census or load.is_anonymised))
        ]
