"""The pages for those who write no SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sqlalchemy import Connection

from benepass_tasks.config.project import Project
from benepass_tasks.engine.measure import Measure
from benepass_tasks.pipeline.nodes.data_tests import DataTestsNode
from benepass_tasks.pipeline.nodes.publication import UNMASKED, PublicationNode
from benepass_tasks.pipeline.nodes.reconciliation import ReconciliationNode
from benepass_tasks.site import FIRST_PAGE, files_of_site, site_code_version, tell_anew
from benepass_tasks.state.plan import Evidence, Made, Node, OnProgress, Status, Work, fingerprint_of
from benepass_tasks.state.run import Run


@dataclass(frozen=True)
class SiteNode(Node):
    """The site: it shows what is published, and the runs that made that.

    Attributes:
        project: Its catalog and SQL are quoted on the pages.
        folder: Where the pages are.
        publication: What they show.
    """

    kind = "site"
    name = "site"
    never_made = "not built yet"

    project: Project
    folder: Path
    publication: PublicationNode

    @property
    def after(self) -> Sequence[str]:
        """What the pages show."""
        return (ReconciliationNode.name, DataTestsNode.name, PublicationNode.name)

    @property
    def already(self) -> str:
        """Where the pages are."""
        return f"The site is up to date: {self.folder / FIRST_PAGE}"

    @cached_property
    def code_version(self) -> str:
        """Digest of the site's own code and of what the pages quote of the project."""
        return site_code_version(self.project)

    def see(self) -> Mapping[str, str]:
        """The state of the pages; empty where there are none."""
        return {self.name: files_of_site(self.folder)}

    def fingerprint(self, evidence: Evidence) -> str | None:
        """Of the runs that made what the pages show, and of what that is."""
        if evidence.first_reason(self.after) is not None:
            return None
        shown = {name: evidence.known.materializations[name].run_id for name in self.after}
        files = evidence.statuses[PublicationNode.name].fingerprint
        return fingerprint_of(self.code_version, shown | {"files": files})

    def reason(self, evidence: Evidence, fingerprint: str | None) -> str | None:
        """Why the pages have to be made."""
        if self.publication.publication is None:
            return UNMASKED
        reason, state = super().reason(evidence, fingerprint), evidence.seen[self.name]
        if reason is not None or evidence.is_ours(self.name) or state == self.data_hash(evidence):
            return reason
        return "changed by hand" if state else "pages missing"

    def make(self, run: Run, status: Status, on_progress: OnProgress) -> Work:  # noqa: ARG002
        """Write the pages and put them in their places."""
        from benepass_tasks.site import building  # noqa: PLC0415 - imports a lot

        pages = building.build_site(run)
        measure = Measure(None, files_of_site(self.folder))

        def work(_: Connection) -> Made:
            said = f"The site: {pages} pages, open {self.folder / FIRST_PAGE}"
            return Made({self.name: measure}, said=said)

        return work

    def finish(self, run: Run) -> None:
        """Tell the pages of this run, which has built them."""
        tell_anew(run)
