"""What is read of a database, an API or a bucket, before it is loaded as any other file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sqlalchemy import Connection

from benepass_tasks.catalog import Source
from benepass_tasks.catalog.extracts import ApiExtract, BucketExtract, TableExtract
from benepass_tasks.config.digests import digest
from benepass_tasks.engine.measure import Measure
from benepass_tasks.ingestion.extracts import aside_of, settle
from benepass_tasks.state.object_copies import ObjectCopies
from benepass_tasks.state.plan import Evidence, Made, Node, OnProgress, Status, Work
from benepass_tasks.state.run import Run


@dataclass(frozen=True)
class ExtractNode(Node):
    """What is read at one moment: all tables of a database, an API, or the files of a bucket.

    Nobody knows what is new there without asking, so it is asked once in every run, unless the run
    goes by what was read before.
    """

    kind = "extract"

    place: str
    sources: Sequence[Source]
    is_asked: bool

    @property
    def name(self) -> str:
        """The database, API or bucket among the nodes."""
        return f"extract/{self.place}"

    @cached_property
    def code_version(self) -> str:
        """Digest of what is read, and how."""
        return digest(*(repr((it.name, it.extract, it.ignored)) for it in self.sources))

    def reason(self, evidence: Evidence, fingerprint: str | None) -> str | None:
        """It is read in each run, and again where the catalog says something else of it."""
        if not self.is_asked:
            return None
        record = evidence.record(self.name)
        if record and evidence.began and record.built_at < evidence.began:
            return "read in every run"
        return super().reason(evidence, fingerprint)

    @property
    def changed(self) -> str:
        """It has no inputs."""
        return "catalog changed"

    def read(self, run: Run, aside: Path) -> Mapping[str, int]:
        """Read all of it into a folder; returns how much is new, by source.

        Raises:
            SourceError: it cannot be read as a whole.
        """
        # SQLAlchemy's drivers and dlt take long to import, and only a run that reads needs them.
        from benepass_tasks.ingestion.extracts.files import Extracts  # noqa: PLC0415

        where = (run.settings.extracts_dir, aside, run.now())
        found = [
            (Extracts(it, it.extract, *where), it.extract) for it in self.sources if it.extract
        ]
        tables = [(it, about) for it, about in found if isinstance(about, TableExtract)]
        apis = [(it, about) for it, about in found if isinstance(about, ApiExtract)]
        buckets = [(it, about) for it, about in found if isinstance(about, BucketExtract)]
        rows: dict[str, int] = {}
        if tables:
            from benepass_tasks.ingestion.extracts.changes import follow_changes  # noqa: PLC0415
            from benepass_tasks.ingestion.extracts.database import read_tables  # noqa: PLC0415

            if asked := [it for it in tables if it[1].mode is None]:
                rows |= read_tables(self.place, asked)
            if followed := [it for it in tables if it[1].mode == "cdc"]:
                rows |= follow_changes(self.place, followed)
        for extracts, about in apis:
            from benepass_tasks.ingestion.extracts.api import read_api  # noqa: PLC0415

            rows[extracts.source.name] = read_api(extracts, about)
        for extracts, bucket in buckets:
            from benepass_tasks.ingestion.extracts.objects import fetch_objects  # noqa: PLC0415

            rows[extracts.source.name] = fetch_objects(extracts, bucket)
        return rows

    def make(self, run: Run, status: Status, on_progress: OnProgress) -> Work:  # noqa: ARG002
        """Take over what was read."""
        folder, known = run.settings.extracts_dir, run.known()

        def work(_: Connection) -> Made:
            aside = aside_of(folder, self.place)
            settle(folder, aside)
            for source in self.sources:
                if isinstance(source.extract, BucketExtract):
                    ObjectCopies(folder, source.name).settle(aside)
            return Made({self.name: Measure(None, "")}, known)

        return work

    def finish(self, run: Run) -> None:
        """There may be other files now."""
        run.look_again()
