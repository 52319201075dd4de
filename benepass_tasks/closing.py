"""The end of a run: what became of it is written down."""

from collections.abc import Collection

from sqlalchemy import Connection, select

from benepass_tasks.history import beacon, runs
from benepass_tasks.history.materializations import record_bytes, record_skipped
from benepass_tasks.history.runs import Ending
from benepass_tasks.nodes import is_part
from benepass_tasks.plan import Plan
from benepass_tasks.settings import Settings
from benepass_tasks.this_run import run_id
from benepass_tasks.warehouse import Warehouse
from benepass_tasks.warehouse.meta import MATERIALIZATIONS


def close_run(
    warehouse: Warehouse,
    settings: Settings,
    plan: Plan | None,
    asked: Collection[str],
    broken: Collection[str],
) -> Ending:
    """Write how this run ended and what it did not have to build, and forget what is old.

    Args:
        warehouse: Where everything was built; it exists.
        settings: Those of the run.
        plan: What is up to date now; None where the project is invalid.
        asked: The nodes that the run was to bring up to date.
        broken: What went wrong outside of the work on a node.

    Returns:
        How it ended.
    """
    with warehouse.exclusive():
        with warehouse.write() as connection:
            if plan is not None:
                record_skipped(connection, _up_to_date(plan))
            record_bytes(connection)
            ending = _ending(connection, plan, asked, broken)
            runs.end(connection, settings, ending)
            runs.settle_interrupted(connection, warehouse)
            runs.forget_old(connection, settings.keep_runs)
        beacon.put_out(warehouse, run_id())
    return ending


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
