"""The list of people who are erased, so that no file brings them back.

It is a file of its own beside the warehouse, since it has to outlive one that is deleted and built
anew: keep it with the source files. It holds digests under the key of the pseudonyms, and no value.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benepass_tasks.config.errors import ProjectError
from benepass_tasks.config.hash_key import VARIABLE, HashKey
from benepass_tasks.config.settings import Settings
from benepass_tasks.engine.disk import write_privately

PURPOSE = "benepass-tasks erasure of "

CERTIFICATES = "erasures"
"""The folder of the certificates, beside the warehouse."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """Somebody who is erased.

    Attributes:
        erased_at: When, UTC, as ISO 8601.
        reason: Why, in the words of whoever erased.
        ids: The digests of the ids that lead to this person alone, by kind.
    """

    erased_at: str
    reason: str
    ids: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class ErasedPeople:
    """The list, with the key that it is under.

    Attributes:
        key: The key of its digests.
        entries: Who is erased.
    """

    key: HashKey
    entries: tuple[Erasure, ...]
    _digests: Mapping[str, frozenset[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Gather the digests by kind."""
        found: dict[str, set[str]] = {}
        for entry in self.entries:
            for kind, digests in entry.ids.items():
                found.setdefault(kind, set()).update(digests)
        gathered = {kind: frozenset(digests) for kind, digests in found.items()}
        object.__setattr__(self, "_digests", gathered)

    def has(self, kind: str, value: str) -> bool:
        """Whether an id, as ids are compared, is one that leads to somebody erased."""
        return digest_of(self.key, kind, value) in self._digests.get(kind, ())

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of ids that it has."""
        return frozenset(self._digests)

    def with_entries(self, entries: Sequence[Erasure]) -> "ErasedPeople":
        """The list with more people on it."""
        return ErasedPeople(self.key, (*self.entries, *entries))


def digest_of(key: HashKey, kind: str, value: str) -> str:
    """What stands on the list for an id, as ids are compared."""
    return key.digest_of(PURPOSE + kind, value)


def list_file(warehouse: Path) -> Path:
    """The file of the list of a warehouse."""
    return warehouse.with_name(f"{warehouse.stem}.erased.json")


def job_file(warehouse: Path) -> Path:
    """The file of an erasure that is not finished."""
    return warehouse.with_name(f".{warehouse.stem}.erasing.json")


def erased_people(settings: Settings) -> ErasedPeople | None:
    """The list of a project; None where nobody is on it.

    Raises:
        ProjectError: there is no key, or another one than that of the list, or no list can be read.
    """
    path = list_file(settings.origin)
    try:
        written = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        content = json.loads(written)
        entries = tuple(Erasure(**it) for it in content["erased"])
        check = str(content["key"])
    except (ValueError, KeyError, TypeError) as error:
        raise ProjectError(
            f"{path} is not the list of erased people that benepass-tasks wrote. Restore it from a "
            "backup: without it, the next load would bring back whoever is erased"
        ) from error
    if not entries:
        return None
    if settings.hash_key is None or _check_of(settings.hash_key) != check:
        which = "is not set" if settings.hash_key is None else "is another key"
        raise ProjectError(
            f"{path} says who is erased, and {VARIABLE} {which}: nothing is loaded, since nobody "
            "could be told from it. Set the key that it was written with"
        )
    return ErasedPeople(settings.hash_key, entries)


def require_key(settings: Settings) -> HashKey:
    """The key that people are put on the list with.

    Raises:
        ProjectError: there is none.
    """
    if settings.hash_key is None:
        raise ProjectError(
            f"{VARIABLE} is not set. Who is erased is kept as a digest under it, so that no file "
            "brings the person back: make one with `openssl rand -hex 32`, keep it where secrets "
            "are kept, and set it in the environment of every run"
        )
    return settings.hash_key


def write_list(warehouse: Path, people: ErasedPeople) -> None:
    """Put a list in the place of the one before, in one step and for good."""
    content = {
        "about": "Who is erased: digests under the key of the pseudonyms. Keep it with the files.",
        "key": _check_of(people.key),
        "erased": [asdict(it) for it in people.entries],
    }
    write_privately(list_file(warehouse), json.dumps(content, indent=1) + "\n")


def _check_of(key: HashKey) -> str:
    return key.digest_of(f"{PURPOSE}nobody", "")
