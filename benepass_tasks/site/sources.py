"""What the pages of catalog, lineage and runs are made of."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from benepass_tasks.catalog import Catalog
from benepass_tasks.config.project import Project
from benepass_tasks.config.settings import Settings
from benepass_tasks.sqlmodels import ModelGraph
from benepass_tasks.sqlmodels.lineage import Lineage
from benepass_tasks.state.run import Run

if TYPE_CHECKING:
    from benepass_tasks.engine.session import Warehouse
    from benepass_tasks.site.authored.reading import PageFile


@dataclass(frozen=True)
class Sources:
    """What the pages are made of.

    Attributes:
        project: The project, for its SQL.
        catalog: What is declared.
        graph: The SQL models.
        lineage: What their columns derive from.
        settings: Those of the run.
        warehouse: The warehouse, for what is known of its runs.
        connection: A session that reads the warehouse: schema `meta` alone is for the pages.
        pages: The pages that are files of the project.
    """

    project: Project
    catalog: Catalog
    graph: ModelGraph
    lineage: Lineage
    settings: Settings
    warehouse: "Warehouse"
    connection: Connection
    pages: Sequence["PageFile"] = ()


@contextmanager
def opened(run: Run, pages: Sequence["PageFile"] = ()) -> Iterator[Sources]:
    """Open the warehouse for the pages, reading.

    Args:
        run: Names it.
        pages: The pages that are files of the project.
    """
    made_of = run.definitions
    with run.warehouse.read() as connection:
        yield Sources(
            made_of.project,
            made_of.catalog,
            made_of.graph,
            made_of.lineage,
            run.settings,
            run.warehouse,
            connection,
            pages,
        )


def sql_of(project: Project, path: Path) -> str:
    """The text of a SQL file."""
    return (project.root / path).read_text(encoding="utf-8")
