"""What the pages of catalog, lineage and runs are made of."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from benepass_tasks.config.project import Project
from benepass_tasks.config.settings import Settings
from benepass_tasks.sqlmodels.effective import Definitions
from benepass_tasks.state.run import Run

if TYPE_CHECKING:
    from benepass_tasks.site.authored.reading import PageFile


@dataclass(frozen=True)
class Sources:
    """What the pages are made of.

    Attributes:
        settings: Those of the run.
        definitions: The project.
        connection: A session that reads the warehouse: schema `meta` alone is for the pages.
        pages: The pages that are files of the project.
    """

    settings: Settings
    definitions: Definitions
    connection: Connection
    pages: Sequence["PageFile"] = ()


@contextmanager
def opened(run: Run, pages: Sequence["PageFile"] = ()) -> Iterator[Sources]:
    """Open the warehouse of a run for the pages, reading; `pages` are files of the project."""
    with run.warehouse.read() as connection:
        yield Sources(run.settings, run.definitions, connection, pages)


def sql_of(project: Project, path: Path) -> str:
    """The text of a SQL file."""
    return (project.root / path).read_text(encoding="utf-8")
