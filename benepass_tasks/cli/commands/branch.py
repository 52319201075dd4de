"""`branch`: environments in which only what differs from their parent is built."""

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from benepass_tasks.cli.command import Group
from benepass_tasks.cli.figures import instant, size
from benepass_tasks.cli.output import say, say_json, say_table
from benepass_tasks.cli.settings import choose_environment
from benepass_tasks.config.branches import branches_in
from benepass_tasks.config.settings import current_settings
from benepass_tasks.config.spans import read_span

if TYPE_CHECKING:
    from benepass_tasks.config.branches import Branch

HEADINGS = ("branch", "of", "made", "run last", "expires", "size")


@click.group("branch", cls=Group, examples=("branch create pr-123 --from prod", "branch list"))
def command() -> None:
    """Try a change beside an environment: what does not differ from it is read from there.

    A branch is an environment of its own, for each command: `benepass run --benepass-env pr-123`.
    """


def _span(_ctx: click.Context, _flag: click.Parameter, value: str) -> timedelta:
    found = read_span(value)
    if found is None:
        raise click.BadParameter(f"{value!r} is not a time span such as 36h or 14d")
    return found


@command.command(examples=("branch create pr-123 --from prod", "branch create trial --keep 36h"))
@click.argument("name")
@click.option("--from", "parent", metavar="ENV", help="the environment (default: --benepass-env)")
@click.option(
    "--keep",
    metavar="SPAN",
    default="14d",
    show_default=True,
    callback=_span,
    help="how long it stays after it was run last",
)
def create(name: str, parent: str | None, keep: timedelta) -> None:
    """Make the branch NAME, which begins with all that its parent holds, and copies none of it."""
    from benepass_tasks.state.branches.folders import create_branch  # noqa: PLC0415 - imports DuckDB

    if parent is not None:
        choose_environment(parent)
    branch = create_branch(current_settings(), name, keep)
    say(f"Branch {branch.name} of {_parent(branch)}, {size(branch.bytes)}.")
    say(f"Edit SQL or the catalog, and build what differs: benepass run --benepass-env {name}")


@command.command("list", examples=("branch list", "branch list --json"))
@click.option("--json", "is_json", is_flag=True, help="print JSON")
def list_(is_json: bool) -> None:  # noqa: FBT001 - click passes by name
    """List the branches of all environments."""
    found = list(branches_in(current_settings().branches_dir))
    if is_json:
        say_json([_as_json(it) for it in found])
    elif found:
        say_table(HEADINGS, [_row(it) for it in found])
    else:
        say("There are no branches: `benepass branch create NAME` makes one.")


@command.command(examples=("branch delete pr-123", "branch delete --expired"))
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--expired", "is_expired", is_flag=True, help="all that were not run for long enough")
@click.pass_context
def delete(ctx: click.Context, names: tuple[str, ...], is_expired: bool) -> None:  # noqa: FBT001
    """Delete branches with all that was built on them; their parents stay as they are."""
    from benepass_tasks.state.branches.folders import (  # noqa: PLC0415 - imports DuckDB
        delete_branch,
        expired_branches,
        find_branch,
    )

    if not names and not is_expired:
        raise click.UsageError("give the names of branches, or --expired", ctx)
    settings = current_settings()
    found = [find_branch(settings, it) for it in names]
    found += expired_branches(settings) if is_expired else []
    for branch in dict.fromkeys(found):
        delete_branch(settings, branch)
        say(f"Branch {branch.name} is deleted.")
    if not found:
        say("No branch has expired.")


def _parent(branch: "Branch") -> str:
    return branch.parent or str(branch.parent_warehouse)


def _row(branch: "Branch") -> tuple[str, ...]:
    times = (branch.created_at, branch.used_at, branch.expires_at)
    return (branch.name, _parent(branch), *map(instant, times), size(branch.bytes))


def _as_json(branch: "Branch") -> dict[str, object]:
    times = ("created_at", "used_at", "expires_at")
    return {
        "branch": branch.name,
        "parent": branch.parent or None,
        "warehouse": str(branch.warehouse),
        **{it: getattr(branch, it).isoformat(timespec="seconds") for it in times},
        "bytes": branch.bytes,
    }
