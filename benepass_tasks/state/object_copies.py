"""The copies of objects of a bucket: which there are, in which version, and where they lie.

An object's key is a text of any form and of up to 1,024 bytes, which no file system takes for the
name of a file. So a copy is named by the digest of the object's address.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benepass_tasks.config.digests import digest
from benepass_tasks.config.errors import SourceError
from benepass_tasks.engine.disk import private_file

_FOLDER: Final = ".objects"
_LISTING: Final = ".objects.json"


def copy_of(name: str, folder: Path) -> Path:
    """Where the copy of an object lies, below the folder of all extracts."""
    return folder / _FOLDER / digest(name)


@dataclass(frozen=True, slots=True)
class ObjectCopies:
    """The copies of the objects of one source.

    What counts is what the last listing that was read as a whole says; a copy beside it is one that
    was fetched by a run that was killed, and is taken over by the next one.

    Attributes:
        folder: That of all extracts.
        source: The source.
    """

    folder: Path
    source: str

    @property
    def versions(self) -> Mapping[str, str]:
        """The objects that the last listing had: the ETag that each was copied by, by its address.

        Raises:
            SourceError: what was written down of the listing is damaged.
        """
        path = self.folder / self._listing
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise SourceError(
                f"{self.source}: {path} is damaged; delete it, and all objects are fetched anew"
            ) from error
        return {str(name): str(version) for name, version in found.items()}

    def has(self, name: str, version: str) -> bool:
        """Whether a version of an object was fetched, and waits to be taken over."""
        return self.fetched(name, version).exists()

    def fetched(self, name: str, version: str) -> Path:
        """Where a version of an object is put that is fetched as a whole."""
        copy = copy_of(name, self.folder)
        return copy.with_name(f"{copy.name}.{digest(version)}")

    def write(self, aside: Path, versions: Mapping[str, str]) -> None:
        """Write aside what a listing had, for `settle`."""
        with private_file(aside / self._listing) as file:
            json.dump(versions, file)

    def settle(self, aside: Path) -> None:
        """Take over what was fetched for a listing that is written aside, and then that itself."""
        listing = aside / self._listing
        before = self.versions
        after: Mapping[str, str] = json.loads(listing.read_text(encoding="utf-8"))
        for name, version in after.items():
            if self.has(name, version):
                self.fetched(name, version).replace(copy_of(name, self.folder))
        listing.replace(self.folder / self._listing)
        for it in self._outdated(before.keys() | after.keys(), after.keys()):
            it.unlink(missing_ok=True)

    def _outdated(self, names: Collection[str], there: Collection[str]) -> Iterator[Path]:
        """The copies of what is not there any more, and versions that nobody took over."""
        waiting: dict[str, list[Path]] = {}
        for it in (self.folder / _FOLDER).glob("*.*"):
            waiting.setdefault(it.name.partition(".")[0], []).append(it)
        for name in names:
            copy = copy_of(name, self.folder)
            yield from waiting.get(copy.name, ())
            if name not in there:
                yield copy

    @property
    def _listing(self) -> str:
        return f"{self.source}{_LISTING}"
