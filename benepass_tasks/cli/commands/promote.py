"""`promote`: what was built on a branch becomes its parent's."""

import click

from benepass_tasks.cli.command import Command
from benepass_tasks.cli.output import say
from benepass_tasks.cli.settings import choose_environment
from benepass_tasks.config.settings import current_settings


@click.command("promote", cls=Command, examples=("promote pr-123",))
@click.argument("branch")
def command(branch: str) -> None:
    """Make what was built on BRANCH its parent's, without building it again.

    All of it or nothing, and only from the SQL and the catalog that it was built with: promote
    what is merged. Where the parent has moved on, it says what has to be built on BRANCH first.
    """
    from benepass_tasks.pipeline.branches.promotion import promote  # noqa: PLC0415 - DuckDB
    from benepass_tasks.state.branches.folders import find_branch  # noqa: PLC0415

    found = find_branch(current_settings(), branch)
    choose_environment(found.parent)
    taken = promote(current_settings(), found)
    env = f" --benepass-env {found.parent}" if found.parent else ""
    if not taken:
        say(f"Branch {branch} has no table of its own: there is nothing to promote.")
        return
    say(f"{len(taken)} of branch {branch} are its parent's now: {', '.join(taken)}.")
    say(f"Publish them by `benepass run{env}`; `benepass branch delete {branch}` tidies up.")
