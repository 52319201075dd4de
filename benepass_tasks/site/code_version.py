"""What decides how the pages look, the data apart."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from benepass_tasks.config.project import Project

PACKAGE = Path(__file__).parent


def site_code_version(project: Project) -> str:
    """Digest of the site's own code and of the project's catalog and SQL, which the pages quote."""
    digest = hashlib.sha256()
    for root, path in _files(project):
        digest.update(f"{path.relative_to(root)}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _files(project: Project) -> Iterator[tuple[Path, Path]]:
    own = (path for path in PACKAGE.rglob("*") if path.suffix not in ("", ".pyc"))
    yield from ((PACKAGE, path) for path in sorted(own))
    yield project.root, project.catalog
    yield from ((project.root, path) for path in sorted(project.sql.rglob("*.sql")))
