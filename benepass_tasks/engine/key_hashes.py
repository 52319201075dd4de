"""Hashes of texts, stored beside them in large tables, by which rows are looked up.

A number is read about ten times as fast as a text. Two texts may share a hash of 32 bits, so a
look-up may find more rows than it looks for, and never fewer. The name of a stored hash says which
release of DuckDB made it: another may hash otherwise, and looks for nothing by it.
"""

from collections.abc import Iterable

import duckdb
from sqlalchemy import Connection

from benepass_tasks.engine.quoting import quote_name, quote_relation

MARK = "#"
"""How the name of a stored hash begins, as that of no column of a model or a file does."""

_RELEASE = f"{MARK}{duckdb.__version__}"


def hash_of_text(text: str) -> str:
    """The hash of a text as SQL; that of NULL is a number, too."""
    return f"cast(hash({text}) >> 32 as uinteger)"


def with_hashes(select: str, columns: Iterable[str]) -> str:
    """A query that returns the hashes of some of its columns, which are texts, behind its own."""
    named = ((it, quote_name(f"{MARK}{it}{_RELEASE}")) for it in columns)
    hashes = (f", {hash_of_text(quote_name(it))} as {name}" for it, name in named)
    return f"select *{''.join(hashes)} from (\n{select}\n)"  # noqa: S608


def stored_hashes(connection: Connection, relation: str) -> dict[str, str]:
    """The columns of a table whose hashes it stores, with the names of these."""
    return _of_this_release(_stored(connection, relation))


def kept_hashes(connection: Connection, relation: str) -> dict[str, str]:
    """The same before rows come, which lack the hashes of other releases: these are dropped."""
    stored = _stored(connection, relation)
    kept = _of_this_release(stored)
    for it in stored.difference(kept.values()):
        connection.exec_driver_sql(
            f"alter table {quote_relation(relation)} drop column {quote_name(it)}"
        )
    return kept


def _stored(connection: Connection, relation: str) -> set[str]:
    described = connection.exec_driver_sql(f"describe {quote_relation(relation)}")
    return {name for name, *_ in described if name.startswith(MARK)}


def _of_this_release(stored: Iterable[str]) -> dict[str, str]:
    return {
        it.removeprefix(MARK).removesuffix(_RELEASE): it for it in stored if it.endswith(_RELEASE)
    }
