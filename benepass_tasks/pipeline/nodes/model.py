"""A table or view that SQL makes of others."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from sqlalchemy import Connection

from benepass_tasks.catalog import Table
from benepass_tasks.config.digests import digest
from benepass_tasks.engine.measure import Measure
from benepass_tasks.pipeline.build import build_model
from benepass_tasks.pipeline.nodes.digests import shape
from benepass_tasks.quality.quarantine import is_quarantine
from benepass_tasks.sqlmodels import Macro, Model
from benepass_tasks.state.plan import Evidence, Made, Node, OnProgress, Status, Work
from benepass_tasks.state.run import Run


@dataclass(frozen=True)
class ModelNode(Node):
    """A model of the project.

    Attributes:
        model: Its SQL.
        macros: The macros it needs, each after those that it calls itself.
        table: What the catalog declares it to be.
        settings: The settings that its SQL reads, with what stands for their values.
        is_forced: Whether it is to be made anew in any case.
    """

    kind = "relation"
    already = "up to date: its inputs have the same rows as before"

    model: Model
    macros: Sequence[Macro]
    table: Table
    settings: Sequence[str] = ()
    is_forced: bool = False

    @property
    def name(self) -> str:
        """The table."""
        return self.model.relation

    @property
    def inputs(self) -> Sequence[str]:
        """The tables that its SQL reads."""
        return self.model.references

    @cached_property
    def code_version(self) -> str:
        """Digest of the SQL and of the settings that it reads."""
        table = self.table
        return digest(table.materialized, self.model.recipe, *shape(table), *self.settings)

    @property
    def rows(self) -> str:
        """What its rows are."""
        return "rows quarantined" if is_quarantine(self.name) else "rows"

    def reason(self, evidence: Evidence, fingerprint: str | None) -> str | None:
        """Why it has to be built."""
        record = evidence.record(self.name)
        if record is not None:
            if evidence.known.relations.get(self.name) != self.table.materialized:
                return "table missing"
            if record.code_version != self.code_version:
                return "SQL or setting changed"
            if self.is_forced and not evidence.is_ours(self.name):
                return "forced"
        return self.never_made if record is None else super().reason(evidence, fingerprint)

    def make(self, run: Run, status: Status, on_progress: OnProgress) -> Work:  # noqa: ARG002
        """Build it in place of what there is under its name."""
        known = run.known()

        def work(connection: Connection) -> Made:
            present = known.relations.get(self.name)
            found = build_model(connection, self.model, self.macros, self.table, present)
            measure = found or Measure(None, str(status.fingerprint))
            relations = {**known.relations, self.name: self.table.materialized}
            return Made({self.name: measure}, replace(known, relations=relations))

        return work
