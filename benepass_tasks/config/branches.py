"""Branches: environments that read from another one, their parent, what does not differ from it.

Each is a folder of `branches_dir`, of that name, with a file that says what it is a branch of. It
has a warehouse, and published files and pages of its own, and no settings in luigi.cfg.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benepass_tasks.config.errors import ProjectError

NAME = re.compile(r"[a-z][a-z0-9_-]{0,59}")
"""What a branch may be called: as an environment, and so that it is a folder of that name."""

ABOUT = "branch.json"
"""The file of a branch's folder that says what it is; a folder without it is none."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch.

    Attributes:
        name: Its name.
        folder: Its folder.
        parent: The environment that it is a branch of; empty where that is none.
        parent_warehouse: The warehouse of that, when it was made.
        created_at: When it was made, UTC.
        keep: How long it stays after it was run last.
    """

    name: str
    folder: Path
    parent: str
    parent_warehouse: Path
    created_at: datetime
    keep: timedelta

    @property
    def warehouse(self) -> Path:
        """Its own warehouse, which is called as that of its parent."""
        return self.folder / self.parent_warehouse.name

    @property
    def expires_at(self) -> datetime:
        """When it may go, UTC."""
        return self.used_at + self.keep

    @property
    def used_at(self) -> datetime:
        """When something was built on it last, or it was made, UTC."""
        written = self.warehouse.stat().st_mtime if self.warehouse.exists() else 0
        return max(self.created_at, datetime.fromtimestamp(written, UTC))

    @property
    def bytes(self) -> int:
        """How much room its files take."""
        return sum(it.lstat().st_size for it in self.folder.rglob("*") if not it.is_dir())

    def write_about(self, folder: Path) -> None:
        """Write what it is into a folder that is to become its own."""
        about = {
            "parent": self.parent,
            "warehouse": str(self.parent_warehouse),
            "created_at": self.created_at.isoformat(timespec="seconds"),
            "keep_seconds": int(self.keep.total_seconds()),
        }
        path = folder / ABOUT
        path.touch(mode=0o600)
        path.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def read_branch(branches_dir: Path, name: str) -> Branch | None:
    """A branch by its name; None where there is none of it.

    A link is none, wherever it leads: what is behind it is somebody else's.

    Raises:
        ProjectError: what it is cannot be read.
    """
    folder = branches_dir / name
    about = folder / ABOUT
    if not NAME.fullmatch(name) or folder.is_symlink() or not about.is_file():
        return None
    try:
        content = json.loads(about.read_text(encoding="utf-8"))
        return Branch(
            name,
            folder,
            str(content["parent"]),
            Path(content["warehouse"]),
            datetime.fromisoformat(content["created_at"]),
            timedelta(seconds=int(content["keep_seconds"])),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ProjectError(
            f"{about} is not what `benepass branch create` wrote; delete the folder {folder}, "
            "of which nothing is lost that a run cannot build again"
        ) from error


def branches_in(branches_dir: Path) -> Iterator[Branch]:
    """All branches, by name.

    Raises:
        ProjectError: what one is cannot be read.
    """
    if branches_dir.is_dir():
        for folder in sorted(branches_dir.iterdir()):
            if branch := read_branch(branches_dir, folder.name):
                yield branch
