"""The definitions of a project as a run reads them: the effective catalog, and the models."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from benepass_tasks.catalog import Catalog, load_catalog
from benepass_tasks.config.project import Project, open_project
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


Read = Callable[[Project, Cache], Definitions]

FOUND_OUT = ("lineage", "proof", "proof_key")
"""What is found out of the definitions when it is asked for."""


@dataclass(frozen=True)
class ReadOnce:
    """Reads the definitions of projects, those of one in many folders once.

    A test copies a project, runs it, and runs it again: most runs read what another has read.
    """

    read: Read
    _known: dict[str, Definitions] = field(default_factory=dict)

    def __call__(self, project: Project, memory: Cache) -> Definitions:
        state = _state(project, memory)
        if state not in self._known:
            found = self.read(project, memory)
            # What has been added to the memory is added for the next, too.
            if _state(project, memory) == state:
                self._known[state] = found
            return found
        known = self._known[state]
        catalog = replace(known.catalog, path=project.catalog)
        again = replace(known, project=project, cache=memory, catalog=catalog)
        # What the last one has found out of it, the next need not.
        vars(again).update({it: vars(known)[it] for it in FOUND_OUT if it in vars(known)})
        self._known[state] = again
        return again


def _state(project: Project, memory: Cache) -> str:
    """Digest of all files that the definitions of a project are read from."""
    sql = ((f"{it.parent.name}/{it.name}", it) for it in sorted(project.sql.glob("*/*")))
    state = hashlib.sha256()
    for name, path in (("catalog", project.catalog), ("memory", memory.file), *sql):
        content = path.read_bytes() if path.is_file() else b""
        state.update(f"{name} {len(content)} ".encode() + content)
    return state.hexdigest()
