"""The base view of each source: what its records say, in the one form that the SQL reads.

Raw keeps a file's text as it is. The view over it is generated from the declaration: for each
declared column `<column>` and `<column>_as_written`, and where the record is from.
"""

from collections.abc import Iterator

from benepass_tasks.catalog import Declarations
from benepass_tasks.catalog.datasets import DeclaredSource
from benepass_tasks.catalog.implied import AS_WRITTEN, PROVENANCE
from benepass_tasks.engine.session import quote_name, quote_relation


def base_queries(declared: Declarations) -> dict[str, str]:
    """The SELECT of each source's base view, by the view's relation."""
    raw = {table.source: table.relation for table in declared.tables.values() if table.source}
    return {
        f"base.{source.name}": _query(source, raw[source.name])
        for source in declared.sources.values()
        if source.name in raw
    }


def _query(source: DeclaredSource, raw: str) -> str:
    items = ",\n".join(f"    {it}" for it in _items(source))
    return (
        f"-- Generated from what catalog.yaml declares of {source.name}.\n"
        f"select\n{items}\nfrom {quote_relation(raw)}"
    )


def _items(source: DeclaredSource) -> Iterator[str]:
    for name in source.columns:
        yield quote_name(name)
        yield f"{quote_name(name)} as {quote_name(name + AS_WRITTEN)}"
    yield from map(quote_name, PROVENANCE)
