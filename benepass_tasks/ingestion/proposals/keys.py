"""The ids that are known already: of the files given beside, and of those in the warehouse."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from sqlalchemy import Connection

from benepass_tasks.catalog.datasets import Declarations
from benepass_tasks.engine.quoting import quote_name, quote_relation
from benepass_tasks.ingestion.proposals.columns import KNOWN, fit
from benepass_tasks.ingestion.proposals.profile import FileProfile

MOST: Final = 200_000
"""Ids of a kind that are compared."""


def keys_in_files(
    declared: Declarations, profiles: Iterable[FileProfile]
) -> dict[str, Collection[str]]:
    """The ids of each kind in files of its own source, as far as names tell.

    Returns:
        By the name of the source's id the ids, such as those of `employee_id` in an employees file.
    """
    found: dict[str, set[str]] = {}
    for profile in profiles:
        for source in declared.sources.values():
            own = next(iter(source.columns))
            fitting = fit(source, profile, {}, {})
            match = fitting.matches.get(own)
            if own.endswith("_id") and match and match.strength >= KNOWN and not fitting.missing:
                found.setdefault(own, set()).update(profile.columns[match.place].counts)
    return dict(found)


def keys_in_warehouse(
    declared: Declarations, connection: Connection, loaded: Collection[str]
) -> dict[str, Collection[str]]:
    """The ids of each kind in the raw tables of their own sources.

    Args:
        declared: The sources.
        connection: A session.
        loaded: The sources that have a raw table.
    """
    found: dict[str, Collection[str]] = {}
    for source in declared.sources.values():
        own = next(iter(source.columns))
        if own.endswith("_id") and source.name in loaded:
            rows = connection.exec_driver_sql(
                f"select distinct trim({quote_name(own)}) "  # noqa: S608 - quoted
                f"from {quote_relation(f'raw.{source.name}')} limit {MOST}"
            )
            found[own] = {value for (value,) in rows if value}
    return found


def all_keys(*known: Mapping[str, Collection[str]]) -> dict[str, Collection[str]]:
    """The ids of several places together."""
    found: dict[str, set[str]] = {}
    for keys in known:
        for name, ids in keys.items():
            found.setdefault(name, set()).update(ids)
    return dict(found)
