"""`privacy export`: what is held about a person, for that person."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benepass_tasks.cli import definitions
from benepass_tasks.cli.command import Command
from benepass_tasks.cli.output import say, say_json
from benepass_tasks.config.errors import ProjectError
from benepass_tasks.config.settings import current_settings

if TYPE_CHECKING:
    from benepass_tasks.pipeline.erasure.held import Held


@click.command(
    "export",
    cls=Command,
    examples=("privacy export E1", "privacy export E1 --output E1.json"),
)
@click.argument("employee_id", metavar="EMPLOYEE_ID")
@click.option(
    "--output",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="write a new file that its owner alone can read",
)
def export(employee_id: str, file: Path | None) -> None:
    """Hand out all that is held about a person, as JSON (GDPR, articles 15 and 20).

    Every table that holds something, with the descriptions of the catalog, and of each row the file
    and the record that it came from. It holds personal data: say where it may go.
    """
    from benepass_tasks.cli.past import reading  # noqa: PLC0415 - imports DuckDB
    from benepass_tasks.pipeline.erasure.held import held_about  # noqa: PLC0415
    from benepass_tasks.state.publication import publications_of  # noqa: PLC0415

    with reading() as (_, connection):
        read = definitions.read()
        published = publications_of(current_settings(), read.catalog).values()
        found = held_about(connection, read, published, employee_id)
    if not found:
        raise ProjectError("nothing is held about an employee of this id; is it written as in raw?")
    exported = {
        "employee_id": employee_id,
        "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "tables": [it.as_json() for it in found],
    }
    if file is None:
        say_json(exported)
        return
    _write(file, json.dumps(exported, indent=2) + "\n")
    say(f"{_counted(found)} are in {file}")
    if file.resolve().is_relative_to(current_settings().project_dir.resolve()):
        say("An erasure finds them there: keep the file outside of the project, or delete it.")


def _write(file: Path, text: str) -> None:
    try:
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise ProjectError(f"{file} exists; name another file, or remove it first") from error
    with os.fdopen(opened, "w", encoding="utf-8") as out:
        out.write(text)


def _counted(found: "list[Held]") -> str:
    rows = sum(len(it.rows) for it in found)
    return f"{rows:,} rows of {len(found)} tables"
