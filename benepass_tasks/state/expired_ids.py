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
    return ExpiredIds(_require_same(connection, source, key), source, digests)


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
    _require_same(connection, source, key)
    write_properties(connection, {KEY: key.fingerprint})
    of, state = EXPIRED_IDS.c, state_of(connection)
    last = state.execute(select(func.max(of.number)).where(of.source == source)).scalar() or 0
    row = {"source": source, "number": last + 1, "digests": "\n".join(digests)}
    state.execute(insert(EXPIRED_IDS), row)


def _require_same(connection: Connection, source: str, key: HashKey | None) -> HashKey:
    made_with = property_of(connection, KEY)
    if key is None or made_with not in (None, key.fingerprint):
        which = "is not set" if key is None else "is another key"
        raise ProjectError(
            f"{source}: which records are past their retention is kept as digests under "
            f"{VARIABLE}, which {which}: nothing is loaded, since none of them could be told from "
            "it. Set the key that they were made with"
        )
    return key
