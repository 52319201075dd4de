"""What decides how the pages look, the data apart."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benepass_tasks.config.digests import digest
from benepass_tasks.config.project import Project

PACKAGE = Path(__file__).parent

CALLED = re.compile(r"^(?:title|order):.*$", re.MULTILINE)
"""What of a page stands in the navigation: in its front matter, before any other such line."""


@dataclass(frozen=True)
class SiteCode:
    """How the pages of a project are made.

    Attributes:
        project: The project, whose catalog and SQL some pages quote.
        environment: The environment whose pages they are, which every page names; or empty.
    """

    project: Project
    environment: str = ""

    @cached_property
    def package(self) -> str:
        """Digest of the site's own code."""
        own = (path for path in PACKAGE.rglob("*") if path.suffix not in ("", ".pyc"))
        return _digest((PACKAGE, path) for path in sorted(own))

    @cached_property
    def navigation(self) -> str:
        """Digest of how the environment and the project's own pages are called: all show it."""
        texts = ((it.name, self.text(it)) for it in self.project.page_files())
        called = (f"{name} {CALLED.findall(text)[:2]}" for name, text in texts)
        return digest(self.environment, *called)

    @cached_property
    def whole(self) -> str:
        """Digest of all that decides how the pages look, the data apart."""
        paths = (self.project.catalog, *sorted(self.project.sql.rglob("*.sql")))
        quoted = _digest((self.project.root, path) for path in paths)
        return digest(self.package, self.navigation, quoted)

    def text(self, page: Path) -> str:
        """The text of a page that is a file; what is no UTF-8 in it is told by its reader."""
        return (self.project.root / page).read_text(encoding="utf-8", errors="replace")


def _digest(files: Iterable[tuple[Path, Path]]) -> str:
    found = hashlib.sha256()
    for root, path in files:
        found.update(f"{path.relative_to(root)}\0{path.stat().st_size}\0".encode())
        found.update(path.read_bytes())
    return found.hexdigest()
