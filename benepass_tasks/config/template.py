"""A new project: what the one that comes with the package consists of, without its data."""

import shutil
from importlib.resources import as_file, files
from pathlib import Path

from benepass_tasks.config.errors import ProjectError

PARTS = (
    *("catalog.yaml", "sql", "pages", "luigi.cfg", "luigid.cfg"),
    *("constraints.txt", "deploy", ".dockerignore"),
)
"""The files and folders that a new project begins with."""

SAMPLE = "# The sample. Put files of your own into data/ and change this to data.\n"
"""The line of luigi.cfg that is about the sample, which a new project lacks."""

IGNORED = """\
# Source files, the warehouse and all that is made of them hold personal data.
/data/
/logs/
.venv/
.terraform/
"""


def create_project(folder: Path) -> None:
    """Write a project that reads its source files from `data/`.

    Args:
        folder: Where to; made if need be.

    Raises:
        ProjectError: there is something in the folder already.
    """
    if folder.exists() and any(folder.iterdir()):
        raise ProjectError(f"{folder} is not empty; name a folder that is new or empty")
    folder.mkdir(parents=True, exist_ok=True)
    with as_file(_template()) as template:
        for part in PARTS:
            found = template / part
            if found.is_dir():
                shutil.copytree(found, folder / part)
            else:
                shutil.copy(found, folder / part)
    settings = folder / "luigi.cfg"
    text = settings.read_text(encoding="utf-8").replace(SAMPLE, "")
    settings.write_text(text.replace("data_dir = data/sample", "data_dir = data"), encoding="utf-8")
    (folder / ".gitignore").write_text(IGNORED, encoding="utf-8")
    (folder / "data").mkdir(mode=0o700)


def _template() -> Path:
    """Where the parts are: inside the installed package, or around it in a checkout."""
    with as_file(files("benepass_tasks")) as package:
        inside = package / "project"
        return inside if inside.is_dir() else package.parent
