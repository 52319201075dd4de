"""How far the changes of a database were read, which its replication slot keeps for us."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benepass_tasks.catalog.extracts import POSITION
from benepass_tasks.engine.disk import write_privately


@dataclass(frozen=True, slots=True)
class Position:
    """How far the changes of a database were read.

    Attributes:
        slot: The slot that they are read from.
        read: The place in the log of the database.
        stamps: How far the extract of each source goes by itself; what follows changed nothing of
            it.
        lag: Bytes of its log that the database kept when the last reading began.
    """

    slot: str
    read: int = 0
    stamps: Mapping[str, int] = field(default_factory=dict)
    lag: int = 0

    @classmethod
    def of(cls, folder: Path, credentials: str) -> "Position | None":
        """Read it; None where nothing was read, or nobody can tell."""
        try:
            found = json.loads(_path(folder, credentials).read_text(encoding="utf-8"))
            return cls(
                str(found["slot"]), int(found["read"]), dict(found["stamps"]), int(found["lag"])
            )
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def write(self, folder: Path, credentials: str) -> None:
        """Write it, so that it is there after a loss of power, too."""
        told = {
            "slot": self.slot,
            "read": self.read,
            "stamps": dict(self.stamps),
            "lag": self.lag,
        }
        write_privately(_path(folder, credentials), json.dumps(told))

    @staticmethod
    def forget(folder: Path, credentials: str) -> None:
        """Let the next reading begin anew."""
        _path(folder, credentials).unlink(missing_ok=True)


def _path(folder: Path, credentials: str) -> Path:
    return folder / f"{credentials}{POSITION}"
