"""The copy of a shared warehouse on this machine: what it was made of, and what changed in it."""

import json
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from benepass_tasks.config.errors import WarehouseError
from benepass_tasks.engine.disk import sync, write_privately
from benepass_tasks.engine.shared.head import Stored
from benepass_tasks.engine.shared.storage import OnProgress, Storage

log = logging.getLogger(__name__)

NOTE: Final = ".copy.json"
"""The file beside the warehouse that says which objects the files were made of."""

NOTHING: Final = "?"


@dataclass(frozen=True, slots=True)
class Belongings:
    """Which files in the folder of a warehouse are the warehouse's, and go wherever it goes.

    Attributes:
        files: Names of files.
        folders: Names of folders, of which all counts that is not hidden.
    """

    files: frozenset[str]
    folders: frozenset[str]

    def has(self, name: str) -> bool:
        """Whether a path, from the folder of the warehouse, is one of them."""
        first, *rest = PurePosixPath(name).parts or ("",)
        if not rest:
            return name in self.files
        is_hidden = any(it.startswith(".") for it in rest)
        return first in self.folders and not is_hidden and "/".join((first, *rest)) == name

    def found_in(self, folder: Path) -> Iterator[str]:
        """Those that there are in a folder."""
        for place, folders, files in os.walk(folder):
            folders[:] = sorted(folders)
            for it in sorted(files):
                name = Path(place, it).relative_to(folder).as_posix()
                if self.has(name):
                    yield name


@dataclass(frozen=True, slots=True)
class LocalCopy:
    """The files of a shared warehouse, in a folder for their owner alone.

    Attributes:
        folder: The folder.
        belongings: Which files of it they are.
    """

    folder: Path
    belongings: Belongings

    def is_made_of(self, files: Mapping[str, Stored]) -> bool:
        """Whether it was made of these very objects; it may have changed since.

        Where there are none yet, what somebody has put here is what the warehouse begins with.
        """
        made_of = {it: known["object"] for it, known in self._note.items()}
        return made_of == {it: stored.name for it, stored in files.items()} and all(
            (self.folder / it).exists() for it in files
        )

    def fetch(
        self,
        storage: Storage,
        files: Mapping[str, Stored],
        on_progress: OnProgress = lambda _: None,
    ) -> None:
        """Make it anew of objects; what was changed in it, and not given back, is gone.

        Raises:
            GoneError: one of them is not there any more.
            WarehouseError: the head names a file that is not the warehouse's.
        """
        foreign = next((it for it in files if not self.belongings.has(it)), None)
        if foreign is not None:
            raise WarehouseError(
                f"{storage.place.address} names {foreign!r}, which is no file of a warehouse; "
                "nothing of it was taken over"
            )
        known, parts = self._note, dict[str, Path]()
        if any(it in known and is_changed for it, is_changed in self.changed()):
            log.warning(
                "%s: what a run has made here and not given back is dropped, since others have "
                "given the warehouse back meanwhile",
                self.folder,
            )
        kept = {
            it
            for it, is_changed in self.changed()
            if it in files and not is_changed and known[it]["object"] == files[it].name
        }
        for name, stored in files.items():
            if name not in kept:
                parts[name] = self._part(storage, name, stored, on_progress)
        # Until it is whole, it is a copy of nothing that there could be.
        self._write_note({NOTHING: {"object": NOTHING, "state": ""}})
        for name in {*self.belongings.found_in(self.folder)} - kept:
            (self.folder / name).unlink()
        for name, part in parts.items():
            os.replace(part, self.folder / name)  # noqa: PTH105 - one step, on one file system
        self.note(files)

    def _part(self, storage: Storage, name: str, stored: Stored, on_progress: OnProgress) -> Path:
        """Fetch a file to beside where it will be."""
        path = self.folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        part.unlink(missing_ok=True)
        opened = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(opened, "wb") as file:
            storage.fetch(stored, file, on_progress)
        sync(part)
        return part

    def changed(self) -> Iterator[tuple[str, bool]]:
        """The files that there are, and whether each differs from the object it was made of."""
        note = self._note
        for name in self.belongings.found_in(self.folder):
            yield name, note.get(name, {}).get("state") != self._state(name)

    def note(self, files: Mapping[str, Stored]) -> None:
        """Note which objects the files are as they are now."""
        self._write_note(
            {it: {"object": at.name, "state": self._state(it)} for it, at in files.items()}
        )

    @property
    def _note(self) -> Mapping[str, Mapping[str, str]]:
        try:
            said: Mapping[str, Mapping[str, str]] = json.loads((self.folder / NOTE).read_bytes())
        except FileNotFoundError:
            return {}
        return said

    def _write_note(self, said: Mapping[str, Mapping[str, str]]) -> None:
        write_privately(self.folder / NOTE, json.dumps(said, indent=1) + "\n")

    def _state(self, name: str) -> str:
        found = (self.folder / name).stat()
        return f"{found.st_ino}:{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}"
