"""The definitions of a project as a run reads them: the effective catalog, and the models."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from benepass_tasks.catalog import Catalog, load_catalog
from benepass_tasks.config.project import open_project
from benepass_tasks.pipeline.upkeep import Upkeep
from benepass_tasks.sqlmodels.cache import Cache
from benepass_tasks.sqlmodels.effective import Definitions, complete, read_definitions
from benepass_tasks.sqlmodels.privacy import require_proof

ROOT = Path(__file__).parents[2]


@cache
def remembered() -> bytes:
    """What a run of this project keeps of its definitions, so that the next need not read them."""
    with TemporaryDirectory() as folder:
        memory = Cache(Path(folder) / "models.json")
        read = read_definitions(open_project(ROOT), memory)
        require_proof(read, memory)
        Upkeep(read.catalog, read.graph, memory).figures(read.graph.models["marts.dim_employees"])
        return memory.file.read_bytes()


def definitions_of(root: Path) -> Definitions:
    """The effective catalog and the models of a project."""
    with TemporaryDirectory() as folder:
        memory = Path(folder) / "models.json"
        memory.write_bytes(remembered())
        return read_definitions(open_project(root), Cache(memory))


@cache
def definitions() -> Definitions:
    """Those of this project."""
    return definitions_of(ROOT)


def catalog_of(root: Path) -> Catalog:
    """The effective catalog of a project."""
    return definitions_of(root).catalog


def catalog_without_sql(path: Path) -> Catalog:
    """A catalog that declares all there is to know, so that no SQL is asked."""
    return complete(load_catalog(path), {})
