"""A page of the site that is a file of the project."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benepass_tasks.config.digests import digest
from benepass_tasks.pipeline.nodes.data_tests import DataTestsNode
from benepass_tasks.pipeline.nodes.publication import PublicationNode
from benepass_tasks.pipeline.nodes.reconciliation import ReconciliationNode
from benepass_tasks.site import SiteCode
from benepass_tasks.state.plan import Evidence, Node, fingerprint_of
from benepass_tasks.state.publication import Publication, file_state


@dataclass(frozen=True)
class PageNode(Node):
    """One page, made together with the site; its data hash is the state of its file.

    Attributes:
        code: How pages are made.
        path: Its Markdown, below the project's folder.
        folder: Where the pages are.
        publication: What it shows; None where nothing may be shown.
        told: What a run is told that pages show.
    """

    kind = "page"
    never_made = "not built yet"

    code: SiteCode
    path: Path
    folder: Path
    publication: Publication | None
    told: tuple[str, ...]

    @property
    def name(self) -> str:
        """That of all pages, and the page's own."""
        return f"{self.kind}:{self.path.stem}"

    @property
    def file(self) -> str:
        """What it becomes, below the site's folder."""
        return self.file_of(self.name)

    @classmethod
    def file_of(cls, name: str) -> str:
        """What a page of some name becomes."""
        return f"{name.removeprefix(f'{cls.kind}:')}.html"

    @property
    def state(self) -> str:
        """The state of its file; empty where there is none."""
        return file_state(self.folder / self.file)

    @cached_property
    def code_version(self) -> str:
        """Digest of its text, of how pages are made, and of how what it reads is published."""
        found = self.publication
        published = [found.files[it] for it in self._published] if found else []
        text = self.code.text(self.path)
        return digest(self.code.package, self.code.navigation, text, *self.told, *published)

    @cached_property
    def _published(self) -> Sequence[str]:
        """The published files of the tables that it reads.

        They are looked for by name: one that only its prose names makes it anew as well, and SQL
        that is wrong is told by whoever makes it.
        """
        found = self.publication
        named = set(re.findall(r"\b[a-z]+\.\w+", self.code.text(self.path).lower()))
        return [it.file for name, it in found.tables.items() if name in named] if found else []

    @cached_property
    def inputs(self) -> Sequence[str]:
        """The tables that it reads, and those that decide what of them is withheld."""
        found = self.publication
        relations = (found.relations_of(it) for it in self._published) if found else ()
        return sorted({relation for of in relations for relation in of})

    @property
    def after(self) -> Sequence[str]:
        """Nothing is shown that is not tested and published."""
        return (ReconciliationNode.name, DataTestsNode.name, PublicationNode.name)

    def fingerprint(self, evidence: Evidence) -> str | None:
        """Of its text and tables, and of the runs that made these where it shows runs."""
        own = super().fingerprint(evidence)
        if own is None or "history." not in self.code.text(self.path):
            return own
        runs = {name: evidence.known.materializations[name].run_id for name in self.after}
        return fingerprint_of(own, dict(runs))

    def reason(self, evidence: Evidence, fingerprint: str | None) -> str | None:
        """Why it has to be made."""
        reason = super().reason(evidence, fingerprint)
        if reason is not None or evidence.is_ours(self.name):
            return reason
        return None if self.data_hash(evidence) == evidence.seen[self.name] else "changed by hand"
