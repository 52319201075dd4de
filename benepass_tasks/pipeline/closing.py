"""The end of a run: what became of it is written down, and judged by those before it."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import Connection, select

from benepass_tasks.config.errors import (
    BenepassError,
    EngineError,
    ProjectError,
    SourceError,
    WarehouseError,
)
from benepass_tasks.engine.handover import Handover
from benepass_tasks.pipeline.nodes.reconciliation import ReconciliationNode
from benepass_tasks.quality.monitors import judge_names, judge_slots, keep_results, observe
from benepass_tasks.sqlmodels.effective import Definitions
from benepass_tasks.state.branches.folders import delete_branch, expired_branches
from benepass_tasks.state.descriptions import describe
from benepass_tasks.state.history import runs
from benepass_tasks.state.history.materializations import record_bytes, record_skipped
from benepass_tasks.state.history.runs import Ending
from benepass_tasks.state.kept import OldChanges
from benepass_tasks.state.meta import MATERIALIZATIONS
from benepass_tasks.state.nodes import Kind
from benepass_tasks.state.ownership import take_folder
from benepass_tasks.state.plan import Node, Plan
from benepass_tasks.state.restatements import restatements_of, summary_of
from benepass_tasks.state.run import Run
from benepass_tasks.state.store import state_of

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Aim:
    """What the run was to bring about: the project as it is, and what of it is up to date now."""

    definitions: Definitions
    nodes: Mapping[str, Node]
    plan: Plan

    @property
    def current(self) -> Mapping[str, tuple[Kind, str | None]]:
        """The kinds and fingerprints of the nodes that are up to date."""
        return {
            name: (node.kind, self.plan[name].fingerprint)
            for name, node in self.nodes.items()
            if self.plan[name].is_current
        }

    @property
    def is_whole(self) -> bool:
        """Whether all tables are up to date, and the books balance."""
        return self.plan[ReconciliationNode.name].is_current

    def is_done(self, node: str) -> bool:
        """Whether a node is up to date; for a file that is gone meanwhile nothing is left to do."""
        return node not in self.plan or self.plan[node].is_current


def close_run(run: Run) -> Ending:
    """Write how a run ended and what it did not have to build, and forget what is old.

    Args:
        run: The run, on a warehouse that exists.

    Returns:
        How it ended.
    """
    aim = _aim(run)
    warehouse, settings = run.warehouse, run.settings
    with warehouse.exclusive():
        _clear_handover(run)
        with warehouse.write() as connection:
            if aim is not None:
                record_skipped(connection, run.id, aim.current)
            record_bytes(connection, run.id)
            ending = _ending(connection, run, aim)
            runs.end(connection, run.beginning, ending)
            if aim is not None and aim.is_whole:
                describe(connection, aim.definitions)
            runs.settle_interrupted(connection, warehouse)
            runs.forget_old(connection, settings.keep_runs)
            _forget_changes(connection, run)
            if aim is not None:
                _forget_rejected(connection, run)
            restated = restatements_of(connection, [run.id])
        for folder in (settings.published_dir, settings.site_dir):
            take_folder(folder, settings.env)
        run.beacon.put_out()
        if aim is not None and aim.is_whole:
            _watch(run, aim)
    if settings.parent is None:
        _delete_expired(run)
    for relation, months in groupby(restated, key=lambda it: it.relation):
        log.warning("%s", summary_of(relation, list(months)))
    return ending


def _forget_changes(connection: Connection, run: Run) -> None:
    """Forget what went from the marts and is kept for long enough, unless a guard stands."""
    try:
        old = OldChanges.of(connection, run.settings.keep_changes, run.now())
        old.forget(connection, run.id, run.settings.accept)
    except WarehouseError as error:
        log.warning("%s", error)


def _forget_rejected(connection: Connection, run: Run) -> None:
    """Forget what could not be parsed and is kept for long enough, unless a guard stands."""
    if run.settings.keep_rejected is None:
        return
    from benepass_tasks.ingestion.retention import OldRejected  # noqa: PLC0415 - imports pyarrow

    catalog, keep = run.definitions.catalog, run.settings.keep_rejected
    try:
        old = OldRejected.of(connection, catalog, keep, run.now())
        old.forget(connection, run.id, run.settings.accept)
    except SourceError as error:
        log.warning("%s", error)


def _clear_handover(run: Run) -> None:
    """Remove what was handed to Spark, also by a run that was killed; what stays is told."""
    try:
        Handover(run.settings.handover_dir).clear()
    except EngineError as error:
        log.warning("%s", error)


def _delete_expired(run: Run) -> None:
    """Delete the branches that were not run for long enough; one that cannot be is told."""
    try:
        for branch in expired_branches(run.settings):
            delete_branch(run.settings, branch)
            log.info("branch %s had expired, and is deleted", branch.name)
    except BenepassError as error:
        log.warning("%s", error)


def _aim(run: Run) -> Aim | None:
    """What it was to bring about; None where the project is invalid, and it is told so."""
    run.look_again()
    try:
        return Aim(run.definitions, run.nodes(), run.plan())
    except ProjectError as error:
        if not run.broken:
            run.broken.append(str(error))
        return None


def _watch(run: Run, aim: Aim) -> None:
    """Judge what the run has left; neither what is found nor a monitor that fails fails it."""
    made_of, settings = aim.definitions, run.settings
    try:
        with run.warehouse.write() as connection:
            results = [
                *observe(
                    connection,
                    made_of.project,
                    made_of.catalog,
                    settings.as_of,
                    settings.anomaly_window,
                ),
                *judge_names(made_of.catalog, settings),
                *judge_slots(made_of.catalog, settings),
            ]
            keep_results(connection, run.id, results)
    except WarehouseError as error:
        log.warning("the monitors could not look: %s", error)
        return
    except OSError as error:
        log.warning("the monitors could not look: %s: %s", error.filename, error.strerror)
        return
    for result in results:
        if result.status != "ok":
            log.warning("%s", result)


def _ending(connection: Connection, run: Run, aim: Aim | None) -> Ending:
    ours, column = MATERIALIZATIONS.c.run_id == run.id, MATERIALIZATIONS.c.node
    failures = select(column).where(ours, MATERIALIZATIONS.c.outcome == "failed")
    if run.broken:
        return Ending("failed", "; ".join(run.broken))
    if state_of(connection).execute(failures).first() is not None:
        return Ending("failed")
    left = sorted(node for node in run.asked if aim is None or not aim.is_done(node))
    if left:
        return Ending("failed", f"not finished: {', '.join(left)}")
    return Ending("succeeded")
