"""A table or view that SQL makes of others."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from benepass_tasks.catalog import Table
from benepass_tasks.config.digests import digest
from benepass_tasks.engine.measure import Measure
from benepass_tasks.pipeline.build import SETTING, Builder, InFullError
from benepass_tasks.pipeline.comparison import compare
from benepass_tasks.pipeline.nodes.digests import shape
from benepass_tasks.pipeline.upkeep import Upkeep
from benepass_tasks.quality.quarantine import is_quarantine
from benepass_tasks.sqlmodels import Model
from benepass_tasks.state.history.read import seconds_by_how
from benepass_tasks.state.kept import Keeper
from benepass_tasks.state.markers import Snapshot
from benepass_tasks.state.plan import (
    WAITING,
    Evidence,
    How,
    Made,
    Node,
    OnProgress,
    OtherWorkError,
    Outlook,
    Status,
    Work,
)
from benepass_tasks.state.restatements import Watch
from benepass_tasks.state.run import Run
from benepass_tasks.state.verifications import Verdict, write_verdict

if TYPE_CHECKING:
    from benepass_tasks.pipeline.on_spark import OnSpark

SQL_CHANGED, FORCED = "SQL changed", "forced"
"""Why a table is built anew in any case."""

MISSING = "table missing"
"""Why one is built that was there."""

DUE = "its verification is due"
"""Why one is looked at of which nothing has changed."""

DIFFERS = "it differed from a full build"
"""Why one is built in full that was just verified."""

log = logging.getLogger(__name__)


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
    def changed(self) -> str:
        """The reason where its inputs are others, or a setting that it reads is."""
        return "input or setting changed" if self.settings else super().changed

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
        """Digest of the SQL."""
        table = self.table
        return digest(table.materialized, self.model.code_version, *shape(table))

    def fingerprint(self, evidence: Evidence) -> str | None:
        """That of the SQL and the inputs, and of the settings that it reads."""
        found = super().fingerprint(evidence)
        return digest(found, *self.settings) if found and self.settings else found

    @property
    def rows(self) -> str:
        """What its rows are."""
        return "rows quarantined" if is_quarantine(self.name) else "rows"

    def reason(self, evidence: Evidence, fingerprint: str | None) -> str | None:
        """Why it has to be built."""
        record = evidence.record(self.name)
        if record is not None:
            if evidence.known.kind_of(self.name) != self.table.materialized:
                return MISSING
            if record.code_version != self.code_version:
                return SQL_CHANGED
            if self.is_forced and not evidence.is_ours(self.name):
                return FORCED
            reason = super().reason(evidence, fingerprint)
            is_due = evidence.due == self.name and not evidence.is_ours(self.name)
            return DUE if reason is None and is_due else reason
        return self.never_made

    def make(self, run: Run, status: Status, on_progress: OnProgress) -> Work:  # noqa: ARG002
        """Bring a table up to date by what changed, or build it in place of what there is."""
        known, making = run.known(), _Making(self, run, status, self._builder(run))
        if status.reason in (DUE, self.changed) and self.table.materialized == "table":
            how = making.by_changes if status.reason == self.changed else making.as_it_is
            if run.due == self.name:
                return lambda connection: making.verified(connection, how(connection, known), known)
            return lambda connection: how(connection, known)
        is_there = status.reason in (FORCED, SQL_CHANGED)
        why = status.reason if is_there else None
        return lambda connection: making.in_full(connection, known, why, tells_apart=is_there)

    def foreseen(self, run: Run, connection: Connection) -> Outlook:
        """How a table would be made that is not up to date, as far as can be told before.

        Args:
            run: The run that asks.
            connection: A session that may only read.
        """
        status = run.plan()[self.name]
        seconds = seconds_by_how(connection, self.name)
        if status.reason == DUE:
            return Outlook("unchanged", "compared with a full build", 0, seconds, None)
        if status.reason not in (WAITING, self.changed):
            return Outlook("full", status.reason, None, seconds, run.settings.engine)
        unsettled = [it for it in self.upkeep.inputs(self.model) if not run.plan()[it].is_current]
        try:
            changed = self.builder(run)(connection).foreseen(unsettled)
        except InFullError as error:
            return Outlook("full", str(error), None, seconds, run.settings.engine)
        return Outlook("changes", None, None if unsettled else changed, seconds)

    def builder(self, run: Run) -> Callable[[Connection], Builder]:
        """What builds the table in a session, as things are now."""
        known, builder = run.known(), self._builder(run)
        return lambda connection: builder(connection, known)

    def _builder(self, run: Run) -> "BuilderOf":
        """What builds the table, by a session and by what the warehouse holds.

        The run is asked before: it cannot look at the warehouse while a session writes it.
        """
        states, keeper, spark = self._states(run), self.keeper(run), self._on_spark(run)

        def builder(connection: Connection, known: Snapshot) -> Builder:
            model, table, watch = self.model, self.table, self._watch(run, known)
            return Builder(
                connection, model, table, self.upkeep, known, states, keeper, watch, spark
            )

        return builder

    def _on_spark(self, run: Run) -> "OnSpark | None":
        if run.spark is None:
            return None
        from benepass_tasks.pipeline.on_spark import on_spark  # noqa: PLC0415 - imports sqlglot

        return on_spark(run, run.spark, self.upkeep)

    def keeper(self, run: Run) -> Keeper | None:
        """What keeps the steps of the table in a run; of no layer but the marts.

        What is below them follows from the files, and may hold what leads to a person.
        """
        is_kept = run.settings.keep_changes is not None and self.table.layer == "marts"
        return Keeper(run.id, run.now()) if is_kept else None

    def _watch(self, run: Run, known: Snapshot) -> Watch | None:
        """What looks for old months of the table whose money changes, where it has any money."""
        months = self.table.months
        if months is None or months.money is None:
            return None
        kept = self._first_kept(run, known)
        return Watch(self.name, months, run.id, run.now(), run.settings.max_restated, kept)

    def _first_kept(self, run: Run, known: Snapshot) -> date:
        """The first day of which no record is past its retention that the table is made of."""
        catalog, graph = run.definitions.catalog, run.definitions.graph
        days = [date.min]
        for name, enforced in known.retentions.items():
            source = catalog.sources.get(name)
            if source is not None and source.retention is not None:
                raw = catalog.raw_table_of(name).relation
                if self.name in graph.downstream(frozenset({raw})):
                    days.append(source.retention.keep.before(enforced.enforced_on))
        return max(days)

    def _states(self, run: Run) -> dict[str, str]:
        plan = run.plan()
        data = {name: str(status.data_hash) for name, status in plan.items()}
        code = {name: status.code_version for name, status in plan.items()}
        values, read = run.settings.fingerprints, self.upkeep.settings(self.model)
        settings = {f"{SETTING}{name}": values[name] for name in read}
        return {**self.upkeep.states(self.model, data, code), **settings}


def table_nodes(run: Run) -> list[ModelNode]:
    """The tables that SQL of the project makes, each after those that it reads."""
    nodes = (run.nodes().get(name) for name in run.plan())
    return [it for it in nodes if isinstance(it, ModelNode) and it.table.materialized == "table"]


BuilderOf: TypeAlias = Callable[[Connection, Snapshot], Builder]
"""What builds a table, by a session and by what the warehouse holds."""


@dataclass(frozen=True)
class _Making:
    """The ways to make a model in a run; each takes a session and what the warehouse holds."""

    node: ModelNode
    run: Run
    status: Status
    builder: BuilderOf

    def in_full(
        self, connection: Connection, known: Snapshot, why: str | None, *, tells_apart: bool
    ) -> Made:
        """Build it as a whole."""
        name, table = self.node.name, self.node.table
        measure, how = self.builder(connection, known).in_full(why, tells_apart=tells_apart)
        measure = measure or Measure(None, str(self.status.fingerprint))
        relations = {**known.relations, name: table.materialized}
        return self._made(connection, measure, replace(known, relations=relations), how)

    def by_changes(self, connection: Connection, known: Snapshot) -> Made:
        """Bring it up to date by what changed, where that can be done."""
        try:
            measure, how = self.builder(connection, known).by_changes()
        except InFullError as error:
            return self.in_full(connection, known, str(error), tells_apart=not error.is_much)
        except DBAPIError:
            # The transaction is lost; of all rows, the same SQL may well be fine.
            why = "its SQL fails where it reads some of the rows"
            raise OtherWorkError(
                lambda it: self.in_full(it, known, why, tells_apart=True)
            ) from None
        return self._made(connection, measure, known, how)

    def as_it_is(self, connection: Connection, known: Snapshot) -> Made:
        """Leave it, since nothing has changed."""
        measure, how = self.builder(connection, known).as_it_is()
        return self._made(connection, measure, known, how)

    def verified(self, connection: Connection, made: Made, known: Snapshot) -> Made:
        """Compare what was made with a full build, which takes its place where they differ."""
        name, measure = self.node.name, made.measures[self.node.name]
        is_full = made.how is not None and made.how.how == "full"
        verdict = (
            Verdict(name, measure.row_count or 0)
            if is_full
            else compare(connection, self.node, measure.data_hash)
        )
        write_verdict(connection, verdict, self.run.id, self.run.now(), is_scheduled=True)
        if verdict.is_right:
            return replace(made, said=f"{made.how}, verified: {verdict}")
        log.warning("%s: %s; the full build takes its place", name, verdict)
        # What was made is what the next step of the table leads from.
        record = known.materializations[name].holding(measure)
        return self.in_full(
            connection, known.with_records({name: record}), DIFFERS, tells_apart=True
        )

    def _made(
        self, connection: Connection, measure: Measure, known: Snapshot, how: How | None
    ) -> Made:
        if keeper := self.node.keeper(self.run):
            keeper.begin(connection, self.node.name, measure.data_hash)
        return Made({self.node.name: measure}, known, how=how)
