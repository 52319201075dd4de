"""Columns that nobody declared, and that may decide what a charge is."""

from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Connection

from benepass_tasks.catalog import Catalog, Source
from benepass_tasks.catalog.header_names import ADDED
from benepass_tasks.catalog.wording import printable
from benepass_tasks.catalog.words import decided_by, is_period
from benepass_tasks.engine.quoting import quote_name, quote_relation
from benepass_tasks.engine.tables import engine_of
from benepass_tasks.quality.monitors.results import Result

MOST_VALUES: Final = 30
"""A column of a status, type or currency has few values; one of notes has many."""

_COUNTS: Final = "counts_when: {{{name}: [...]}} with the values of charges that are spend"
_LOOKS: Final = MappingProxyType(
    {
        "status": ("the status of a charge", _COUNTS),
        "type": ("the type of a charge", _COUNTS),
        "currency": (
            "the currency of a charge",
            "currency: {{column: {name}, reporting: {reporting}}}",
        ),
        "voided": ("the mark of charges that do not count", _COUNTS),
        "voided_on": (
            "the day from which a charge does not count",
            "counts_when: {{{name}: [null]}}",
        ),
        "confirmed": ("the mark of charges that count", _COUNTS),
        "refunded": (
            "the part of the charge that came back, or is off it",
            "of the amount made_of: {{charged: COLUMN, refunded: {name}}},",
        ),
        "added": (
            "the tax, fee or tip of a charge",
            "of the amount made_of: {{charged: COLUMN, added: {name}}},",
        ),
        "corrected": (
            "the amount that a charge came to in the end",
            "of the amount made_of: {{charged: COLUMN, corrected: {name}}},",
        ),
        "reversal": (
            "the charge that a record takes back or is a part of",
            "refunds: net, or of parts counts_when: {{{name}: [null]}},",
        ),
        "every": (
            "the time that an allowance is for",
            "of the allowance made_of: {{each: COLUMN, every: {name}}},",
        ),
    }
)
"""What a column looks like, and what to write, by what it decides."""


def judge_unread(connection: Connection, catalog: Catalog) -> Iterator[Result]:
    """Warn of each undeclared column that looks as if it decided what an amount comes to.

    It looks so by its name, or since each of its values is a word of that kind. It is warned of
    until it is declared or listed under `ignored`. Of sources without money to reconcile only that
    is looked for which says for how long an allowance is. Nothing is said of a column but its name
    and how many values it has.
    """
    relations = engine_of(connection).relations()
    for source in catalog.sources.values():
        relation = catalog.raw_table_of(source.name).relation
        has_amounts = any(it.form.holds == "amount" for it in source.read_columns.values())
        if has_amounts and relation in relations:
            names = [*_undeclared(connection, source, relation)]
            for name, values in _values(connection, relation, names).items():
                meaning = _meaning(source, name, values)
                if meaning:
                    yield _warning(source, name, meaning, values)


def _undeclared(connection: Connection, source: Source, relation: str) -> Iterator[str]:
    for name in engine_of(connection).columns(relation):
        if not (name in source.columns or name in ADDED or name in source.ignored):
            yield name


def _values(
    connection: Connection, relation: str, names: Sequence[str]
) -> dict[str, frozenset[str] | None]:
    """The different values of some columns; None of one that has many."""
    # An estimate is within some percent, and takes a tenth of the time.
    about = _each(connection, relation, names, "approx_count_distinct({0})")
    few = [name for name, count in about.items() if count <= 2 * MOST_VALUES]
    found = _each(connection, relation, few, "list(distinct {0}) filter (where {0} is not null)")
    values = {name: frozenset(it or ()) for name, it in found.items()}
    return {
        name: it if (it := values.get(name)) is not None and len(it) <= MOST_VALUES else None
        for name in names
    }


def _each(
    connection: Connection, relation: str, names: Sequence[str], figure: str
) -> dict[str, Any]:
    """A figure of each of some columns, all of them in one scan."""
    if not names:
        return {}
    figures = ", ".join(figure.format(quote_name(name)) for name in names)
    query = f"select {figures} from {quote_relation(relation)}"  # noqa: S608
    return dict(zip(names, connection.exec_driver_sql(query).one(), strict=True))


def _meaning(source: Source, name: str, values: frozenset[str] | None) -> str | None:
    """What a column decides; None where it does not look as if it decided anything."""
    if values is not None and not values:
        return None
    if not (source.reconciliation and source.reconciliation.amount):
        return "every" if is_period(name, values or {""}) else None
    reporting = source.currency.reporting
    is_reported = values and {it.strip().casefold() for it in values} == {reporting.casefold()}
    meaning = decided_by(name, values or ())
    return None if meaning == "currency" and is_reported else meaning


def _warning(source: Source, name: str, meaning: str, values: frozenset[str] | None) -> Result:
    shown = printable(name)
    looks_like, advice = _LOOKS[meaning]
    write = advice.format(name=shown, reporting=source.currency.reporting)
    many = f"more than {MOST_VALUES}" if values is None else f"{len(values):,}"
    return Result(
        "undeclared_column",
        source.name,
        "warn",
        f"{shown} looks like {looks_like} ({many} values), and nothing reads it: declare the "
        f"column and write {write} under {source.name}.metadata, or say that it does not matter: "
        f"ignored: [{shown}]",
        "the catalog, which does not declare it",
        name=shown,
        value=None if values is None else len(values),
    )
