"""What the pages are made of: the published file, the history, the catalog and its lineage."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from benepass_tasks.catalog import Catalog
from benepass_tasks.config.errors import ProjectError
from benepass_tasks.config.project import Project
from benepass_tasks.config.settings import Settings
from benepass_tasks.engine.attached import attached, within
from benepass_tasks.site.page import Row
from benepass_tasks.site.plain import plain
from benepass_tasks.sqlmodels import ModelGraph
from benepass_tasks.sqlmodels.lineage import Lineage
from benepass_tasks.state.publication import DATABASE
from benepass_tasks.state.run import Run

if TYPE_CHECKING:
    from benepass_tasks.engine.session import Warehouse

PUBLISHED = "published"
"""The name under which the published file is attached."""


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
    """

    project: Project
    catalog: Catalog
    graph: ModelGraph
    lineage: Lineage
    settings: Settings
    warehouse: "Warehouse"
    connection: Connection

    def published(self, query: str, **parameters: object) -> list[Row]:
        """The rows of `sql/site/<query>.sql` over what is published, plain and cut for a page.

        Args:
            query: The name of the file.
            parameters: What the SQL has as `$name`.
        """
        path = self.project.sql / "site" / f"{query}.sql"
        try:
            sql = path.read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise ProjectError(f"{path} is missing; a page of the site shows it") from error
        with within(self.connection, PUBLISHED):
            found = self.connection.exec_driver_sql(sql, parameters or None)
            return [
                {name: plain(value) for name, value in row._mapping.items()}  # noqa: SLF001
                for row in found
            ]


@contextmanager
def opened(run: Run) -> Iterator[Sources]:
    """Open the warehouse and the published file for the pages, reading."""
    settings, made_of = run.settings, run.definitions
    published = settings.published_dir / DATABASE
    with run.warehouse.read() as connection, attached(connection, published, PUBLISHED):
        yield Sources(
            made_of.project,
            made_of.catalog,
            made_of.graph,
            made_of.lineage,
            settings,
            run.warehouse,
            connection,
        )


def sql_of(project: Project, path: Path) -> str:
    """The text of a SQL file."""
    return (project.root / path).read_text(encoding="utf-8")
