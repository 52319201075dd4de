"""The definitions of a project as a run reads them: the effective catalog, and the models."""

from pathlib import Path
from tempfile import TemporaryDirectory

from benepass_tasks.catalog import Catalog, load_catalog
from benepass_tasks.config.project import open_project
from benepass_tasks.sqlmodels.cache import Cache
from benepass_tasks.sqlmodels.effective import complete, read_definitions


def catalog_of(root: Path) -> Catalog:
    """The effective catalog of a project."""
    with TemporaryDirectory() as folder:
        return read_definitions(open_project(root), Cache(Path(folder) / "models.json")).catalog


def catalog_without_sql(path: Path) -> Catalog:
    """A catalog that declares all there is to know, so that no SQL is asked."""
    return complete(load_catalog(path), {})
