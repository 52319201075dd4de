"""Which project a warehouse belongs to, so that no other project drops its tables."""

from collections.abc import Collection
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select

from benepass_tasks.config.errors import ProjectError
from benepass_tasks.state.meta import PROPERTIES
from benepass_tasks.state.store import state_of

CATALOG = "catalog.yaml"
"""What makes a folder a project."""

PROJECT = "project_dir"
"""The property that has the folder of the project whose run wrote the warehouse last."""


def owner_of(connection: Connection) -> Path | None:
    """The folder of the project that a warehouse belongs to; None where no run says so yet."""
    folder = select(PROPERTIES.c.value).where(PROPERTIES.c.name == PROJECT)
    found = state_of(connection).execute(folder).scalar()
    return None if found is None else Path(found)


def take_ownership(connection: Connection, project_dir: Path) -> None:
    """Let the warehouse belong to a project, whose run has not been refused."""
    if owner_of(connection) != project_dir:
        state_of(connection).execute(delete(PROPERTIES).where(PROPERTIES.c.name == PROJECT))
        state_of(connection).execute(
            insert(PROPERTIES), {"name": PROJECT, "value": str(project_dir)}
        )


def refuse_other_project(
    warehouse: Path, owner: Path | None, project_dir: Path, leftovers: Collection[str]
) -> None:
    """Stop before a project drops the tables of another.

    A project that has moved goes on: its warehouse has moved with it, its old folder has no catalog
    any more, or its catalog declares all tables that there are.

    Args:
        warehouse: The file.
        owner: The folder of the project that it belongs to.
        project_dir: That of the project that is about to run.
        leftovers: The tables of the warehouse that its catalog does not declare.

    Raises:
        ProjectError: it is another project.
    """
    if owner is None or owner == project_dir or not leftovers:
        return
    if warehouse.is_relative_to(project_dir) or not (owner / CATALOG).is_file():
        return
    raise ProjectError(
        f"{warehouse} belongs to the project in {owner}, and holds tables that the catalog of "
        f"{project_dir} does not declare: {', '.join(sorted(leftovers))}. Name another file with "
        "--benepass-warehouse. If this is the same project in another folder, run it once with "
        "these tables still in catalog.yaml"
    )
