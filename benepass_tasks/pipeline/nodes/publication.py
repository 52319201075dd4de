"""What audiences get: a DuckDB file and Parquet files, a schema of Postgres, tables of Iceberg."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NoReturn

from sqlalchemy import Connection

from benepass_tasks.catalog.audiences import ANALYST, Place, place_of
from benepass_tasks.config.digests import digest
from benepass_tasks.config.errors import PublicationError
from benepass_tasks.config.settings import Settings
from benepass_tasks.engine.measure import Measure
from benepass_tasks.pipeline.nodes.data_tests import DataTestsNode
from benepass_tasks.state.decisions import Decision, use_decisions
from benepass_tasks.state.markers import Snapshot
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
    place: str

    @property
    def code_version(self) -> str:
        """Digest of everything but the rows."""
        return self.publication.files[self.file]

    @property
    def name(self) -> str:
        """That of all files, its place, and the file's path below its folder."""
        return f"{PublicationNode.name}:{self.place}{self.file}"

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
class _Place:
    """Where parts of what is published are, which is looked at once, and if need be."""

    place: Place
    parts: Sequence[str]

    @cached_property
    def states(self) -> Mapping[str, str] | None:
        """As `Target.states`."""
        from benepass_tasks.publish.targets import target_of  # noqa: PLC0415 - rarely needed

        return target_of(self.place, self.parts).states()


@dataclass(frozen=True)
class PublishedPartNode(PublishedFileNode):
    """A schema or a table elsewhere, as it was written; its data hash is the state of that.

    One that cannot be asked is taken to be as it was left: what is new would be written anyway.
    """

    at: _Place

    @property
    def code_version(self) -> str:
        """Digest of everything but the rows."""
        return self.publication.parts[self.file].code_version

    def reason(self, evidence: Evidence, fingerprint: str | None) -> str | None:
        """Why it has to be written."""
        reason = Node.reason(self, evidence, fingerprint)
        if reason is not None or evidence.is_ours(self.name) or self.at.states is None:
            return reason
        is_same = self.at.states.get(self.file) == self.data_hash(evidence)
        return None if is_same else "changed by hand"


@dataclass(frozen=True)
class PublicationNode(Node):
    """Everything that is published, for all audiences.

    Attributes:
        publications: What that is, that of analysts first; none where nothing may be.
        project_dir: The folder below which those of audiences are named.
    """

    kind = "publication"
    name = "published"
    never_made = "not published yet"
    already = "Published already."

    publications: Sequence[Publication]
    project_dir: Path

    @cached_property
    def orders(self) -> Sequence[tuple[Publication, Sequence[PublishedFileNode]]]:
        """What there is for each audience."""
        return [(it, list(self._parts_of(it))) for it in self.publications]

    def _parts_of(self, publication: Publication) -> Iterator[PublishedFileNode]:
        place = self._place(publication)
        if publication.folder is not None:
            yield from (PublishedFileNode(publication, it, place) for it in publication.files)
        for there, parts in publication.parts_by_place.items():
            whose, names = f"{publication.audience.name}:", [it.name for it in parts]
            at = _Place(there, names)
            yield from (PublishedPartNode(publication, it, whose, at) for it in names)

    def _place(self, publication: Publication) -> str:
        """What stands before the files of an audience in their names; nothing for analysts.

        The record of a file says so where it is, for the time when its audience is no more.
        """
        folder, name = publication.folder, publication.audience.name
        if name == ANALYST or folder is None:
            return ""
        is_within = folder.is_relative_to(self.project_dir)
        return f"{name}:{folder.relative_to(self.project_dir) if is_within else folder}/"

    @property
    def files(self) -> Sequence[PublishedFileNode]:
        """The files of all audiences, and what they have elsewhere."""
        return [part for _, parts in self.orders for part in parts]

    @property
    def parts(self) -> Sequence[Node]:
        """Its files."""
        return self.files

    @cached_property
    def inputs(self) -> Sequence[str]:
        """The tables whose rows decide what is published, and whether it may be."""
        return sorted(frozenset[str]().union(*(it.inputs for it in self.publications)))

    @property
    def after(self) -> Sequence[str]:
        """Nothing is published that is not tested."""
        return (DataTestsNode.name,)

    @cached_property
    def code_version(self) -> str:
        """Digest of everything but the rows."""
        versions = [it.code_version for it in self.publications]
        return versions[0] if len(versions) == 1 else digest(*versions)

    def see(self) -> Mapping[str, str]:
        """The states of the files that are published, and the names of those that are no longer."""
        states: dict[str, str] = {}
        others: list[str] = []
        for publication, parts in self.orders:
            if publication.folder is not None:
                found = published_files(publication.folder)
                states |= {it.name: found.pop(it.file) for it in parts if it.file in found}
                others += found
        return {**states, self.name: " ".join(sorted(others))} if self.publications else {}

    def reason(self, evidence: Evidence, fingerprint: str | None) -> str | None:
        """Why something has to be published."""
        if not self.publications:
            return UNMASKED
        reason = super().reason(evidence, fingerprint)
        if reason is not None or evidence.is_ours(self.name):
            # Where this run published everything, files that differ now were published since, by
            # a run on another warehouse that has the same folder: the next run sees to them.
            return reason
        if evidence.seen.get(self.name) or self._retired(evidence.known):
            return "files that are published no longer"
        return evidence.first_reason([file.name for file in self.files])

    def _retired(self, known: Snapshot) -> frozenset[str]:
        """The names of what was published and is no more, by what is recorded of it."""
        return frozenset(known.records_of(PublishedFileNode.kind) - {it.name for it in self.files})

    def make(self, run: Run, status: Status, on_progress: OnProgress) -> Work:  # noqa: ARG002
        """Write what is not as it should be, check it, put it in place and take away the rest."""
        from benepass_tasks.publish import publishing  # noqa: PLC0415 - rarely needed

        if not self.publications:
            refuse(run.settings)
        accepted = self._guard(run)
        plan, known = run.plan(), run.known()
        past, records = self._retired(known), known.materializations
        orders = []
        for publication, parts in self.orders:
            stale = [it.file for it in parts if not plan[it.name].is_current]
            left = {it.file: of.data_hash for it in parts if (of := records.get(it.name))}
            orders.append(publishing.Order(publication, stale, left))
        macros = frozenset[str]().union(*(it.macros for it in self.publications))
        sql = [it.sql for it in run.definitions.graph.macros_behind(macros)]
        made = publishing.publish(run.warehouse, orders, sql, run.id)
        self._retire(past)
        for publication in self.publications:
            if publication.folder is not None:
                take_folder(publication.folder, run.settings.env)
        measures = {
            part.name: found[part.file]
            for (_, parts), found in zip(self.orders, made, strict=True)
            for part in parts
            if part.file in found
        }

        def work(connection: Connection) -> Made:
            use_decisions(connection, accepted)
            published = {self.name: Measure(None, status.code_version), **measures}
            return Made(published, known, past, self._said(len(measures)))

        return work

    def _said(self, new: int) -> str:
        count, kept = len(self.publications[0].tables), len(self.files) - new
        said = (
            f"Published in {self.publications[0].folder}: {count} tables, in {DATABASE} and as "
            "Parquet"
        )
        others = ", ".join(it.audience.name for it in self.publications[1:])
        also = f", and for {others}" if others else ""
        return f"{said}{also}; {new} files are new, {kept} as they were."

    def _retire(self, past: Iterable[str]) -> None:
        """Take away what was for an audience that has it elsewhere now, or is no more."""
        from benepass_tasks.publish.publishing import retire  # noqa: PLC0415 - rarely needed
        from benepass_tasks.publish.targets import target_of  # noqa: PLC0415 - rarely needed

        current = {it.folder.resolve() for it in self.publications if it.folder is not None}
        for name in {_path_of(it) for it in past}:
            elsewhere, folder = place_of(name), self.project_dir / name.removesuffix(f"/{DATABASE}")
            if elsewhere is not None:
                target_of(elsewhere, [name]).drop()
            elif name.endswith(f"/{DATABASE}") and folder.resolve() not in current:
                retire(folder)

    def _guard(self, run: Run) -> Sequence[Decision]:
        """Stop before good figures are replaced, where there are any."""
        from benepass_tasks.publish.money_guard import Money, guard_money  # noqa: PLC0415 - rarely needed

        if not any(it.folder and published_files(it.folder) for it in self.publications):
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


def _path_of(name: str) -> str:
    """What was published by the name of its record, without whose it was: a file, or a part."""
    return name.removeprefix(f"{PublicationNode.name}:").partition(":")[2]


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
