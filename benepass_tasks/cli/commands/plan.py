"""`plan`: what the next run would build, why, how, and what is known of what it costs."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from benepass_tasks.cli.command import Command
from benepass_tasks.cli.figures import count, seconds, size
from benepass_tasks.cli.output import plain, say, say_json, say_table
from benepass_tasks.config.spark_server import on_engine

if TYPE_CHECKING:
    from collections.abc import Collection

    from benepass_tasks.pipeline.outlook import Load, Planned
    from benepass_tasks.state.plan import Status

HEADINGS = ("node", "next run", "because", "how", "what is known", "took s: changes", "full")

BUILT, PERHAPS, LEFT = "builds it", "builds it if its input changes", "leaves it"


@click.command("plan", cls=Command, examples=("plan", "plan --all", "plan --json"))
@click.option("--all", "is_all", is_flag=True, help="also what is up to date")
@click.option("--json", "is_json", is_flag=True, help="print JSON")
def command(is_all: bool, is_json: bool) -> None:  # noqa: FBT001 - click passes by name
    """Tell what the next run would build, why and how, without building anything.

    A node is a file, a table, the proof that the books balance, the tests, what is published, or
    the site. A table is brought up to date by changes or built in full; beside it stand the seconds
    that either took the last time, and how many rows of what it reads have changed. Of a file that
    is not loaded yet its size is known, and the rows that are held of it now. Of a source that has
    a retention it tells what goes, and when; what has another limit, such as keep_runs, it names.
    """
    from benepass_tasks.pipeline.run import limits_reached, planned_run  # noqa: PLC0415 - DuckDB

    plan = planned_run()
    if is_json:
        say_json([_as_json(node, it) for node, it in plan.items()])
        return
    rows = [_row(node, it) for node, it in plan.items() if is_all or not it.status.is_current]
    if rows:
        say_table(HEADINGS, rows)
        say()
    for it in plan.values():
        if it.retention:
            say(plain(f"{it.retention}."))
    for limit in limits_reached():
        say(plain(f"{limit}."))
    say(_summary([it.status for it in plan.values()]))


def _action(status: "Status") -> str:
    """What the next run does with a node."""
    if status.is_current:
        return LEFT
    return PERHAPS if status.reason == "input to be built" else BUILT


def _summary(statuses: "Collection[Status]") -> str:
    """How many nodes the next run builds and leaves."""
    actions = [_action(status) for status in statuses]
    if set(actions) <= {LEFT}:
        return f"Nothing to do: all {len(actions)} are up to date."
    return (
        f"{actions.count(BUILT)} of {len(actions)} to build, {actions.count(PERHAPS)} that depend "
        f"on them, {actions.count(LEFT)} up to date."
    )


def _row(node: str, it: "Planned") -> tuple[str, ...]:
    told = (node, _action(it.status), it.status.reason or "up to date")
    if it.table is None:
        return (*told, "", _file(it.file) if it.file else "", "", "")
    why = f": {it.table.why}" if it.table.why and it.table.why != it.status.reason else ""
    rows = it.table.changed_rows
    known = f"{count(rows)} rows of its inputs changed" if rows else ""
    took = (seconds(it.table.seconds.get(how)) for how in ("changes", "full"))
    return (*told, f"{it.table.how}{on_engine(it.table.engine)}{why}", known, *took)


def _file(load: "Load") -> str:
    held = "never loaded" if load.rows is None else f"{count(load.rows)} rows held"
    return held if load.bytes is None else f"{size(load.bytes)}, {held}"


def _as_json(node: str, it: "Planned") -> dict[str, object]:
    actions = {BUILT: "build", PERHAPS: "build if its input changes", LEFT: "none"}
    known: dict[str, object] = {}
    if it.file is not None:
        known = {"bytes": it.file.bytes, "rows_held": it.file.rows}
    if it.table is not None:
        known = asdict(it.table)
    if it.retention is not None:
        known["retention"] = it.retention.as_json()
    return {"node": node, "action": actions[_action(it.status)], "reason": it.status.reason} | known
