"""The base view of each source: what its records say, in the one form that the SQL reads.

Raw keeps a file's text as it is. The view over it is generated from the declaration: for each
declared column `<column>` and `<column>_as_written`, for a typed one whether it is missing, where
the record is from, and what is declared of it.
"""

from collections.abc import Iterator

from benepass_tasks.catalog import Declarations
from benepass_tasks.catalog.datasets import DeclaredSource
from benepass_tasks.catalog.forms import DOUBT, MISSING
from benepass_tasks.catalog.implied import AS_WRITTEN, PROVENANCE
from benepass_tasks.catalog.records import CURRENCY
from benepass_tasks.engine.quoting import quote_name, quote_relation
from benepass_tasks.sqlmodels.canonical import canonical, doubt, foreign_currency, stated
from benepass_tasks.sqlmodels.censuses import with_vanished
from benepass_tasks.sqlmodels.current_rows import with_current
from benepass_tasks.sqlmodels.made_columns import (
    made_canonical,
    made_doubt,
    made_missing,
    made_text,
    with_parts,
)
from benepass_tasks.sqlmodels.record_columns import record_items


def base_queries(declared: Declarations) -> dict[str, str]:
    """The SELECT of each source's base view, by the view's relation."""
    raw = {table.source: table.relation for table in declared.tables.values() if table.source}
    return {
        f"base.{source.name}": _query(source, raw[source.name])
        for source in declared.sources.values()
        if source.name in raw
    }


def canonical_query(source: DeclaredSource, raw: str) -> str:
    """The SELECT of the canonical form of each record of a raw table, and of where it is from."""
    items = [f"{canonical(it)} as {quote_name(name)}" for name, it in source.columns.items()]
    items += [f"{made_canonical(it)} as {quote_name(name)}" for name, it in source.made.items()]
    listed = ", ".join([*items, *map(quote_name, PROVENANCE)])
    return f"select {listed} from {with_parts(source, quote_relation(raw))}"  # noqa: S608


def _query(source: DeclaredSource, raw: str) -> str:
    items = ",\n".join(f"    {it}" for it in _items(source))
    ctes, read = _read(source, raw)
    read = with_parts(source, read)
    return (
        f"-- Generated from what catalog.yaml declares of {source.name}.\n"
        f"{ctes}select\n{items}\nfrom {read}"
    )


def _read(source: DeclaredSource, raw: str) -> tuple[str, str]:
    """The CTEs of a base view, and the FROM clause of what its SELECT reads."""
    if source.records.census is not None:
        return with_vanished(source, raw)
    if source.layout.is_of_events:
        return with_current(source, raw)
    return "", quote_relation(raw)


def _items(source: DeclaredSource) -> Iterator[str]:
    for name, column in source.columns.items():
        made, text = canonical(column), quote_name(name)
        yield made if made == text else f"{made} as {text}"
        yield f"{text} as {quote_name(name + AS_WRITTEN)}"
        if column.form.holds != "text":
            yield f"{stated(column, text)} is null as {quote_name(name + MISSING)}"
        if column.form.holds == "instant":
            yield f"{doubt(column, text)} as {quote_name(name + DOUBT)}"
    for name, column in source.made.items():
        yield f"{made_canonical(column)} as {quote_name(name)}"
        yield f"{made_text(column)} as {quote_name(name + AS_WRITTEN)}"
        yield f"{made_missing(source, column)} as {quote_name(name + MISSING)}"
        if column.form.holds == "instant":
            yield f"{made_doubt(column)} as {quote_name(name + DOUBT)}"
    yield f"{foreign_currency(source)} as {quote_name(CURRENCY)}"
    yield from map(quote_name, PROVENANCE)
    yield from record_items(source)
