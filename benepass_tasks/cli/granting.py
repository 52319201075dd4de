"""`privacy grants`: what an audience may see, as SQL for a database that has roles."""

from typing import Literal

import click

from benepass_tasks.catalog.audiences import ANALYST
from benepass_tasks.cli import definitions
from benepass_tasks.cli.command import Command
from benepass_tasks.config.errors import ProjectError
from benepass_tasks.config.settings import current_settings


@click.command(
    "grants",
    cls=Command,
    examples=(
        "privacy grants",
        "privacy grants analyst --over benepass > analyst.sql",
        "privacy grants --dialect databricks",
    ),
)
@click.argument("audience", default=ANALYST)
@click.option(
    "--over",
    default="benepass",
    show_default=True,
    help="the schema that has all published tables as a whole",
)
@click.option(
    "--dialect",
    type=click.Choice(["postgres", "databricks"]),
    default="postgres",
    show_default=True,
    help="whose SQL is written",
)
def grants(audience: str, over: str, dialect: Literal["postgres", "databricks"]) -> None:
    """Print what an audience may see as views, grants and a role, where a database has all tables.

    Each view masks, hashes, generalises, leaves out and withholds as the files of the audience do.
    They are in a schema of their own, SCHEMA_AUDIENCE, which a role of the same name may read, and
    nothing else. Of groups that are withheld it says what holds now: apply it after each run. The
    key of hashes is not in it: Postgres takes it from the setting benepass.hash_key.
    """
    from benepass_tasks.publish.exporters.grants import grants as written  # noqa: PLC0415 - DuckDB
    from benepass_tasks.publish.exporters.grants import withheld_now  # noqa: PLC0415 - as above
    from benepass_tasks.state.publication import publications_of  # noqa: PLC0415 - as above
    from benepass_tasks.state.warehouse import warehouse_of  # noqa: PLC0415 - as above

    settings, read = current_settings(), definitions.read()
    published = publications_of(settings, read.catalog)
    if audience not in published:
        raise ProjectError(f"{audience} is not an audience; there are {', '.join(published)}")
    publication = published[audience]
    with warehouse_of(settings).copying() as run:
        withheld = withheld_now(run, publication)
    click.echo(written(publication, read.graph, withheld, over, dialect), nl=False)
