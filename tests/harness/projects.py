"""The definitions of a project as a run reads them: the effective catalog, and the models."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from benepass_tasks.catalog import Catalog, load_catalog
from benepass_tasks.config.project import open_project
from benepass_tasks.sqlmodels.cache import Cache
from benepass_tasks.sqlmodels.effective import complete, read_definitions
from benepass_tasks.sqlmodels.privacy import require_proof

ROOT = Path(__file__).parents[2]


@cache
def remembered() -> bytes:
    """What a run of this project keeps of its definitions, so that the next need not read them."""
    with TemporaryDirectory() as folder:
        memory = Cache(Path(folder) / "models.json")
        require_proof(read_definitions(open_project(ROOT), memory), memory)
        return memory.file.read_bytes()


def catalog_of(root: Path) -> Catalog:
    """The effective catalog of a project."""
    with TemporaryDirectory() as folder:
        memory = Path(folder) / "models.json"
        memory.write_bytes(remembered())
        return read_definitions(open_project(root), Cache(memory)).catalog


def catalog_without_sql(path: Path) -> Catalog:
    """A catalog that declares all there is to know, so that no SQL is asked."""
    return complete(load_catalog(path), {})
