"""`visualiser`: Luigi's scheduler with its web page, for this computer alone."""

import click

from benepass_tasks.cli.command import Command


@click.command("visualiser", cls=Command, examples=("visualiser",))
@click.pass_context
def command(ctx: click.Context) -> None:
    """Serve Luigi's visualiser on 127.0.0.1 until Ctrl-C.

    Runs that name the same file in LUIGI_CONFIG_PATH (luigid.cfg) are shown there.
    """
    from benepass_tasks.pipeline.visualiser import main  # noqa: PLC0415 - imports the server

    ctx.exit(main())
