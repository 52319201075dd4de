"""`run`: build what is not up to date, by Luigi."""

import click

from benepass_tasks.cli.command import Command
from benepass_tasks.config.settings import current_settings

EVERYTHING = "BuildSite"
"""The task that needs all others."""

TABLES = "CheckContracts"
"""The task that needs all tables, balanced books and tests, and nothing that analysts open."""


@click.command(
    "run",
    cls=Command,
    context_settings={"ignore_unknown_options": True},
    examples=("run", "run BuildMarts --benepass-as-of 2026-01-31", "run marts.dim_employees"),
)
@click.argument("task", default="")
@click.argument("flags", nargs=-1, type=click.UNPROCESSED, metavar="[LUIGI'S FLAGS]...")
@click.pass_context
def command(ctx: click.Context, task: str, flags: tuple[str, ...]) -> None:
    """Build TASK and all that it needs; without TASK everything, up to the pages.

    On a branch it is everything up to the tests: files and pages are made if TASK asks for them.

    The same as `luigi --module benepass_tasks TASK`, with the same exit codes. TASK is a task
    such as BuildMarts or Publish, or a table.
    """
    from luigi.cmdline import luigi_run  # noqa: PLC0415 - it brings the scheduler's server
    from luigi.task_register import TaskClassNotFoundException  # noqa: PLC0415 - as well

    if not task or task.startswith("-"):
        flags = (task, *flags) if task else flags
        task = TABLES if current_settings().parent else EVERYTHING
    try:
        luigi_run(["--module", "benepass_tasks", task, *flags])
    except TaskClassNotFoundException as error:
        raise click.UsageError(str(error).replace("\n", " "), ctx) from None
    except SystemExit as end:
        ctx.exit(int(end.code or 0))
