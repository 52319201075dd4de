"""A turn: what a process has of a shared warehouse from taking it to giving it back."""

import logging
import re
import socket
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from benepass_tasks.config.errors import WarehouseError
from benepass_tasks.engine.shared.head import Head, Holder, Stored
from benepass_tasks.engine.shared.local_copy import LocalCopy
from benepass_tasks.engine.shared.storage import OutdatedError, Storage
from benepass_tasks.engine.write_lock import Wait

log = logging.getLogger(__name__)

PAUSE: Final = 0.5
"""Seconds between two looks at whether the warehouse is free."""

OFTEN: Final = 300.0
"""Seconds after which a run gives back what it has made so far, between two of its tasks."""

SIGNS: Final = 3
"""How often who has the warehouse says so while its lease lasts."""

_NAME: Final = re.compile(r"([0-9]{8,})-[0-9a-f]{12}-.+")


def take(storage: Storage, copy: LocalCopy, run_id: str, patience: float) -> "Turn":
    """Wait until nobody has a shared warehouse, or who has it is gone, and take it.

    Raises:
        TimeoutError: somebody had it for longer than that; says who.
    """
    wait = Wait(storage.place.address, patience)
    while True:
        found = storage.head()
        head = Head.read(found.content, storage.place.address) if found else Head()
        # The storage tells the time in whole seconds.
        if head.holder is None or (found and found.age > head.holder.lease + 1):
            mine = head.taken_by(_holder(run_id, storage.place.lease))
            try:
                etag = storage.swap(mine.content, found.etag if found else None)
            except OutdatedError:
                continue
            return Turn(storage, copy, mine, etag, is_after_a_kill=head.holder is not None)
        if wait.seconds > patience:
            raise TimeoutError(str(head.holder))
        wait.warn(head.holder)
        time.sleep(PAUSE)


def _holder(run_id: str, lease: float) -> Holder:
    since = datetime.now(UTC).isoformat(sep=" ", timespec="seconds")
    return Holder(uuid.uuid4().hex, run_id, socket.gethostname(), since, lease)


class Turn:
    """A shared warehouse that this process has taken; a thread says so as long as it has it."""

    def __init__(
        self, storage: Storage, copy: LocalCopy, head: Head, etag: str, *, is_after_a_kill: bool
    ) -> None:
        """Bring the copy up to date, and remove what a killed run has left in the storage."""
        self._storage, self._copy = storage, copy
        self._head, self._etag = head, etag
        self._alone, self._ended = threading.RLock(), threading.Event()
        self._heard_at = self._taken_at = time.monotonic()
        with suppress(RuntimeError):
            # While the interpreter ends, no thread can be started; little is left to do then.
            threading.Thread(target=self._go_on_meanwhile, name="lease", daemon=True).start()
        try:
            if not copy.is_made_of(head.files):
                copy.fetch(storage, head.files, self._go_on)
            if is_after_a_kill:
                storage.sweep(self._is_left)
        except BaseException:
            self._end()
            raise

    @property
    def is_due(self) -> bool:
        """Whether what was made so far is worth an upload, or would be in vain."""
        worked = time.monotonic() - self._taken_at
        return self._ended.is_set() or worked > OFTEN

    def save(self) -> None:
        """Give back what has changed, and keep the warehouse.

        Raises:
            WarehouseError: somebody else has taken it meanwhile, or the storage refuses.
        """
        before, files = self._head.files, dict[str, Stored]()
        changed = dict(self._copy.changed())
        if any(changed.values()) or changed.keys() != before.keys():
            # Whether it still has it, before it takes the trouble.
            self._swap(self._head)
            for name, is_changed in changed.items():
                files[name] = self._put(name) if is_changed else before[name]
            self._swap(replace(self._head, files=files))
            self._copy.note(files)
            # What was there before may hold whom this has erased.
            kept = {it.name for it in files.values()}
            self._storage.remove(it for it in before.values() if it.name not in kept)

    def give_back(self) -> None:
        """Give back what has changed, and the warehouse.

        Raises:
            WarehouseError: as `save`; then another run, here or elsewhere, can take it soon.
        """
        try:
            self.save()
        finally:
            self._end()

    def _put(self, name: str) -> Stored:
        as_object = f"{self._head.turn:08d}-{uuid.uuid4().hex[:12]}-{name.rpartition('/')[2]}"
        return self._storage.put(as_object, self._copy.folder / name, self._go_on)

    def _swap(self, head: Head) -> None:
        with self._alone:
            try:
                self._etag = self._storage.swap(head.content, self._etag)
            except OutdatedError:
                self._ended.set()
                raise WarehouseError(
                    f"{self._storage.place.address} was taken by somebody else, since nothing was "
                    "heard of this run for too long: what it made since it gave it back last is "
                    "not in there. Run again"
                ) from None
            self._head, self._heard_at = head, time.monotonic()

    def _end(self) -> None:
        """Let others have it; where that cannot be said, they see it once the lease is over."""
        if self._ended.is_set():
            return
        self._ended.set()
        try:
            self._swap(replace(self._head, holder=None))
        except WarehouseError as error:
            log.warning("%s", error)

    def _go_on_meanwhile(self) -> None:
        while not self._ended.wait(self._storage.place.lease / SIGNS):
            try:
                self._go_on()
            except WarehouseError as error:
                log.warning("%s", error)

    def _go_on(self, _bytes: int = 0) -> None:
        """Say that this process still has it, unless it has said so lately."""
        with self._alone:
            silence = time.monotonic() - self._heard_at
            if silence >= self._storage.place.lease / SIGNS and not self._ended.is_set():
                self._swap(self._head)

    def _is_left(self, name: str) -> bool:
        """Whether a turn before this one has written an object that does not count."""
        found, kept = _NAME.fullmatch(name), {it.name for it in self._head.files.values()}
        return found is not None and int(found[1]) < self._head.turn and name not in kept
