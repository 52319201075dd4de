"""The files of a source, as they lie in the data folder."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from benepass_tasks.catalog import Source
from benepass_tasks.config.errors import SourceError

REJECTED = "raw.rejected_rows"
"""The table of the records that could not be parsed, of all sources."""

DATA_FOLDER = "data/"
"""What file paths in the catalog begin with; the data folder of the settings takes its place."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a source; `name` is its path below the data folder, with slashes."""

    source: str
    name: str
    path: Path

    @property
    def key(self) -> str:
        """How the file is called among the nodes of a plan."""
        return f"{self.source}/{self.name}"

    def exists(self) -> bool:
        """Whether there is a file; a source without files is stood for by one that is not."""
        return self.path.is_file()

    @property
    def state(self) -> str:
        """Inode, size and times: a file with the same state has the same content.

        The time of the last status change is among them, which no program can set back.
        """
        found = self.path.stat()
        return f"{found.st_ino}:{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}"

    @property
    def sha256(self) -> str:
        """Digest of the content.

        Raises:
            SourceError: the file cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise SourceError(f"{self.path} cannot be read: {error.strerror}") from error


def find_files(source: Source, data_dir: Path) -> list[SourceFile]:
    """Return the files that match the source's path, by name; never none.

    Where nothing matches, the one entry is the path itself, which does not exist: loading it is
    what fails, and says so.
    """
    pattern = source.filepath.removeprefix(DATA_FOLDER)
    matches = sorted(path for path in data_dir.glob(pattern) if path.is_file())
    return [
        SourceFile(source.name, path.relative_to(data_dir).as_posix(), path)
        for path in matches or [data_dir / pattern]
    ]
