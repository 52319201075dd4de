"""The end of a run: what became of it is written down, and judged by those before it."""

import logging
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, select

from benepass_tasks.catalog import Catalog
from benepass_tasks.config.errors import WarehouseError
from benepass_tasks.config.project import Project
from benepass_tasks.config.settings import Settings
from benepass_tasks.engine.meta import MATERIALIZATIONS
from benepass_tasks.engine.nodes import BOOKS, is_part
from benepass_tasks.engine.session import Warehouse
from benepass_tasks.quality.monitors import observe
from benepass_tasks.state.history import beacon, runs
from benepass_tasks.state.history.materializations import record_bytes, record_skipped
from benepass_tasks.state.history.runs import Ending
from benepass_tasks.state.plan import Plan
from benepass_tasks.state.this_run import run_id

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Aim:
    """What the run was to bring about: the project as it is, and what of it is up to date now."""

    project: Project
    catalog: Catalog
    plan: Plan


def close_run(
    warehouse: Warehouse,
    settings: Settings,
    aim: Aim | None,
    asked: Collection[str],
    broken: Collection[str],
) -> Ending:
    """Write how this run ended and what it did not have to build, and forget what is old.

    Args:
        warehouse: Where everything was built; it exists.
        settings: Those of the run.
        aim: What it was to bring about; None where the project is invalid.
        asked: The nodes that the run was to bring up to date.
        broken: What went wrong outside of the work on a node.

    Returns:
        How it ended.
    """
    with warehouse.exclusive():
        with warehouse.write() as connection:
            if aim is not None:
                record_skipped(connection, _up_to_date(aim.plan))
            record_bytes(connection)
            ending = _ending(connection, aim.plan if aim else None, asked, broken)
            runs.end(connection, settings, ending)
            runs.settle_interrupted(connection, warehouse)
            runs.forget_old(connection, settings.keep_runs)
        beacon.put_out(warehouse, run_id())
        if aim is not None and aim.plan[BOOKS].is_current:
            _watch(warehouse, settings, aim)
    return ending


def _watch(warehouse: Warehouse, settings: Settings, aim: Aim) -> None:
    """Judge what the run has left; neither what is found nor a monitor that fails fails it."""
    window = settings.anomaly_window
    try:
        with warehouse.write() as connection:
            results = observe(connection, aim.project, aim.catalog, settings.as_of, window)
    except WarehouseError as error:
        log.warning("the monitors could not look: %s", error)
        return
    except OSError as error:
        log.warning("the monitors could not look: %s: %s", error.filename, error.strerror)
        return
    for result in results:
        if result.status != "ok":
            log.warning("%s", result)


def _up_to_date(plan: Plan) -> dict[str, str | None]:
    """The fingerprints of what is up to date, of the nodes that are tasks."""
    return {
        node: status.fingerprint
        for node, status in plan.items()
        if status.is_current and not is_part(node)
    }


def _ending(
    connection: Connection, plan: Plan | None, asked: Collection[str], broken: Collection[str]
) -> Ending:
    ours, column = MATERIALIZATIONS.c.run_id == run_id(), MATERIALIZATIONS.c.node
    failures = select(column).where(ours, MATERIALIZATIONS.c.outcome == "failed")
    if broken:
        return Ending("failed", "; ".join(broken))
    if connection.execute(failures).first() is not None:
        return Ending("failed")
    left = sorted(node for node in asked if plan is None or not _is_done(plan, node))
    if left:
        return Ending("failed", f"not finished: {', '.join(left)}")
    return Ending("succeeded")


def _is_done(plan: Plan, node: str) -> bool:
    # A file that is gone meanwhile has no status, and nothing is left to do for it.
    return node not in plan or plan[node].is_current
