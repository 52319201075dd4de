"""The project that the settings name, as the commands read it."""

from typing import TYPE_CHECKING

from benepass_tasks.catalog import Catalog
from benepass_tasks.config.project import Project, open_project
from benepass_tasks.config.settings import current_settings, models_cache

if TYPE_CHECKING:
    from benepass_tasks.sqlmodels.effective import Definitions


def find_project() -> Project:
    """The project's folder.

    Raises:
        ProjectError: there is none, or a setting is wrong.
    """
    return open_project(current_settings().project_dir)


def read_catalog() -> Catalog:
    """The effective catalog.

    Raises:
        ProjectError: as below.
    """
    return read().catalog


def read() -> "Definitions":
    """The effective catalog and the SQL models, checked against each other.

    Raises:
        ProjectError: as above, or one of them is invalid, or they do not fit.
    """
    from benepass_tasks.sqlmodels.cache import Cache  # noqa: PLC0415 - DuckDB
    from benepass_tasks.sqlmodels.effective import read_definitions  # noqa: PLC0415 - DuckDB

    return read_definitions(find_project(), Cache(models_cache(current_settings().warehouse)))


def warehouse_path() -> str:
    """Where the warehouse is, from the project's folder where it is below it."""
    settings = current_settings()
    if settings.shared and settings.shared.copy == settings.warehouse:
        return settings.shared.address
    if settings.warehouse.is_relative_to(settings.project_dir):
        return settings.warehouse.relative_to(settings.project_dir).as_posix()
    return settings.warehouse.as_posix()
