"""The records that could not be parsed, of all sources, in one table."""

from collections.abc import Sequence
from dataclasses import dataclass

from benepass_tasks.pipeline.nodes.source_file import SourceFileNode
from benepass_tasks.state.plan import WAITING, Evidence, Node
from benepass_tasks.state.source_files import REJECTED


@dataclass(frozen=True)
class RejectedRowsNode(Node):
    """The table that each load writes its own share of: nothing else makes it."""

    files: Sequence[SourceFileNode]
    extracts: Sequence[str] = ()

    kind = "relation"
    name = REJECTED
    code_version = ""

    @property
    def inputs(self) -> Sequence[str]:
        """Every source file."""
        return [file.name for file in self.files]

    @property
    def after(self) -> Sequence[str]:
        """All that files are extracts of."""
        return self.extracts

    def reason(self, evidence: Evidence, fingerprint: str | None) -> str | None:  # noqa: ARG002
        """It has no record: it is up to date as soon as each file is loaded."""
        return WAITING if fingerprint is None else None

    def data_hash(self, evidence: Evidence) -> str | None:
        """The loads that it came by."""
        return self.fingerprint(evidence)
