"""The proof that every record and cent of the files is accounted for."""

from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Connection

from benepass_tasks.catalog import Catalog
from benepass_tasks.config.digests import digest
from benepass_tasks.config.errors import ProjectError
from benepass_tasks.config.project import Project
from benepass_tasks.engine.measure import Measure
from benepass_tasks.state.plan import Evidence, Made, Node, OnProgress, Status, Work
from benepass_tasks.state.run import Run


@dataclass(frozen=True)
class ReconciliationNode(Node):
    """The proof over all tables of the catalog; it also drops what the catalog no longer has."""

    kind = "reconciliation"
    name = "books"
    never_made = "not proven yet"
    already = "The books balance: proven by another run."

    catalog: Catalog
    proof: str

    @property
    def inputs(self) -> list[str]:
        """Every table."""
        return sorted(self.catalog.tables)

    @cached_property
    def code_version(self) -> str:
        """Digest of the SQL of the proof, and of what the catalog says of tables and sources."""
        sources = self.catalog.sources.values()
        declared = (f"{source.name} {source.reconciliation}" for source in sources)
        return digest(self.proof, *self.inputs, *declared)

    def reason(self, evidence: Evidence, fingerprint: str | None) -> str | None:
        """Why it has to be proven again."""
        reason = super().reason(evidence, fingerprint)
        if reason is None and evidence.known.undeclared(self.catalog.tables):
            return "tables that the catalog no longer has"
        return reason

    def make(self, run: Run, status: Status, on_progress: OnProgress) -> Work:  # noqa: ARG002
        """Drop what is not declared any more, and prove the rest."""
        from benepass_tasks.quality import reconciliation  # noqa: PLC0415 - imports rich

        known = run.known()
        gone = known.undeclared(self.catalog.tables)
        # Otherwise it drops tables and forgets loads.
        is_whole = not gone and all(
            it.source in self.catalog.sources for it in known.loads.values()
        )

        def work(connection: Connection) -> Made:
            said = reconciliation.balance(connection, run.definitions, run.id, gone, known)
            proven = {self.name: Measure(None, str(status.fingerprint))}
            return Made(proven, known if is_whole else None, void=gone, said=said)

        return work


def read_proof(project: Project) -> str:
    """The SQL that balances the books, without its comments."""
    path = project.sql / "checks" / "books_balance.sql"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise ProjectError(f"{path} is missing; it proves that the books balance") from error
    return "\n".join(line for line in lines if not line.lstrip().startswith("--"))
