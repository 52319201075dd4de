"""`status`: the last run at a glance, and whether all is well."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from benepass_tasks.cli.command import Command
from benepass_tasks.cli.commands.runs import (
    DECISION_HEADINGS,
    NODE_HEADINGS,
    decision_json,
    decision_row,
    outcome_json,
    outcome_row,
    run_json,
)
from benepass_tasks.cli.figures import count, instant, rate
from benepass_tasks.cli.output import plain, say, say_fields, say_json, say_table

if TYPE_CHECKING:
    from benepass_tasks.quality.alerts import Incident
    from benepass_tasks.quality.health import Health
    from benepass_tasks.state.history.read import SourceFigures

UNWELL = 1
"""The exit code where something is wrong."""

SOURCE_HEADINGS = (
    *("source", "records", "clean", "flagged", "quarantined", "rejected"),
    *("clean rate", "cells filled"),
)
WRONG_HEADINGS = ("since", "severity", "what is wrong", "how")
CHANGE_HEADINGS = ("column", "what the last run saw change")

MANY = 12
"""Built nodes that are named one by one; of more, their number says enough."""


@click.command("status", cls=Command, examples=("status", "status --json"))
@click.option("--json", "is_json", is_flag=True, help="print JSON")
@click.pass_context
def command(ctx: click.Context, is_json: bool) -> None:  # noqa: FBT001 - click passes by name
    """Show the last run, what it did, and what is wrong.

    Ends with 0 where the last run succeeded and nothing is wrong, otherwise with 1.
    """
    from benepass_tasks.cli.past import reading  # noqa: PLC0415 - imports DuckDB
    from benepass_tasks.quality.health import read_health  # noqa: PLC0415
    from benepass_tasks.state.ownership import environment_of  # noqa: PLC0415

    with reading() as (warehouse, connection):
        health, environment = read_health(warehouse, connection), environment_of(connection)
    if is_json:
        say_json({"environment": environment or None, **_as_json(health)})
    else:
        _say(health, environment)
    ctx.exit(0 if health.is_well else UNWELL)


def _say(health: "Health", environment: str) -> None:
    say_fields(({"environment": environment} if environment else {}) | _overview(health))
    for headings, rows in _tables(health):
        if rows:
            say()
            say_table(headings, rows)
    say()
    say(_verdict(health))


def _overview(health: "Health") -> dict[str, str]:
    going_on = [f"since {instant(run.started_at)}, run {run.run_id}" for run in health.running]
    fields = {"running": "; ".join(going_on)} if going_on else {}
    if health.last is None:
        return fields | {"last run": "none yet"}
    last = health.last
    return fields | {
        "last run": f"{instant(last.started_at)}, {last.seconds:.1f} s, run {last.run_id}",
        "status": last.status + (f": {last.error}" if last.error else ""),
        "as of": last.as_of.isoformat(),
        "did": ", ".join(
            f"{health.count(outcome)} {outcome}" for outcome in ("built", "skipped", "failed")
        ),
        "commit": last.git_commit or "unknown",
    }


def _tables(health: "Health") -> Iterator[tuple[tuple[str, ...], list[tuple[str, ...]]]]:
    yield SOURCE_HEADINGS, [_source_row(it) for it in health.figures]
    built = [it for it in health.outcomes if it.outcome == "built"]
    failed = [it for it in health.outcomes if it.outcome == "failed"]
    shown = failed + (built if len(built) <= MANY else [])
    yield NODE_HEADINGS, [outcome_row(it) for it in shown]
    yield DECISION_HEADINGS, [decision_row(it) for it in health.decisions]
    yield CHANGE_HEADINGS, [(plain(it.title), plain(it.detail)) for it in health.changes]
    yield WRONG_HEADINGS, [_incident_row(it) for it in health.incidents]


def _source_row(it: "SourceFigures") -> tuple[str, ...]:
    counts = (it.records, it.clean, it.flagged, it.quarantined, it.rejected)
    return it.source, *map(count, counts), rate(it.clean_rate), rate(it.completeness)


def _incident_row(it: "Incident") -> tuple[str, ...]:
    return instant(it.opened_at), it.severity, it.title, it.detail


def _verdict(health: "Health") -> str:
    if health.is_well:
        return "Healthy: the last run succeeded, and nothing is wrong."
    if health.last is None:
        return "Not healthy: no run has come to its end yet."
    wrong = [f"the last run {health.last.status}"] if health.last.status != "succeeded" else []
    number = len(health.incidents)
    if number:
        wrong.append(f"{number} thing{'s are' if number > 1 else ' is'} wrong")
    return f"Not healthy: {', and '.join(wrong)}."


def _as_json(health: "Health") -> dict[str, object]:
    return {
        "healthy": health.is_well,
        "last_run": run_json(health.last) if health.last else None,
        "running": [run_json(run) for run in health.running],
        "nodes": [outcome_json(it) for it in health.outcomes],
        "incidents": [_incident_json(it) for it in health.incidents],
        "schema_changes": [_incident_json(it) for it in health.changes],
        "decisions": [decision_json(it) for it in health.decisions],
        "sources": [_source_json(it) for it in health.figures],
    }


def _incident_json(it: "Incident") -> dict[str, object]:
    return {
        "key": it.key,
        "since": it.opened_at.isoformat(),
        "severity": it.severity,
        "title": it.title,
        "detail": it.detail,
    }


def _source_json(it: "SourceFigures") -> dict[str, object]:
    return {
        "source": it.source,
        "records": it.records,
        "clean": it.clean,
        "flagged": it.flagged,
        "quarantined": it.quarantined,
        "rejected": it.rejected,
        "uncounted": it.uncounted,
        "erased": it.erased,
        "expired": it.expired,
        "clean_rate": it.clean_rate,
        "completeness": it.completeness,
        # Its name in older versions.
        "quality_score": it.completeness,
        "quarantined_by_reason": it.by_reason,
        "flagged_by_flag": it.by_flag,
    }
