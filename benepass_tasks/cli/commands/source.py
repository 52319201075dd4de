"""`source`: the files of the sources."""

import re
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from benepass_tasks.catalog import wording
from benepass_tasks.catalog.extracts import BUCKETS, VARIABLE, TableExtract
from benepass_tasks.cli import definitions
from benepass_tasks.cli.command import Group
from benepass_tasks.cli.output import plain, say, say_json
from benepass_tasks.cli.proposed_json import proposal_json
from benepass_tasks.config.errors import ProjectError, SourceError
from benepass_tasks.config.settings import Settings, current_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benepass_tasks.catalog import Catalog
    from benepass_tasks.cli.proposing import Surroundings
    from benepass_tasks.engine.session import Warehouse
    from benepass_tasks.ingestion.forgetting import Loss
    from benepass_tasks.ingestion.proposals.columns import Keys
    from benepass_tasks.state.markers import Load


UNDECIDED = 1
"""The exit code where files leave something open."""

of_files = click.argument("files", nargs=-1, required=True, metavar="FILE...")
answers = click.option(
    "--answer",
    "answers",
    multiple=True,
    metavar="NAME=ANSWER",
    help="answer a question that the files leave open",
)


def _variable(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """Refuse what may be an address with a password, without saying it again."""
    if value is not None and not re.fullmatch(VARIABLE, value):
        raise click.UsageError(
            "--database: say the name of a variable of the environment such as HR_DATABASE, which "
            "holds the address of the database"
        )
    return value


of_database = click.option(
    "--database",
    default=None,
    callback=_variable,
    metavar="VARIABLE",
    help="the variable of the environment with the address of a database, of which FILE... are "
    "tables, such as hr.staff",
)
of_source = click.option(
    "--source", "name", default=None, help="the source that the files are of, or a new one's name"
)


@click.group(
    "source",
    cls=Group,
    examples=(
        "source inspect data/employees.csv",
        "source add data/transactions.csv --answer refunds=net --yes",
        "source forget transactions_2.csv",
    ),
)
def command() -> None:
    """Work with the files of the sources."""


@command.command(
    examples=(
        "source inspect data/employees.csv",
        "source inspect data/transactions.csv --source transactions --answer refunds=net",
        "source inspect data/employees.csv --json",
    )
)
@of_files
@answers
@of_source
@of_database
@click.option("--json", "is_json", is_flag=True, help="print JSON")
@click.pass_context
def inspect(  # noqa: PLR0913, PLR0917 - click passes all options
    ctx: click.Context,
    files: tuple[str, ...],
    answers: tuple[str, ...],
    name: str | None,
    database: str | None,
    is_json: bool,  # noqa: FBT001 - click passes by name
) -> None:
    """Look at FILEs that nobody has declared, and propose their entry in catalog.yaml.

    Says how they are written, which column is which, and how personal the others are, with the
    evidence, and no value of a person. Writes nothing. Ends with 1 where a question is left open.
    """
    from benepass_tasks.cli import proposing  # noqa: PLC0415 - imports pyarrow

    files, surroundings = _sought(ctx, files, _surroundings(name), database)
    given = proposing.read_answers(answers)
    proposed = proposing.propose_all(files, surroundings, given, may_ask=not is_json)
    catalog = surroundings.declared.path
    before = catalog.read_text(encoding="utf-8")
    if is_json:
        say_json([proposal_json(it) for it in proposed])
    for it in () if is_json else proposed:
        after = proposing.edited(before, catalog.name, it, surroundings.declared)
        proposing.say_proposal(it, before, after, catalog.name)
    ctx.exit(UNDECIDED if any(it.questions for it in proposed) else 0)


@command.command(
    examples=(
        "source add data/employees.csv",
        "source add data/transactions.csv --answer refunds=net --yes",
    )
)
@of_files
@answers
@of_source
@of_database
@click.option("--yes", "is_sure", is_flag=True, help="do not ask")
@click.option(
    "--even-unclean",
    "may_be_unclean",
    is_flag=True,
    help="write it even where too few records of the trial are clean",
)
@click.pass_context
def add(  # noqa: PLR0913, PLR0917 - click passes all options
    ctx: click.Context,
    files: tuple[str, ...],
    answers: tuple[str, ...],
    name: str | None,
    database: str | None,
    is_sure: bool,  # noqa: FBT001 - click passes by name
    may_be_unclean: bool,  # noqa: FBT001 - as above
) -> None:
    """Write the entry of FILEs into catalog.yaml, after a trial load.

    A source that is declared gets to know how its files are written. Other files are a new source,
    with a first model in sql/staging/. Shows what would change and what the trial made of the
    records, and asks. Writes nothing where less of them is clean than the source's guards ask for,
    unless that is said.
    """
    from benepass_tasks.cli import proposing  # noqa: PLC0415 - imports pyarrow

    files, surroundings = _sought(ctx, files, _surroundings(name), database)
    proposed = proposing.propose_all(files, surroundings, proposing.read_answers(answers))
    catalog = surroundings.declared.path
    before = text = catalog.read_text(encoding="utf-8")
    for it in proposed:
        after = proposing.edited(text, catalog.name, it, surroundings.declared)
        proposing.say_proposal(it, text, after, catalog.name)
        text = after
    proposing.require_answers(proposed)
    if text == before:
        say(f"{catalog.name} says all of this already: there is nothing to write.")
        return
    unclean = proposing.try_all(current_settings(), proposed, text)
    if unclean and not may_be_unclean:
        raise ProjectError(
            "nothing is written, since too few records are clean:\n"
            + "\n".join(f"  {it}" for it in unclean)
            + "\nIf that is how the files are, say --even-unclean"
        )
    if not is_sure:
        if not sys.stdin.isatty():
            raise click.UsageError("there is no terminal to ask on: say --yes to write it")
        click.confirm("Write it?", abort=True)
    proposing.write(surroundings.declared.path, before, text, proposed)
    proposing.say_where(proposed, current_settings().data_dir)


def _sought(
    ctx: click.Context,
    named: tuple[str, ...],
    surroundings: "Surroundings",
    database: str | None,
) -> "tuple[tuple[str, ...], Surroundings]":
    """The files that are looked at; of tables, copies that go with the command."""
    if database is None:
        return named, surroundings
    from benepass_tasks.cli.proposing import copied  # noqa: PLC0415 - imports pyarrow

    folder = ctx.with_resource(TemporaryDirectory(prefix="benepass-tables-"))
    tables = copied(database, named, Path(folder))
    return tuple(map(str, tables)), replace(surroundings, tables=tables)


def _surroundings(name: str | None) -> "Surroundings":
    from benepass_tasks.cli.proposing import Surroundings  # noqa: PLC0415 - imports pyarrow
    from benepass_tasks.ingestion.proposals.canonical import CanonicalReader  # noqa: PLC0415 - imports DuckDB
    from benepass_tasks.ingestion.proposals.keys import keys_in_warehouse  # noqa: PLC0415
    from benepass_tasks.state.markers import snapshot_of  # noqa: PLC0415
    from benepass_tasks.state.warehouse import warehouse_of  # noqa: PLC0415

    read = definitions.read()
    catalog, settings = read.catalog, current_settings()
    warehouse = warehouse_of(settings)
    keys: Keys = {}
    if warehouse.exists():
        with warehouse.read() as connection:
            loaded = {it.source for it in snapshot_of(connection).loads.values()}
            keys = keys_in_warehouse(catalog, connection, loaded)
    return Surroundings(catalog, settings.data_dir, CanonicalReader(read.graph), keys, name)


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
            raise click.UsageError("there is no terminal to ask on: say --yes to remove them")
        click.confirm("Remove them?", abort=True)
    with warehouse.exclusive():
        if _loss(warehouse, catalog, settings, file) != loss:
            raise SourceError(f"{loss.load.file} was loaded again meanwhile; nothing was removed")
        with warehouse.write() as connection:
            forget_file(connection, catalog, loss)
    say("Removed. The next run builds what follows from it.")


@command.command("drop-slot", examples=("source drop-slot employees",))
@click.argument("name", metavar="SOURCE")
def drop_slot(name: str) -> None:
    """Let the database of a SOURCE keep nothing of its log for us any more.

    It is for a source whose changes are or were followed, before its project or warehouse is
    deleted. All sources of the database have one slot together; the next run begins anew.
    """
    from benepass_tasks.ingestion.extracts import changes  # noqa: PLC0415 - imports SQLAlchemy

    sources, settings = definitions.read_catalog().sources, current_settings()
    tables = {
        it.name: it.extract.credentials
        for it in sources.values()
        if isinstance(it.extract, TableExtract)
    }
    if name not in tables:
        raise ProjectError(
            f"{wording.shown(name)} is not a table of a database"
            + (wording.meant(wording.nearest(name, tables)) or "")
        )
    dropped = changes.drop_slot(tables[name], settings.extracts_dir)
    say(plain(f"Dropped: {dropped}" if dropped else f"{tables[name]} has no slot of ours."))


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
    from benepass_tasks.state.source_files import path_of  # noqa: PLC0415 - when needed

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
    if path_of(load.file, settings).is_file():
        place = "bucket, and run" if load.file.startswith(BUCKETS) else "data folder"
        raise SourceError(
            f"{load.source}: {load.file} is there, and the next run would load it again. Move it "
            f"out of the {place} first"
        )
    return load
