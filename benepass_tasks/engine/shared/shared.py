"""A shared warehouse, as sessions on its copy see it."""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import IO

from benepass_tasks.config.errors import WarehouseError
from benepass_tasks.config.shared_warehouse import SharedWarehouse
from benepass_tasks.engine.shared.head import Head, Stored
from benepass_tasks.engine.shared.local_copy import Belongings, LocalCopy
from benepass_tasks.engine.shared.storage import GoneError, Storage
from benepass_tasks.engine.shared.turn import PAUSE, Turn, take
from benepass_tasks.engine.write_lock import Wait, acquire_write_lock

_LOOKS = 5
"""How often a copy is begun anew, since others give the warehouse back meanwhile."""


@dataclass(frozen=True)
class Shared:
    """A warehouse in object storage.

    Attributes:
        place: Where it is, and its copy.
        belongings: Which files beside the copy go with it.
        run_id: For which run it is taken; empty where for another command.
    """

    place: SharedWarehouse
    belongings: Belongings = field(repr=False)
    run_id: str = ""

    def __str__(self) -> str:
        """Its address, for messages."""
        return self.place.address

    def take(self, patience: float) -> Turn:
        """Take it, and bring the copy up to date; the caller holds the copy's write lock.

        Raises:
            TimeoutError: somebody else had it for longer than that; says who.
            WarehouseError: the storage refuses, or what is there is no warehouse.
        """
        try:
            return take(self._storage, self._copy, self.run_id, patience)
        except GoneError:
            raise self._damaged() from None

    def refresh(self, patience: float) -> None:
        """Bring the copy up to date to read it; who works on it here has it up to date.

        Raises:
            WarehouseError: as `take`; or the first copy was being fetched for longer than that.
        """
        self._copy.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        wait = Wait(self.place.copy, patience)
        for _ in range(_LOOKS):
            if self._copy.is_made_of(self._files()):
                return
            lock = self._lock_unless_readable(wait)
            if lock is None:
                return
            with lock:
                try:
                    self._copy.fetch(self._storage, self._files())
                except GoneError:
                    continue
        raise self._damaged()

    def _lock_unless_readable(self, wait: Wait) -> IO[str] | None:
        """The lock of the copy; None where another process has it, and there is a copy to read."""
        while True:
            with suppress(TimeoutError):
                return acquire_write_lock(self.place.copy, 0)
            if self.place.copy.exists():
                return None
            if wait.seconds > wait.timeout:
                raise WarehouseError(
                    f"{self.place.address} is being fetched by another process of this machine, "
                    f"and there was nothing to read for {wait.timeout:g} s. Try again later"
                )
            wait.warn()
            time.sleep(PAUSE)

    def _files(self) -> Mapping[str, Stored]:
        found = self._storage.head()
        return Head.read(found.content, self.place.address).files if found else {}

    def _damaged(self) -> WarehouseError:
        return WarehouseError(
            f"{self.place.address} is damaged: an object that it names is not there, or is another "
            "one. Restore it from a backup, or remove all that is there: the next run rebuilds it"
        )

    @cached_property
    def _storage(self) -> Storage:
        return Storage(self.place)

    @cached_property
    def _copy(self) -> LocalCopy:
        return LocalCopy(self.place.copy.parent, self.belongings)
