"""A table or view that SQL makes of others."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from benepass_tasks.catalog import Table
from benepass_tasks.config.digests import digest
from benepass_tasks.engine.measure import Measure
from benepass_tasks.pipeline.build import Builder, InFullError
from benepass_tasks.pipeline.nodes.digests import shape
from benepass_tasks.pipeline.upkeep import Upkeep
from benepass_tasks.quality.quarantine import is_quarantine
from benepass_tasks.sqlmodels import Model
from benepass_tasks.state.plan import (
    Evidence,
    Made,
    Node,
    OnProgress,
    OtherWorkError,
    Status,
    Work,
)
from benepass_tasks.state.run import Run

SQL_CHANGED, FORCED = "SQL or setting changed", "forced"
"""Why a table is built anew in any case."""


@dataclass(frozen=True)
class ModelNode(Node):
    """A model of the project.

    Attributes:
        model: Its SQL.
        table: What the catalog declares it to be.
        upkeep: The models around it.
        settings: The settings that its SQL reads, with what stands for their values.
        is_forced: Whether it is to be made anew in any case.
    """

    kind = "relation"
    already = "up to date: its inputs have the same rows as before"

    model: Model
    table: Table
    upkeep: Upkeep
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
                return SQL_CHANGED
            if self.is_forced and not evidence.is_ours(self.name):
                return FORCED
        return self.never_made if record is None else super().reason(evidence, fingerprint)

    def make(self, run: Run, status: Status, on_progress: OnProgress) -> Work:  # noqa: ARG002
        """Bring a table up to date by what changed, or build it in place of what there is."""
        known, states = run.known(), self._states(run)
        relations = {**known.relations, self.name: self.table.materialized}

        def builder(connection: Connection) -> Builder:
            return Builder(connection, self.model, self.table, self.upkeep, known, states)

        def in_full(connection: Connection, why: str | None, *, tells_apart: bool) -> Made:
            measure, how = builder(connection).in_full(why, tells_apart=tells_apart)
            measure = measure or Measure(None, str(status.fingerprint))
            return Made({self.name: measure}, replace(known, relations=relations), how=how)

        def by_changes(connection: Connection) -> Made:
            try:
                measure, how = builder(connection).by_changes()
            except InFullError as error:
                return in_full(connection, str(error), tells_apart=not error.is_much)
            except DBAPIError:
                # The transaction is lost; of all rows, the same SQL may well be fine.
                why = "its SQL fails where it reads some of the rows"
                raise OtherWorkError(lambda it: in_full(it, why, tells_apart=True)) from None
            return Made({self.name: measure}, known, how=how)

        if status.reason == self.changed and self.table.materialized == "table":
            return by_changes
        is_there = status.reason in (FORCED, SQL_CHANGED)
        why = status.reason if is_there else None
        return lambda connection: in_full(connection, why, tells_apart=is_there)

    def _states(self, run: Run) -> dict[str, str]:
        plan = run.plan()
        data = {name: str(status.data_hash) for name, status in plan.items()}
        code = {name: status.code_version for name, status in plan.items()}
        return self.upkeep.states(self.model, data, code)
