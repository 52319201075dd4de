"""`source`: the files of the sources."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benepass_tasks.catalog import wording
from benepass_tasks.cli import definitions
from benepass_tasks.cli.command import Group
from benepass_tasks.cli.output import plain, say
from benepass_tasks.config.errors import ProjectError, SourceError
from benepass_tasks.config.settings import Settings, current_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benepass_tasks.catalog import Catalog
    from benepass_tasks.engine.session import Warehouse
    from benepass_tasks.ingestion.forgetting import Loss
    from benepass_tasks.state.markers import Load


@click.group("source", cls=Group, examples=("source forget transactions_2.csv",))
def command() -> None:
    """Work with the files of the sources."""


@command.command(
    examples=("source forget transactions_2.csv", "source forget transactions_2.csv --yes")
)
@click.argument("file")
@click.option("--yes", "is_sure", is_flag=True, help="do not ask")
def forget(file: str, is_sure: bool) -> None:  # noqa: FBT001 - click passes by name
    """Remove the rows of a FILE that is gone for good.

    Says which rows and how much money that is, and asks. The next run builds what follows.
    """
    from benepass_tasks.ingestion.forgetting import forget_file  # noqa: PLC0415
    from benepass_tasks.state.warehouse import warehouse_of  # noqa: PLC0415 - imports DuckDB

    catalog, settings = definitions.read_catalog(), current_settings()
    warehouse = warehouse_of(settings)
    loss = _loss(warehouse, catalog, settings, file)
    say(plain(f"{loss.load.source}: {loss.load.file} is gone; with it go {loss}."))
    if not is_sure:
        if not sys.stdin.isatty():
            raise click.UsageError("nobody is there to be asked: say --yes to remove them")
        click.confirm("Remove them?", abort=True)
    with warehouse.exclusive():
        if _loss(warehouse, catalog, settings, file) != loss:
            raise SourceError(f"{loss.load.file} was loaded again meanwhile; nothing was removed")
        with warehouse.write() as connection:
            forget_file(connection, catalog, loss)
    say("Removed. The next run builds what follows from it.")


def _loss(warehouse: "Warehouse", catalog: "Catalog", settings: Settings, file: str) -> "Loss":
    from benepass_tasks.ingestion.forgetting import loss_of  # noqa: PLC0415 - imports DuckDB
    from benepass_tasks.state.markers import snapshot_of  # noqa: PLC0415

    if not warehouse.exists():
        raise ProjectError(f"{warehouse.path} does not exist, so no file was ever loaded")
    with warehouse.read() as connection:
        known = snapshot_of(connection)
        loads = {it.file: it for it in known.loads.values() if it.source in catalog.sources}
        return loss_of(connection, catalog, known, _find(loads, settings, file))


def _find(loads: "Mapping[str, Load]", settings: Settings, file: str) -> "Load":
    """The load of a file, named as a run names it, as the catalog does, or by its path.

    Raises:
        ProjectError: no such file is loaded.
        SourceError: the file is there, and the next run would load it again.
    """
    path = Path(file).absolute()
    named = {name for name in loads if path == settings.data_dir / name}
    names = [it for it in (file, file.removeprefix("data/"), *named) if it in loads]
    if not names:
        near = wording.meant(wording.nearest(file, loads))
        raise ProjectError(
            f"no file {wording.shown(file)} is loaded"
            + (near or f" (files: {wording.listed([*loads])})")
        )
    load = loads[names[0]]
    if (settings.data_dir / load.file).is_file():
        raise SourceError(
            f"{load.source}: {load.file} is there, and the next run would load it again. Move it "
            "out of the data folder first"
        )
    return load
