"""Where the project's own files are: the catalog and the SQL."""

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benepass_tasks.config.errors import ProjectError

LAYERS = ("staging", "intermediate", "quality", "marts")
"""The layers that SQL models build, in the order in which data flows through them."""

SCHEMAS = ("raw", "base", *LAYERS)
"""All layers: before the models, what files are loaded into, and the views that read them."""

MIN_GROUP_SIZE = 5
"""Employees that a group has at least whose figures are shown, where nothing else is set."""


@dataclass(frozen=True, slots=True)
class Project:
    """A folder that holds `catalog.yaml`, `sql/` and `pages/`."""

    root: Path

    @property
    def catalog(self) -> Path:
        """The file that declares every dataset."""
        return self.root / "catalog.yaml"

    @property
    def sql(self) -> Path:
        """The folder with one sub-folder a layer, and the macros."""
        return self.root / "sql"

    @property
    def pages(self) -> Path:
        """The folder of the pages that are files."""
        return self.root / "pages"

    def page_files(self) -> list[Path]:
        """These pages, by name, as paths below the project."""
        return sorted(path.relative_to(self.root) for path in self.pages.glob("*.md"))

    @property
    def state(self) -> tuple[tuple[str, int, int], ...]:
        """What changes whenever the catalog, SQL or a page is edited: names, sizes and times."""
        # Asked for before each task: listing folders is ten times faster than a glob.
        found = [("catalog.yaml", self.catalog.stat())]
        folders = [self.sql / it for it in ("macros", "checks", *LAYERS, "reports")]
        for folder in (*folders, self.pages):
            with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
                found += [(f"{folder.name}/{entry.name}", entry.stat()) for entry in entries]
        return tuple(sorted((name, stat.st_size, stat.st_mtime_ns) for name, stat in found))

    def sql_files(self, folder: str) -> list[Path]:
        """The SQL files of a layer or of the macros, by name, as paths below the project."""
        return sorted(path.relative_to(self.root) for path in (self.sql / folder).glob("*.sql"))


def open_project(folder: Path) -> Project:
    """Return the project in `folder`.

    Raises:
        ProjectError: the folder holds no `catalog.yaml` or no `sql/`.
    """
    project = Project(folder.resolve())
    missing = [
        name
        for name, present in (
            ("catalog.yaml", project.catalog.is_file()),
            ("sql/", project.sql.is_dir()),
        )
        if not present
    ]
    if missing:
        raise ProjectError(
            f"{project.root} holds no {' and no '.join(missing)}: run from the project's folder, "
            "or name it with --benepass-project-dir (project_dir in luigi.cfg, section [benepass])"
        )
    return project


def list_relations(project: Project) -> list[str]:
    """The tables of a project by the names of its files and sources alone.

    None where there is no catalog, and nothing is checked: that comes with the first task.
    """
    try:
        catalog = project.catalog.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    names = re.findall(r"^([a-z]\w*):", catalog, re.MULTILINE)
    sources = (f"{layer}.{name}" for layer in ("raw", "base") for name in names)
    entries = re.findall(r"^ *(raw\.\w+):", catalog, re.MULTILINE)
    models = (f"{layer}.{path.stem}" for layer in LAYERS for path in project.sql_files(layer))
    return list(dict.fromkeys([*entries, *sources, *models]))
