"""The files of a source, as they lie in the data folder."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from glob import glob
from os.path import isfile
from pathlib import Path, PurePosixPath
from stat import S_ISREG

from benepass_tasks.catalog import Source
from benepass_tasks.catalog.extracts import BUCKETS, EXTRACTS, BucketExtract
from benepass_tasks.catalog.wording import printable
from benepass_tasks.config.errors import SourceError
from benepass_tasks.config.settings import Settings
from benepass_tasks.state.object_copies import ObjectCopies, copy_of

REJECTED = "raw.rejected_rows"
"""The table of the records that could not be parsed, of all sources."""

CUT_OFF = "cut off by the end of the file"
"""The reason there of a record within which its file ends."""

DATA_FOLDER = "data/"
"""What file paths in the catalog begin with; the data folder of the settings takes its place."""

_EXTRACTS = EXTRACTS.removeprefix(DATA_FOLDER)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a source.

    Its `name` is its path below the data folder, with slashes; of a copy the object's address.
    """

    source: str
    name: str
    path: Path

    @property
    def key(self) -> str:
        """How the file is called among the nodes of a plan."""
        return f"{self.source}/{self.name}"

    def exists(self) -> bool:
        """Whether there is a file; a source without files is stood for by one that is not."""
        return bool(self.state)

    @property
    def state(self) -> str:
        """Inode, size and times: a file with the same state has the same content.

        The time of the last status change is among them, which no program can set back. Empty where
        there is no file, such as behind a link that leads nowhere.
        """
        try:
            found = self.path.stat()
        except OSError:
            return ""
        if not S_ISREG(found.st_mode):
            return ""
        return f"{found.st_ino}:{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}"

    @property
    def size(self) -> int | None:
        """Its bytes; None where there is no file."""
        state = self.state
        return int(state.split(":")[1]) if state else None

    @property
    def absence(self) -> str:
        """In what way it is not there, in words."""
        folder = self.path.parent
        if self.name.startswith(BUCKETS):
            return f"there is no object {printable(self.name)}"
        if self.path.is_symlink():
            return f"{self.path} is a link that leads nowhere"
        if not folder.is_dir():
            return f"there is no folder {folder}"
        if self.path.is_dir():
            return f"{self.path} is a folder"
        return f"there is no file {self.path}"

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


def find_files(
    source: Source,
    settings: Settings,
    loaded: Iterable[str] = (),
    before: Iterable[SourceFile] = (),
) -> list[SourceFile]:
    """Return the files that match the source's path, by name; never none.

    A file that was loaded and is not there any more is among them, as long as the source's path is
    meant to match it: what has vanished is an error, and no reason to remove its rows. Where there
    is nothing at all, the one entry is the path itself. Loading either is what fails, and says so.
    Of extracts none counts as vanished: what is not among them any more is not in the source. What
    is in a bucket, the last listing of it says.

    Args:
        source: The source.
        settings: Those of the run, with the folder that stands for `data/` and that of extracts.
        loaded: The names of the files of the source that were loaded.
        before: What was found there before; such files are given as they were.
    """
    if isinstance(source.extract, BucketExtract):
        key = PurePosixPath(source.filepath)
        named = ObjectCopies(settings.extracts_dir, source.name).versions.keys()
        vanished = {it for it in loaded if _matches(it, key)}
        names = sorted(named | vanished) or [source.filepath]
        return loaded_files(source, settings, names)
    if source.extract is None:
        folder, prefix = settings.data_dir, ""
    else:
        folder, prefix, loaded = settings.extracts_dir, _EXTRACTS, ()
    pattern = PurePosixPath(source.filepath.removeprefix(DATA_FOLDER).removeprefix(prefix))
    # Where there are thousands of files, `Path.glob` takes several times as long.
    there = glob(str(pattern), root_dir=folder, include_hidden=not prefix)  # noqa: PTH207
    same = {file.name: file for file in before}
    found = {it for it in there if prefix + it in same or isfile(f"{folder}/{it}")}  # noqa: PTH113
    vanished = {name for name in loaded if name not in found and _matches(name, pattern)}
    return [
        same.get(prefix + name) or SourceFile(source.name, prefix + name, folder / name)
        for name in sorted(found | vanished) or [str(pattern)]
    ]


def loaded_files(source: Source, settings: Settings, loaded: Iterable[str]) -> list[SourceFile]:
    """The files of a source that are known by their names, whatever lies there now."""
    return [SourceFile(source.name, it, path_of(it, settings)) for it in sorted(loaded)]


def path_of(name: str, settings: Settings) -> Path:
    """Where a file that is loaded under a name lies."""
    if name.startswith(BUCKETS):
        return copy_of(name, settings.extracts_dir)
    if name.startswith(_EXTRACTS):
        return settings.extracts_dir / name.removeprefix(_EXTRACTS)
    return settings.data_dir / name


def _matches(name: str, pattern: PurePosixPath) -> bool:
    path = PurePosixPath(name)
    return path.parent == pattern.parent and fnmatchcase(path.name, pattern.name)


def in_order(file: str) -> list[str]:
    """What sorts files by their names as `natural_order` of the SQL does."""
    name = re.sub(r"[.][^./]*$", "", file)
    return [part.zfill(20) if part.isdigit() else part for part in re.split(r"([0-9]+)", name)]
