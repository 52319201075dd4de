"""How long the records of a source are kept: rules on what is declared, as in `rules`."""

from collections.abc import Iterator

from benepass_tasks.catalog import wording
from benepass_tasks.catalog.datasets import PERSON, Catalog, DeclaredSource
from benepass_tasks.catalog.document import Problem

DATED = ("date", "instant")
"""What a column holds that says of when a record is."""

PLACE = ("_source_file", "_row_number")
"""What tells which record of raw a row is."""


def check(source: DeclaredSource) -> Iterator[Problem]:
    """Apply the rules to a source.

    Yields:
        What is wrong, in no particular order.
    """
    declared = source.retention
    if declared is None:
        return
    path, columns = (source.name, "retention"), source.read_columns
    dated = [name for name, it in columns.items() if it.form.holds in DATED]
    if declared.by not in dated:
        near = wording.meant(wording.nearest(declared.by, dated))
        there = near or f" (there are {wording.listed(dated)})" if dated else ""
        message = f"must name a column that holds a date or an instant, not {declared.by}{there}"
        yield Problem((*path, "by"), message)
    if source.anonymises_charges:
        yield from (Problem((*path, "then"), it) for it in _wrong_with_charges(source))


def _wrong_with_charges(source: DeclaredSource) -> Iterator[str]:
    judged = source.reconciliation
    if judged is None or judged.accepted is None or judged.accepted_count is not None:
        yield (
            "can be anonymise where each record is about a person, by a first id of kind "
            f"{PERSON}, or where reconciliation names the tables in which each accepted record "
            "is a row, and each that is not: what is accepted alone still counts. Use delete"
        )
    elif not source.records.key and not source.first_id:
        yield "needs a key: without one, a record that comes again would count twice"
    for name in sorted(_deciding(source)):
        pii = source.read_columns[name].pii
        if pii is not None and pii.erasure != "keep":
            yield (
                f"needs {name} as it is, since it decides what a record counts for: declare "
                f"erase: keep for it, which becomes {pii.erasure}, or use delete"
            )


def _deciding(source: DeclaredSource) -> set[str]:
    """The columns that decide of an accepted record how much it counts, and when."""
    said, columns = source.records, source.read_columns
    found = {name for name, it in columns.items() if it.form.holds == "amount"}
    found |= {*said.counts_when, *said.refund_when}
    if source.currency.column:
        found.add(source.currency.column)
    if source.retention:
        found.add(source.retention.by)
    made_of = (source.made[it].made_of.values() for it in found & source.made.keys())
    return found.union(*made_of) & columns.keys()


def check_catalog(catalog: Catalog) -> Iterator[Problem]:
    """Apply the rules to what the records of sources become, in the effective catalog.

    Yields:
        What is wrong, in no particular order.
    """
    for source in catalog.sources.values():
        judged = source.reconciliation
        if not source.anonymises_charges or judged is None:
            continue
        accepted = catalog.tables.get(str(judged.accepted))
        if accepted is not None and len(accepted.key) != 1:
            message = (
                "can be anonymise only where the key of the table of accepted records is one "
                f"column, the id of the record: declare key for {accepted.relation}"
            )
            yield Problem((source.name, "retention", "then"), message)
        for name in filter(None, (judged.quarantine, judged.uncounted)):
            table = catalog.tables.get(name)
            missing = [it for it in PLACE if table is not None and it not in table.columns]
            if missing:
                message = f"can be anonymise only where {name} has {wording.listed(missing)}"
                yield Problem((source.name, "retention", "then"), message)
