"""How runs ended, as each run tells the pages at its end.

A page is made before its run is over, and a run that fails or has nothing to do makes none. So what
there is to say about runs is in a file of its own, which every run on the site's warehouse writes.
"""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from benepass_tasks.alerts import read_incidents
from benepass_tasks.history.read import PastRun, last_runs, tally_of
from benepass_tasks.nodes import SITE
from benepass_tasks.settings import Settings
from benepass_tasks.site import folder
from benepass_tasks.site.page import instant
from benepass_tasks.warehouse import Warehouse
from benepass_tasks.warehouse.meta import (
    MARKERS,
    MATERIALIZATIONS,
    MONITOR_RESULTS,
    missing_tables,
)

RUNS = 60
"""Runs that the pages know of."""

RUNS_IN_DETAIL = 30
"""Of these, the last ones that built or failed something, of which they know each node."""


def tell_end(warehouse: Warehouse, settings: Settings) -> None:
    """Write how the last runs ended where the pages find it, if this warehouse has pages.

    Raises:
        SiteError: the site's folder cannot be written.
    """
    if not (settings.site_dir.is_dir() and warehouse.exists()):
        return
    with warehouse.read() as connection:
        if missing_tables(connection) or not _has_site(connection):
            return
        told = _told(warehouse, connection)
    text = json.dumps(told, separators=(",", ":"), ensure_ascii=True)
    folder.place_ending(settings.site_dir, f"window.benepassRuns = {text};\n".encode())


def _has_site(connection: Connection) -> bool:
    found = select(MARKERS.c.name).where(MARKERS.c.name == SITE)
    return connection.execute(found).first() is not None


def _told(warehouse: Warehouse, connection: Connection) -> Mapping[str, Any]:
    runs = last_runs(warehouse, connection, RUNS)
    tallies = tally_of(connection, [run.run_id for run in runs])
    busy = [run.run_id for run in runs if tallies[run.run_id].keys() & {"built", "failed"}]
    return {
        "runs": [_run(run, tallies[run.run_id]) for run in runs],
        "nodes": _nodes(connection, busy[:RUNS_IN_DETAIL]),
        "monitors": _monitors(connection, [run.run_id for run in runs]),
        "incidents": [
            {
                "title": it.title,
                "detail": it.detail,
                "severity": it.severity,
                "opened_at": instant(it.opened_at),
            }
            for it in read_incidents(connection)
        ],
    }


def _run(run: PastRun, tally: Mapping[str, int]) -> dict[str, Any]:
    return {
        "id": run.run_id,
        "started_at": instant(run.started_at),
        "ended_at": instant(run.ended_at) if run.ended_at else None,
        "seconds": round(run.seconds, 2) if run.ended_at else None,
        "status": run.status,
        "as_of": run.as_of.isoformat(),
        "commit": run.git_commit,
        "error": run.error,
        **{outcome: tally.get(outcome, 0) for outcome in ("built", "skipped", "failed")},
    }


def _nodes(connection: Connection, run_ids: list[str]) -> dict[str, list[dict[str, Any]]]:
    """What was built or failed in each run, in the order in which it was done."""
    of = MATERIALIZATIONS.c
    columns = (of.run_id, of.node, of.outcome, of.reason, of.row_count, of.seconds, of.error)
    wanted = of.run_id.in_(run_ids), of.outcome != "skipped"
    found = select(*columns, of.recorded_at).where(*wanted).order_by(of.recorded_at, of.node)
    nodes: dict[str, list[dict[str, Any]]] = {run_id: [] for run_id in run_ids}
    for run_id, node, outcome, reason, rows, seconds, error, recorded_at in connection.execute(
        found
    ):
        nodes[run_id].append(
            {
                "node": node,
                "outcome": outcome,
                "reason": reason,
                "rows": rows,
                "seconds": None if seconds is None else round(seconds, 3),
                "error": error,
                "done_at": round(recorded_at.timestamp(), 3),
            }
        )
    return nodes


def _monitors(connection: Connection, run_ids: list[str]) -> list[dict[str, Any]]:
    """What the monitors said in the last run in which they looked."""
    of = MONITOR_RESULTS.c
    looked = set(connection.execute(select(of.run_id).distinct()).scalars())
    last = next((run_id for run_id in run_ids if run_id in looked), None)
    columns = (of.monitor, of.dataset, of.name, of.status, of.message, of.compared_with)
    found = select(*columns, of.checked_at).where(of.run_id == last)
    rows = connection.execute(found.order_by(of.monitor, of.dataset, of.name)).all()
    return [{**row._mapping, "checked_at": instant(row.checked_at)} for row in rows]  # noqa: SLF001
