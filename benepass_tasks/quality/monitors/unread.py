"""Columns that nobody declared, and that may decide what a charge is."""

import re
from collections.abc import Iterator

from sqlalchemy import Connection

from benepass_tasks.catalog import Catalog, Source
from benepass_tasks.catalog.header_names import INGESTED
from benepass_tasks.catalog.wording import printable
from benepass_tasks.engine.quoting import quote_name, quote_relation
from benepass_tasks.engine.tables import engine_of
from benepass_tasks.quality.monitors.results import Result

MOST_VALUES = 30
"""A column of a status, type or currency has few values; one of notes has many."""

_WORDS = {
    "status": "status state estado estatus statut stato stand zustand situacao situação state",
    "type": "type typ tipo art kind entry direction soort transaktionsart vorgang",
    "currency": "currency curr ccy waehrung währung wahrung devise moneda divisa valuta moeda",
}
_MEANS = {word: meaning for meaning, words in _WORDS.items() for word in words.split()}
_ADVICE = {
    "status": "counts_when: {{{name}: [...]}} with the values of charges that are spend",
    "type": "counts_when: {{{name}: [...]}} with the values of charges that are spend",
    "currency": "currency: {{column: {name}, reporting: {reporting}}}",
}


def judge_unread(connection: Connection, catalog: Catalog) -> Iterator[Result]:
    """Warn of each undeclared column that looks like status, type or currency of a charge.

    It warns until the column is declared or listed under `ignored`. Only sources with money to
    reconcile are looked at, and of a column only its name and how many values it has.
    """
    for source in catalog.sources.values():
        if not source.reconciliation or not source.reconciliation.amount:
            continue
        relation = catalog.raw_table_of(source.name).relation
        for name, meaning in _suspects(connection, source, relation):
            query = f"select count(distinct {quote_name(name)}) from {quote_relation(relation)}"  # noqa: S608
            values = connection.exec_driver_sql(query).scalar_one()
            if 0 < values <= MOST_VALUES:
                yield _warning(source, name, meaning, values)


def _suspects(connection: Connection, source: Source, relation: str) -> Iterator[tuple[str, str]]:
    engine = engine_of(connection)
    if relation not in engine.relations():
        return
    for name in engine.columns(relation):
        if name in source.columns or name in INGESTED or name in source.ignored:
            continue
        words = re.split(r"[^a-z]+", name.lower())
        meaning = next((_MEANS[it] for it in words if it in _MEANS), None)
        if meaning:
            yield name, meaning


def _warning(source: Source, name: str, meaning: str, values: int) -> Result:
    shown = printable(name)
    advice = _ADVICE[meaning].format(name=shown, reporting=source.currency.reporting)
    return Result(
        "undeclared_column",
        source.name,
        "warn",
        f"{shown} looks like the {meaning} of a charge ({values:,} values), and nothing reads it: "
        f"declare the column and write {advice} under {source.name}.metadata, or say that it "
        f"does not matter: ignored: [{shown}]",
        "the catalog, which does not declare it",
        name=shown,
        value=values,
    )
