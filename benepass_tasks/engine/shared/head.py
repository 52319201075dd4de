"""The head of a shared warehouse: which objects are its files, and who has taken it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from benepass_tasks.catalog.wording import printable
from benepass_tasks.config.errors import WarehouseError

NAME: Final = "head.json"
"""The object that it is, below the address of the warehouse."""

_MARK: Final = "benepass-tasks warehouse"


@dataclass(frozen=True, slots=True)
class Stored:
    """A file as it is in the storage.

    Attributes:
        name: The object's name, below the address; no other one ever has it.
        etag: What the storage says that its content is.
        version: Its version, in a bucket that keeps versions.
    """

    name: str
    etag: str
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has taken a warehouse.

    Attributes:
        id: Which taking it is, of all.
        run: The run's id; empty where it is another command.
        host: The machine's name.
        since: When, UTC, by the machine's clock: people are told it, nothing is compared with it.
        lease: Seconds after which it counts as gone where it says nothing.
    """

    id: str
    run: str
    host: str
    since: str
    lease: float

    def __str__(self) -> str:
        """Who it is, in words."""
        who = f"run {self.run}" if self.run else "a command"
        return printable(f"{who} on {self.host}, since {self.since}", 200)


@dataclass(frozen=True, slots=True)
class Head:
    """What the head says.

    Attributes:
        turn: How often the warehouse was taken.
        files: Its files, by their path from the folder of a copy.
        holder: Who has taken it; None where nobody has.
    """

    turn: int = 0
    files: Mapping[str, Stored] = field(default_factory=dict)
    holder: Holder | None = None

    def taken_by(self, holder: Holder) -> "Head":
        """The same, when somebody has taken the warehouse."""
        return replace(self, turn=self.turn + 1, holder=holder)

    @property
    def content(self) -> bytes:
        """The bytes of the object."""
        said = {
            "of": _MARK,
            "turn": self.turn,
            "holder": asdict(self.holder) if self.holder else None,
            "files": {name: asdict(it) for name, it in sorted(self.files.items())},
        }
        return json.dumps(said, indent=1).encode()

    @classmethod
    def read(cls, content: bytes, address: str) -> "Head":
        """What the object says.

        Raises:
            WarehouseError: it is none that we wrote.
        """
        try:
            said: dict[str, Any] = json.loads(content)
            mark = said["of"]
            files = {str(name): Stored(**it) for name, it in said["files"].items()}
            holder = Holder(**said["holder"]) if said["holder"] else None
            if holder:
                holder = replace(holder, lease=float(holder.lease))
            head = cls(int(said["turn"]), files, holder)
        except (ValueError, KeyError, TypeError, AttributeError):
            mark = None
        if mark != _MARK:
            raise WarehouseError(
                f"{address}/{NAME} is not what benepass-tasks wrote, and nothing there was "
                "touched: name another place with --benepass-warehouse"
            )
        return head
