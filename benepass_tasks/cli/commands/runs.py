"""`runs`: the last runs, and what one of them did."""

from typing import TYPE_CHECKING

import click

from benepass_tasks.cli.command import Group
from benepass_tasks.cli.figures import count, instant, money, seconds, size
from benepass_tasks.cli.output import say, say_fields, say_json, say_table
from benepass_tasks.config.spark_server import on_engine

if TYPE_CHECKING:
    from benepass_tasks.state.decisions import Decision
    from benepass_tasks.state.history.read import Outcome, PastRun
    from benepass_tasks.state.restatements import Restatement

HEADINGS = ("run", "started", "seconds", "status", "as of", "built", "skipped", "failed", "error")
NODE_HEADINGS = ("node", "outcome", "because", "how", "rows", "touched", "size", "seconds")

RESTATED_HEADINGS = ("old month of", "month", "money before", "now", "change")

DECISION_HEADINGS = ("decided", "source", "file", "was", "figures")

SHORT = 8
"""Letters of a run's id that are shown; `runs show` takes as many as are needed to tell it."""


@click.group(
    "runs",
    cls=Group,
    invoke_without_command=True,
    examples=("runs", "runs --last 50", "runs show", "runs --json"),
)
@click.option(
    "--last",
    "number",
    metavar="N",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="how many",
)
@click.option("--json", "is_json", is_flag=True, help="print JSON")
@click.pass_context
def command(ctx: click.Context, number: int, is_json: bool) -> None:  # noqa: FBT001 - by name
    """List the last runs, the newest first."""
    if ctx.invoked_subcommand:
        return
    from benepass_tasks.cli.past import reading  # noqa: PLC0415 - imports DuckDB
    from benepass_tasks.state.history.read import last_runs, tally_of  # noqa: PLC0415

    with reading() as (warehouse, connection):
        found = last_runs(warehouse, connection, number)
        tallies = tally_of(connection, [run.run_id for run in found])
    if is_json:
        say_json([run_json(run) | tallies[run.run_id] for run in found])
    else:
        say_table(HEADINGS, [_row(run, tallies[run.run_id]) for run in found])


@command.command(examples=("runs show", "runs show --json"))
@click.argument("run", default="")
@click.option("--json", "is_json", is_flag=True, help="print JSON")
def show(run: str, is_json: bool) -> None:  # noqa: FBT001 - click passes by name
    """Show what a run did: each node with why it was built, its rows and seconds.

    RUN is the beginning of its id; without one it is the last run.
    """
    from benepass_tasks.cli.past import reading  # noqa: PLC0415 - imports DuckDB
    from benepass_tasks.state.decisions import decisions_of  # noqa: PLC0415
    from benepass_tasks.state.history.read import find_run, last_run, outcomes_of  # noqa: PLC0415
    from benepass_tasks.state.restatements import restatements_of  # noqa: PLC0415

    with reading() as (warehouse, connection):
        found = find_run(warehouse, connection, run) if run else last_run(warehouse, connection)
        outcomes = outcomes_of(connection, found.run_id)
        decisions = decisions_of(connection, found.run_id)
        restated = restatements_of(connection, [found.run_id])
    if is_json:
        nodes = [outcome_json(it) for it in outcomes]
        accepted = [decision_json(it) for it in decisions]
        others = {"decisions": accepted, "restated": [restated_json(it) for it in restated]}
        say_json(run_json(found) | {"nodes": nodes} | others)
        return
    say_fields(run_fields(found))
    say()
    say_table(NODE_HEADINGS, [outcome_row(it) for it in outcomes])
    if decisions:
        say()
        say_table(DECISION_HEADINGS, [decision_row(it) for it in decisions])
    if restated:
        say()
        say_table(RESTATED_HEADINGS, [restated_row(it) for it in restated])


def run_fields(run: "PastRun") -> dict[str, str]:
    """What is said of a run."""
    versions = ", ".join(f"{name} {it}" for name, it in run.with_versions.items())
    return {
        "run": run.run_id,
        "status": run.status + (f": {run.error}" if run.error else ""),
        "started": f"{instant(run.started_at)}, {run.seconds:.1f} s",
        "as of": run.as_of.isoformat(),
        "commit": run.git_commit or "unknown",
        "versions": versions,
    }


def run_json(run: "PastRun") -> dict[str, object]:
    """A run as JSON."""
    return {
        "run_id": run.run_id,
        "status": run.status,
        "started_at": run.started_at.isoformat(),
        "ended_at": run.ended_at.isoformat() if run.ended_at else None,
        "seconds": round(run.seconds, 3),
        "as_of": run.as_of.isoformat(),
        "error": run.error,
        "git_commit": run.git_commit,
        "versions": run.with_versions,
        "settings": run.with_settings,
    }


def outcome_row(it: "Outcome") -> tuple[str, ...]:
    """A line of a table about a node."""
    return (
        it.node,
        it.outcome,
        it.error or it.reason or "",
        f"{it.how or ''}{on_engine(it.engine)}" + (f": {it.why_full}" if it.why_full else ""),
        count(it.row_count),
        count(it.touched_rows),
        size(it.bytes),
        seconds(it.seconds),
    )


def decision_row(it: "Decision") -> tuple[str, ...]:
    """A line of a table about what somebody decided."""
    return instant(it.decided_at), it.source, it.file or "its money", it.decision, it.detail


def decision_json(it: "Decision") -> dict[str, object]:
    """What somebody decided as JSON."""
    return {
        "decision": it.decision,
        "source": it.source,
        "file": it.file,
        "guard": it.guard,
        "detail": it.detail,
        "decided_at": it.decided_at.isoformat(),
        "run_id": it.run_id,
    }


def restated_row(it: "Restatement") -> tuple[str, ...]:
    """A line of a table about an old month whose money changed."""
    before, after = (money(of, is_change=False) for of in (it.money_before, it.money_after))
    return it.relation, f"{it.month:%Y-%m}", before, after, money(it.change)


def restated_json(it: "Restatement") -> dict[str, object]:
    """The same as JSON."""
    return {
        "table": it.relation,
        "month": f"{it.month:%Y-%m}",
        "money_before": str(it.money_before),
        "money_after": str(it.money_after),
    }


def outcome_json(it: "Outcome") -> dict[str, object]:
    """What became of a node as JSON."""
    return {
        "node": it.node,
        "outcome": it.outcome,
        "reason": it.reason,
        "rows": it.row_count,
        "bytes": it.bytes,
        "seconds": it.seconds,
        "error": it.error,
        "how": it.how,
        "touched_rows": it.touched_rows,
        "why_full": it.why_full,
        "engine": it.engine,
    }


def _row(run: "PastRun", tally: dict[str, int]) -> tuple[str, ...]:
    return (
        run.run_id[:SHORT],
        instant(run.started_at),
        f"{run.seconds:.1f}",
        run.status,
        run.as_of.isoformat(),
        *(str(tally.get(outcome, 0)) for outcome in ("built", "skipped", "failed")),
        run.error or "",
    )
