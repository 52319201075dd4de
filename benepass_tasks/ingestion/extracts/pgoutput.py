"""What Postgres says of changes in the words of its plugin `pgoutput`, version 1 of the protocol.

The formats are those of https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias


class Unsaid(Enum):
    """A large value that did not change is not said again."""

    UNCHANGED = "u"


Value: TypeAlias = bytes | Unsaid | None
"""A value as text in the encoding of the client; None for NULL."""

Tuple: TypeAlias = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Begin:
    """A transaction begins that has been committed; its number has 32 bits."""

    xid: int


@dataclass(frozen=True, slots=True)
class Commit:
    """It ends, and what is read afterwards begins at this place of the log."""

    end: int


@dataclass(frozen=True, slots=True)
class Relation:
    """What a table is like in the changes that follow: name, type and its modifier by column."""

    id: int
    schema: str
    name: str
    columns: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Insert:
    """A new row."""

    relation: int
    new: Tuple


@dataclass(frozen=True, slots=True)
class Update:
    """A row is another one; `old` has its key, where that was another, or all of it."""

    relation: int
    old: Tuple | None
    new: Tuple


@dataclass(frozen=True, slots=True)
class Delete:
    """A row is gone, of which the key is said, or all."""

    relation: int
    old: Tuple


@dataclass(frozen=True, slots=True)
class Truncate:
    """All rows of some tables are gone."""

    relations: tuple[int, ...]


Message: TypeAlias = Begin | Commit | Relation | Insert | Update | Delete | Truncate

_ENDED: Final = "a message of pgoutput ends before its end"


class UnreadableMessageError(ValueError):
    """A message has another form than the protocol says; the text quotes nothing of it."""


def decode(data: bytes) -> Message | None:
    """Read a message; None for those that say nothing of rows.

    Raises:
        UnreadableMessageError: it is none of the protocol.
    """
    reader = _Reader(data)
    kind = reader.letter()
    if kind not in _DECODERS:
        if kind in _OTHERS:
            return None
        raise UnreadableMessageError(f"pgoutput has a message that nobody knows: {kind!r}")
    found = _DECODERS[kind](reader)
    if not reader.is_at_end:
        raise UnreadableMessageError("a message of pgoutput is longer than it should be")
    return found


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    @property
    def is_at_end(self) -> bool:
        return self._at == len(self._data)

    def take(self, size: int) -> bytes:
        found = self._data[self._at : self._at + size]
        if size < 0 or len(found) < size:
            raise UnreadableMessageError(_ENDED)
        self._at += size
        return found

    def number(self, form: str) -> int:
        """A number in the order of the network; its form is that of `struct`."""
        found: int = struct.unpack(f">{form}", self.take(struct.calcsize(f">{form}")))[0]
        return found

    def letter(self) -> str:
        return self.take(1).decode("latin-1")

    def text(self) -> str:
        end = self._data.find(b"\0", self._at)
        if end < 0:
            raise UnreadableMessageError(_ENDED)
        found = self._data[self._at : end].decode()
        self._at = end + 1
        return found

    def tuple(self, *kinds: str) -> Tuple:
        """The values of a row, after the letter that says which row it is."""
        if self.letter() not in kinds:
            raise UnreadableMessageError("pgoutput says another row than it should")
        return self.values()

    def values(self) -> Tuple:
        return tuple(self._value() for _ in range(self.number("h")))

    def _value(self) -> Value:
        kind = self.letter()
        if kind == "t":
            return self.take(self.number("i"))
        if kind == "n":
            return None
        if kind == "u":
            return Unsaid.UNCHANGED
        raise UnreadableMessageError("pgoutput has a value that is not text")


def _begin(reader: _Reader) -> Begin:
    reader.take(16)  # The place of its commit, and when that was.
    return Begin(reader.number("I"))


def _commit(reader: _Reader) -> Commit:
    reader.take(9)  # Flags, and the place of the commit itself.
    end = reader.number("Q")
    reader.take(8)
    return Commit(end)


def _relation(reader: _Reader) -> Relation:
    id_, schema, name = reader.number("I"), reader.text(), reader.text()
    reader.letter()  # What is said of rows that are gone.
    columns = []
    for _ in range(reader.number("h")):
        reader.take(1)  # Whether it belongs to the key.
        columns.append((reader.text(), reader.number("I"), reader.number("i")))
    return Relation(id_, schema, name, tuple(columns))


def _insert(reader: _Reader) -> Insert:
    return Insert(reader.number("I"), reader.tuple("N"))


def _update(reader: _Reader) -> Update:
    relation, kind = reader.number("I"), reader.letter()
    if kind == "N":
        return Update(relation, None, reader.values())
    if kind not in "KO":
        raise UnreadableMessageError("pgoutput says another row than it should")
    old = reader.values()
    return Update(relation, old, reader.tuple("N"))


def _delete(reader: _Reader) -> Delete:
    return Delete(reader.number("I"), reader.tuple("K", "O"))


def _truncate(reader: _Reader) -> Truncate:
    count = reader.number("I")
    reader.take(1)  # Whether others go with them, and whether their counters begin anew.
    return Truncate(tuple(reader.number("I") for _ in range(count)))


_DECODERS: Final[Mapping[str, Callable[[_Reader], Message]]] = {
    "B": _begin,
    "C": _commit,
    "R": _relation,
    "I": _insert,
    "U": _update,
    "D": _delete,
    "T": _truncate,
}
_OTHERS: Final = frozenset("OYM")
"""Origins, types and messages of other programs."""


def place(text: str) -> int:
    """A place in the log, as Postgres writes it: `16/B374D848`."""
    high, _, low = text.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


def placed(number: int) -> str:
    """The same as text."""
    return f"{number >> 32:X}/{number & 0xFFFFFFFF:X}"


@dataclass(frozen=True, slots=True)
class Seen:
    """The transactions that a snapshot sees, as `txid_current_snapshot()` writes it."""

    lowest: int
    highest: int
    running: frozenset[int]

    @classmethod
    def of(cls, text: str) -> "Seen":
        """Read `xmin:xmax:xip`."""
        lowest, highest, running = text.split(":")
        return cls(int(lowest), int(highest), frozenset(int(it) for it in running.split(",") if it))

    def has(self, xid: int) -> bool:
        """Whether it sees a transaction, whose number may have begun anew after 32 bits."""
        whole = self.highest - ((self.highest - xid + (1 << 31)) % (1 << 32) - (1 << 31))
        return whole < self.lowest or (whole < self.highest and whole not in self.running)
