"""The ids of charges that are anonymised or gone, as digests, so that no file brings them back.

Unlike people who are erased, they are known for as long as the warehouse is: one that is built anew
of its files judges all charges again, and anonymises them before anything is published.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, insert, select

from benepass_tasks.config.errors import ProjectError
from benepass_tasks.config.hash_key import VARIABLE, HashKey
from benepass_tasks.state.meta import EXPIRED_IDS
from benepass_tasks.state.store import present_tables, property_of, state_of, write_properties

PURPOSE = "benepass-tasks retention of "

KEY = "retention_key"
"""The property that tells the key of the digests from others."""

LENGTH = 32
"""Hexadecimal digits of a digest that are kept: by chance two are never the same."""


@dataclass(frozen=True, slots=True)
class ExpiredIds:
    """Those of a source, with the key that they are under."""

    key: HashKey
    source: str
    digests: frozenset[str] = field(repr=False)

    def has(self, value: str) -> bool:
        """Whether an id, as ids are compared, is one of them."""
        return digest_of(self.key, self.source, value) in self.digests


def digest_of(key: HashKey, source: str, value: str) -> str:
    """What is kept of an id, as ids are compared."""
    return key.digest_of(PURPOSE + source, value)[:LENGTH]


def expired_ids(connection: Connection, source: str, key: HashKey | None) -> ExpiredIds | None:
    """Those of a source; None where nothing of it was ever anonymised.

    Raises:
        ProjectError: there is no key, or another one than that of the digests.
    """
    if EXPIRED_IDS.name not in present_tables(connection):
        return None
    of = EXPIRED_IDS.c
    rows = state_of(connection).execute(select(of.digests).where(of.source == source)).scalars()
    digests = frozenset(it for row in rows for it in row.split("\n"))
    if not digests:
        return None
    return ExpiredIds(require_known_key(connection, source, key), source, digests)


def add_expired_ids(
    connection: Connection, source: str, key: HashKey, values: Iterable[str]
) -> None:
    """Keep the digests of more of them.

    Raises:
        ProjectError: those that there are were made with another key.
    """
    digests = sorted({digest_of(key, source, it) for it in values})
    if not digests:
        return
    require_known_key(connection, source, key)
    write_properties(connection, {KEY: key.fingerprint})
    of, state = EXPIRED_IDS.c, state_of(connection)
    last = state.execute(select(func.max(of.number)).where(of.source == source)).scalar() or 0
    row = {"source": source, "number": last + 1, "digests": "\n".join(digests)}
    state.execute(insert(EXPIRED_IDS), row)


def require_known_key(connection: Connection, source: str, key: HashKey | None) -> HashKey:
    """The key, if digests were made with it or there are none yet.

    Raises:
        ProjectError: there is no key, or it is another one.
    """
    made_with = property_of(connection, KEY)
    if key is not None and made_with in (None, key.fingerprint):
        return key
    which = "is not set" if key is None else "is another key"
    way_out = (
        "Set the key that they were made with"
        if made_with
        else "Make one with `openssl rand -hex 32`, keep it where secrets are kept, and set it in "
        "the environment of every run"
    )
    raise ProjectError(
        f"{source}: which charges are anonymised is kept as digests under {VARIABLE}, so that no "
        f"file brings one back, and {VARIABLE} {which}: nothing of {source} is loaded or "
        f"anonymised. {way_out}"
    )
