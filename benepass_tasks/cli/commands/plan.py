"""`plan`: what the next run would build, and why."""

from typing import TYPE_CHECKING

import click

from benepass_tasks.cli.command import Command
from benepass_tasks.cli.output import say, say_json, say_table

if TYPE_CHECKING:
    from benepass_tasks.state.plan import Plan, Status

HEADINGS = ("node", "next run", "because")

BUILT, PERHAPS, LEFT = "builds it", "builds it if its input changes", "leaves it"


@click.command("plan", cls=Command, examples=("plan", "plan --all", "plan --json"))
@click.option("--all", "is_all", is_flag=True, help="also what is up to date")
@click.option("--json", "is_json", is_flag=True, help="print JSON")
def command(is_all: bool, is_json: bool) -> None:  # noqa: FBT001 - click passes by name
    """Tell what the next run would build, and why, without building anything.

    A node is a file, a table, the proof that the books balance, the tests, what is published, or
    the site.
    """
    from benepass_tasks.pipeline.run import current_plan  # noqa: PLC0415 - imports DuckDB

    plan = current_plan()
    if is_json:
        say_json([_as_json(node, status) for node, status in plan.items()])
        return
    rows = [
        (node, action(status), status.reason or "up to date")
        for node, status in plan.items()
        if is_all or not status.is_current
    ]
    if rows:
        say_table(HEADINGS, rows)
        say()
    say(summary(plan))


def action(status: "Status") -> str:
    """What the next run does with a node."""
    if status.is_current:
        return LEFT
    return PERHAPS if status.reason == "input to be built" else BUILT


def summary(plan: "Plan") -> str:
    """How many nodes the next run builds and leaves."""
    actions = [action(status) for status in plan.values()]
    if set(actions) <= {LEFT}:
        return f"Nothing to do: all {len(plan)} are up to date."
    return (
        f"{actions.count(BUILT)} of {len(plan)} to build, {actions.count(PERHAPS)} that depend on "
        f"them, {actions.count(LEFT)} up to date."
    )


def _as_json(node: str, status: "Status") -> dict[str, object]:
    actions = {BUILT: "build", PERHAPS: "build if its input changes", LEFT: "none"}
    return {"node": node, "action": actions[action(status)], "reason": status.reason}
