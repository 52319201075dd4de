"""`pages`: the pages that are files of the project, checked and served while they are edited."""

import sys

import click

from benepass_tasks.cli import definitions
from benepass_tasks.cli.command import Group
from benepass_tasks.cli.commands.serve import port_option
from benepass_tasks.cli.output import say
from benepass_tasks.config.settings import current_settings


@click.group("pages", cls=Group, examples=("pages check", "pages serve"))
def command() -> None:
    """Check the pages in pages/, or serve them while they are edited."""


@command.command("check", examples=("pages check",))
def check() -> None:
    """Check every page: its SQL, its blocks, and that it shows nobody's name or address.

    Reads no data. Ends with 1 and all that is wrong, with file and line.
    """
    from benepass_tasks.site.authored.pages import read_pages, refuse_broken  # noqa: PLC0415 - DuckDB

    pages = read_pages(definitions.read(), current_settings())
    refuse_broken(pages)
    queries = sum(len(page.queries) for page in pages)
    say(f"{len(pages)} pages with {queries} queries: nothing is wrong.")


@command.command("serve", examples=("pages serve", "pages serve --port 8080"))
@port_option
def serve(port: int) -> None:
    """Serve the pages on 127.0.0.1 until Ctrl-C, each as its file is at the moment.

    A browser shows a page anew once its file was saved, and what is wrong with it in its place.
    The site's folder stays as it is: the next run writes into it.
    """
    from benepass_tasks.site.authored.editing import PagesServer  # noqa: PLC0415 - DuckDB
    from benepass_tasks.state.run import Run  # noqa: PLC0415 - DuckDB

    with PagesServer(lambda: Run(current_settings(), lambda *_: ()), port) as server:
        say(f"The pages are at {server.address} until Ctrl-C; edit pages/*.md and look.")
        sys.stdout.flush()
        server.serve_until_interrupted()
