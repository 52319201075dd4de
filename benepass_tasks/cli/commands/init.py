"""`init`: a project of one's own, without the sample."""

from pathlib import Path

import click

from benepass_tasks.cli.command import Command
from benepass_tasks.cli.output import plain, say


@click.command("init", cls=Command, examples=("init benefits",))
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
def command(folder: Path) -> None:
    """Make a project in DIR: catalog.yaml, sql/, luigi.cfg and an empty data/, without the sample.

    DIR must not exist yet, or be empty.
    """
    from benepass_tasks.config.template import create_project  # noqa: PLC0415 - when needed

    create_project(folder)
    where = plain(str(folder))
    say(f"{where} is a project now. Put your CSV files into {where}/data, then:")
    say(f"  cd {where} && benepass run")
