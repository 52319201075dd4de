"""The pages for those who write no SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sqlalchemy import Connection

from benepass_tasks.engine.measure import Measure
from benepass_tasks.pipeline.nodes.data_tests import DataTestsNode
from benepass_tasks.pipeline.nodes.page import PageNode
from benepass_tasks.pipeline.nodes.publication import UNMASKED, PublicationNode
from benepass_tasks.pipeline.nodes.reconciliation import ReconciliationNode
from benepass_tasks.site import FIRST_PAGE, SiteCode, files_of_site, tell_anew
from benepass_tasks.state.ownership import take_folder
from benepass_tasks.state.plan import Evidence, Made, Node, OnProgress, Status, Work, fingerprint_of
from benepass_tasks.state.run import Run


@dataclass(frozen=True)
class SiteNode(Node):
    """The site: it shows what is published, and the runs that made that.

    Attributes:
        code: How the pages are made.
        folder: Where they are.
        may_publish: Whether anything of the warehouse may be shown.
        pages: Those that are files of the project.
    """

    kind = "site"
    name = "site"
    never_made = "not built yet"

    code: SiteCode
    folder: Path
    may_publish: bool
    pages: Sequence[PageNode]

    @property
    def after(self) -> Sequence[str]:
        """What the pages show."""
        return (ReconciliationNode.name, DataTestsNode.name, PublicationNode.name)

    @property
    def parts(self) -> Sequence[Node]:
        """The pages that are files of the project."""
        return self.pages

    @cached_property
    def files(self) -> Sequence[str]:
        """The files that these become."""
        return [page.file for page in self.pages]

    @property
    def already(self) -> str:
        """Where the pages are."""
        return f"The site is up to date: {self.folder / FIRST_PAGE}"

    @cached_property
    def code_version(self) -> str:
        """Digest of the site's own code and of what the pages quote of the project."""
        return self.code.whole

    def see(self) -> Mapping[str, str]:
        """The state of the pages, and of each that is a file of the project; empty if not there."""
        states = {page.name: page.state for page in self.pages}
        return {self.name: files_of_site(self.folder, self.files), **states}

    def fingerprint(self, evidence: Evidence) -> str | None:
        """Of the runs that made what the pages show, and of what that is."""
        if evidence.first_reason(self.after) is not None:
            return None
        shown = {name: evidence.known.materializations[name].run_id for name in self.after}
        files = evidence.statuses[PublicationNode.name].fingerprint
        return fingerprint_of(self.code_version, shown | {"files": files})

    def reason(self, evidence: Evidence, fingerprint: str | None) -> str | None:
        """Why the pages have to be made."""
        if not self.may_publish:
            return UNMASKED
        reason, state = super().reason(evidence, fingerprint), evidence.seen[self.name]
        if reason is not None or evidence.is_ours(self.name):
            return reason
        if state != self.data_hash(evidence):
            return "changed by hand" if state else "pages missing"
        return evidence.first_reason([page.name for page in self.pages])

    def make(self, run: Run, status: Status, on_progress: OnProgress) -> Work:  # noqa: ARG002
        """Write the pages and put them in their places."""
        from benepass_tasks.site import building  # noqa: PLC0415 - imports a lot

        plan, known = run.plan(), run.known()
        stale = [page for page in self.pages if not plan[page.name].is_current]
        current = [page.file for page in self.pages if page not in stale]
        past = known.records_of(PageNode.kind) - {page.name for page in self.pages}
        count = building.build_site(run, current, [PageNode.file_of(name) for name in past])
        take_folder(self.folder, run.settings.env)
        measures = {page.name: Measure(None, page.state) for page in stale}
        measures[self.name] = Measure(None, files_of_site(self.folder, self.files))

        def work(_: Connection) -> Made:
            said = f"The site: {count} pages, open {self.folder / FIRST_PAGE}"
            return Made(measures, known, past, said)

        return work

    def finish(self, run: Run) -> None:
        """Tell the pages of this run, which has built them."""
        tell_anew(run)
