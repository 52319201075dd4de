"""What analysts open: a DuckDB file, and a Parquet file for each published table."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NoReturn

from sqlalchemy import Connection

from benepass_tasks.config.errors import PublicationError
from benepass_tasks.config.settings import Settings
from benepass_tasks.engine.measure import Measure
from benepass_tasks.pipeline.nodes.data_tests import DataTestsNode
from benepass_tasks.state.decisions import Decision, use_decisions
from benepass_tasks.state.ownership import take_folder
from benepass_tasks.state.plan import Evidence, Made, Node, OnProgress, Status, Work
from benepass_tasks.state.publication import DATABASE, Publication, published_files
from benepass_tasks.state.run import Run

log = logging.getLogger(__name__)

UNMASKED = "personal data is not masked"


@dataclass(frozen=True)
class PublishedFileNode(Node):
    """One file, as it was written and lies there; its data hash is the file's state."""

    kind = "published file"
    never_made = "not published"

    publication: Publication
    file: str

    @property
    def code_version(self) -> str:
        """Digest of everything but the rows."""
        return self.publication.files[self.file]

    @property
    def name(self) -> str:
        """That of all files, and the file's path below their folder."""
        return f"{PublicationNode.name}:{self.file}"

    @property
    def inputs(self) -> Sequence[str]:
        """The tables that it holds."""
        return self.publication.relations_of(self.file)

    @property
    def after(self) -> Sequence[str]:
        """Nothing is published that is not tested."""
        return (DataTestsNode.name,)

    def reason(self, evidence: Evidence, fingerprint: str | None) -> str | None:
        """Why it has to be written."""
        state = evidence.seen.get(self.name)
        if fingerprint is not None and state is None:
            return self.never_made
        reason = super().reason(evidence, fingerprint)
        if reason is None and self.data_hash(evidence) != state:
            return "changed by hand"
        return reason


@dataclass(frozen=True)
class PublicationNode(Node):
    """Everything that is published.

    Attributes:
        publication: What that is; None where nothing may be.
        folder: Where it is.
    """

    kind = "publication"
    name = "published"
    never_made = "not published yet"
    already = "Published already."

    publication: Publication | None
    folder: Path

    @cached_property
    def files(self) -> Sequence[PublishedFileNode]:
        """Its files."""
        found = self.publication
        return [PublishedFileNode(found, it) for it in found.files] if found else []

    @property
    def parts(self) -> Sequence[Node]:
        """Its files."""
        return self.files

    @property
    def inputs(self) -> Sequence[str]:
        """The tables whose rows decide what is published, and whether it may be."""
        return sorted(self.publication.inputs) if self.publication else ()

    @property
    def after(self) -> Sequence[str]:
        """Nothing is published that is not tested."""
        return (DataTestsNode.name,)

    @cached_property
    def code_version(self) -> str:
        """Digest of everything but the rows."""
        return self.publication.code_version if self.publication else ""

    def see(self) -> Mapping[str, str]:
        """The states of the files that are published, and the names of those that are no longer."""
        if self.publication is None:
            return {}
        found = published_files(self.folder)
        states = {it.name: found.pop(it.file) for it in self.files if it.file in found}
        return {**states, self.name: " ".join(sorted(found))}

    def reason(self, evidence: Evidence, fingerprint: str | None) -> str | None:
        """Why something has to be published."""
        if self.publication is None:
            return UNMASKED
        reason = super().reason(evidence, fingerprint)
        if reason is not None or evidence.is_ours(self.name):
            # Where this run published everything, files that differ now were published since, by
            # a run on another warehouse that has the same folder: the next run sees to them.
            return reason
        if evidence.seen.get(self.name):
            return "files that are published no longer"
        return evidence.first_reason([file.name for file in self.files])

    def make(self, run: Run, status: Status, on_progress: OnProgress) -> Work:  # noqa: ARG002
        """Write the files that are not as they should be, check them and put them in place."""
        from benepass_tasks.publish import publishing  # noqa: PLC0415 - rarely needed

        publication = self.publication or refuse(run.settings)
        accepted = self._guard(run)
        plan = run.plan()
        stale = [it.file for it in self.files if not plan[it.name].is_current]
        made = publishing.publish(run.warehouse, self.folder, publication, stale, run.id)
        take_folder(self.folder, run.settings.env)
        names = {file.file: file.name for file in self.files}
        past = run.known().records_of("published file") - {*names.values()}

        def work(connection: Connection) -> Made:
            use_decisions(connection, accepted)
            measures = {names[file]: measure for file, measure in made.items()}
            return Made(
                {self.name: Measure(None, status.code_version), **measures},
                void=past,
                said=(
                    f"Published in {self.folder}: {len(publication.tables)} tables, in {DATABASE} "
                    f"and as Parquet; {len(stale)} files are new, {len(names) - len(stale)} as "
                    "they were."
                ),
            )

        return work

    def _guard(self, run: Run) -> Sequence[Decision]:
        """Stop before good figures are replaced, where there are any."""
        from benepass_tasks.publish.money_guard import Money, guard_money  # noqa: PLC0415 - rarely needed

        if not published_files(self.folder):
            return ()
        known = run.known()
        last = known.materializations.get(self.name)
        with run.warehouse.read() as connection:
            used = guard_money(
                connection,
                Money(run.definitions.catalog, known.loads.values(), run.id),
                last.built_at if last else None,
                run.settings.accept,
            )
        for it in used:
            log.warning("%s passes as accepted, although %s", it.source, it.detail)
        return used


def refuse(settings: Settings) -> NoReturn:
    """Say that a warehouse whose personal data is not masked is not published, and why.

    Raises:
        PublicationError: always.
    """
    raise PublicationError(
        f"{settings.warehouse.name} holds personal data unmasked (--benepass-pii-masking "
        "false), and is not published. If it should be all the same, name it: "
        f"--benepass-publish-unmasked {settings.warehouse.name}"
    )
