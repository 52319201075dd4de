"""`serve`: the pages over HTTP, for this computer alone."""

import sys

import click

from benepass_tasks.cli.command import Command
from benepass_tasks.cli.output import plain, say
from benepass_tasks.config.settings import current_settings

PORT = 8000
HIGHEST_PORT = 65_535


port_option = click.option(
    "--port",
    type=click.IntRange(0, HIGHEST_PORT),
    default=PORT,
    show_default=True,
    help="port of 127.0.0.1; 0 takes any that is free",
)


@click.command("serve", cls=Command, examples=("serve", "serve --port 8080"))
@port_option
def command(port: int) -> None:
    """Serve the site's pages on 127.0.0.1 until Ctrl-C.

    They open from the file system as well; nobody else can reach them either way.
    """
    from benepass_tasks.site.serving import SiteServer  # noqa: PLC0415 - the site imports DuckDB
    from benepass_tasks.state.ownership import refuse_other_environment  # noqa: PLC0415

    settings = current_settings()
    refuse_other_environment(settings, [settings.published_dir])
    with SiteServer(settings.site_dir, port) as server:
        say(f"The pages of {plain(str(settings.site_dir))} are at {server.address} until Ctrl-C.")
        sys.stdout.flush()
        server.serve_until_interrupted()
