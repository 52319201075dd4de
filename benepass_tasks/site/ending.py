"""How runs ended, as each run tells the pages at its end.

A page is made before its run is over, and a run that fails or has nothing to do makes none. So what
there is to say about runs is in a file of its own, which every run on the site's warehouse writes:
`window.benepassRuns`, with

- `runs`, the newest first, each with the old months whose money it changed;
- `nodes`, by run what it built or failed to, of the last runs that did anything: first what failed,
  then what took longest;
- `monitors`, what they said when they looked last, and `incidents`, what is wrong now, the worst
  first;
- `totals`, how many of the last two there are, and of how many `records` of the source files how
  many are `kept_out` of the marts.

It is bounded, whatever the history: what no longer fits is left out, from the end of each list. The
texts of errors are not in it: they name what a file has for a header, which may be a person.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, case, func, select

from benepass_tasks.config.settings import Settings
from benepass_tasks.engine.session import Warehouse
from benepass_tasks.quality.alerts import read_incidents
from benepass_tasks.site import folder
from benepass_tasks.site.page import LONGEST_TEXT, instant
from benepass_tasks.site.plain import plain
from benepass_tasks.state.history.latest import latest_of
from benepass_tasks.state.history.read import PastRun, last_runs, newest_figures, tally_of
from benepass_tasks.state.meta import MARKERS, MATERIALIZATIONS, MONITOR_RESULTS
from benepass_tasks.state.restatements import restatements_of
from benepass_tasks.state.run import Run
from benepass_tasks.state.store import missing_tables, state_of

RUNS = 60
"""Runs that the pages know of."""

RUNS_IN_DETAIL = 30
"""Of these, the last ones that built or failed something, of which they know each node."""

MOST_NODES = 500
"""Nodes of a run, if there is room for them."""

ROOM_OF_RUNS = 60_000
ROOM_OF_NODES = 230_000
ROOM_OF_ONE_RUN = 60_000
"""That of the nodes of a run, within that of all nodes."""
ROOM_OF_MONITORS = 60_000
ROOM_OF_INCIDENTS = 30_000
"""What the lists may take, in bytes: together less than 400 kB."""


def tell_end(warehouse: Warehouse, settings: Settings) -> None:
    """Write how the last runs ended where the pages find it, if they are of this warehouse.

    Raises:
        SiteError: the site's folder cannot be read or written.
    """
    if not (settings.site_dir.is_dir() and warehouse.exists()):
        return
    with warehouse.read() as connection:
        builder = None if missing_tables(connection) else _builder(connection)
        if builder is None or not folder.is_told_of(settings.site_dir, _claim(builder)):
            return
        told = _told(warehouse, connection)
    _write(settings, builder, told)


def tell_anew(run: Run) -> None:
    """Write the same for pages that this run has just built: they are of this warehouse now.

    Raises:
        SiteError: the site's folder cannot be written.
    """
    with run.warehouse.read() as connection:
        told = _told(run.warehouse, connection)
    _write(run.settings, run.id, told)


def _write(settings: Settings, builder: str, told: str) -> None:
    text = f"{_claim(builder)}\nwindow.benepassRuns = {told};\n"
    folder.place_ending(settings.site_dir, text.encode())


def _claim(builder: str) -> str:
    """The first line of the file, which says whose pages they are."""
    return f"// The pages are of run {builder}."


def _builder(connection: Connection) -> str | None:
    """The run that built the site from this warehouse."""
    found = select(MARKERS.c.run_id).where(MARKERS.c.kind == "site")
    return state_of(connection).execute(found).scalar()


def _told(warehouse: Warehouse, connection: Connection) -> str:
    runs = last_runs(warehouse, connection, RUNS)
    tallies = tally_of(connection, [run.run_id for run in runs])
    busy = [run.run_id for run in runs if tallies[run.run_id].keys() & {"built", "failed"}]
    monitors, incidents = _monitors(connection), _incidents(connection)
    restated = _restated(connection, [run.run_id for run in runs])
    told = (
        _run(run, tallies[run.run_id]) | {"restated": restated.get(run.run_id, [])} for run in runs
    )
    sources = newest_figures(connection)
    totals = {
        "monitors": len(monitors),
        "incidents": len(incidents),
        "records": sum(it.records for it in sources),
        "kept_out": sum(it.quarantined + it.rejected for it in sources),
    }
    parts = {
        "runs": _fitting(told, ROOM_OF_RUNS),
        "nodes": _nodes_of_runs(connection, busy[:RUNS_IN_DETAIL]),
        "monitors": _fitting(monitors, ROOM_OF_MONITORS),
        "incidents": _fitting(incidents, ROOM_OF_INCIDENTS),
        "totals": _encode(totals),
    }
    return f"{{{','.join(f'{_encode(name)}:{part}' for name, part in parts.items())}}}"


def _fitting(items: Iterable[Mapping[str, Any]], room: int) -> str:
    """A list as JSON, with as many of the first items as there is room for."""
    texts: list[str] = []
    for item in items:
        text = _encode(item)
        room -= len(text) + 1
        if room < 1:
            break
        texts.append(text)
    return f"[{','.join(texts)}]"


# In ASCII, so that the letters are the bytes.
_encode = json.JSONEncoder(separators=(",", ":")).encode


def _run(run: PastRun, tally: Mapping[str, int]) -> dict[str, Any]:
    return {
        "id": run.run_id,
        "started_at": instant(run.started_at),
        "began": round(run.started_at.timestamp(), 3),
        "ended_at": instant(run.ended_at) if run.ended_at else None,
        "seconds": round(run.seconds, 2) if run.ended_at else None,
        "status": run.status,
        "as_of": run.as_of.isoformat(),
        "commit": run.git_commit,
        **{outcome: tally.get(outcome, 0) for outcome in ("built", "skipped", "failed")},
    }


def _restated(
    connection: Connection, runs: Sequence[str]
) -> dict[str, list[dict[str, str | None]]]:
    """The old months whose money runs changed, by run and table; how much is not for the pages."""
    found: dict[str, dict[str, list[str]]] = {}
    for it in restatements_of(connection, runs):
        found.setdefault(it.run_id, {}).setdefault(it.relation, []).append(f"{it.month:%Y-%m}")
    return {
        run: [_plain({"table": table, "months": ", ".join(it)}) for table, it in tables.items()]
        for run, tables in found.items()
    }


def _slowest(runs: Sequence[str]) -> Select[Any]:
    """What runs made or failed to make, the failed first and of the rest the slowest."""
    of = MATERIALIZATIONS.c
    # Cut already, since sorting long texts takes memory; what failed has no seconds.
    texts = {"node": of.node, "reason": of.reason, "how": of.how, "why_full": of.why_full}
    cut = {name: func.substr(it, 1, LONGEST_TEXT + 1) for name, it in texts.items()}
    cut["how"] = func.coalesce("full: " + cut.pop("why_full"), of.how)
    place = func.row_number().over(
        partition_by=of.run_id, order_by=(of.seconds.desc().nulls_first(), of.node)
    )
    found = (
        select(
            *(of.run_id, of.outcome, *(it.label(name) for name, it in cut.items())),
            *(of.row_count.label("rows"), of.touched_rows.label("touched")),
            *(func.round(of.seconds, 3).label("seconds"), of.recorded_at.label("done_at")),
            place.label("place"),
        )
        .where(of.outcome != "skipped", of.run_id.in_(runs))
        .subquery()
    )
    rows = found.c
    return (
        select(*(it for it in rows if it.name != "place"))
        .where(rows.place <= MOST_NODES)
        .order_by(case((rows.outcome == "failed", 0), else_=1))
        .order_by(rows.seconds.desc().nulls_last(), rows.node)
    )


def _nodes_of_runs(connection: Connection, runs: Sequence[str]) -> str:
    nodes: dict[str, list[dict[str, Any]]] = {run: [] for run in runs}
    # All at once: row by row takes twice as long.
    for row in state_of(connection).execute(_slowest(runs)).mappings().all():
        told = dict(row) | {"done_at": round(row["done_at"].timestamp(), 3)}
        nodes[told.pop("run_id")].append(_plain(told))
    room, texts = ROOM_OF_NODES, []
    for run, items in nodes.items():
        text = _fitting(items, min(room, ROOM_OF_ONE_RUN))
        room -= len(text)
        texts.append(f"{_encode(run)}:{text}")
    return f"{{{','.join(texts)}}}"


def _monitors(connection: Connection) -> list[dict[str, Any]]:
    of = latest_of(MONITOR_RESULTS).c
    worst_first = case({"fail": 0, "warn": 1, "ok": 2}, value=of.status)
    declared_first = case((of.monitor.in_(("freshness", "volume")), 0), else_=1)
    found = select(
        of.monitor, of.dataset, of.name, of.status, of.message, of.compared_with, of.checked_at
    ).order_by(worst_first, declared_first, of.monitor, of.dataset, of.name.nulls_first())
    return [_plain(dict(row)) for row in state_of(connection).execute(found).mappings()]


def _incidents(connection: Connection) -> list[dict[str, Any]]:
    told = ("title", "detail", "severity", "opened_at")
    found = sorted(read_incidents(connection), key=lambda it: it.severity != "fail")
    return [_plain({name: getattr(it, name) for name in told}) for it in found]


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: plain(value) for name, value in row.items()}
