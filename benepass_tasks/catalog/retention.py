"""How long the records of a source are kept: rules on what is declared, as in `rules`."""

from collections.abc import Iterator

from benepass_tasks.catalog import wording
from benepass_tasks.catalog.datasets import PERSON, DeclaredSource
from benepass_tasks.catalog.document import Problem

DATED = ("date", "instant")
"""What a column holds that says of when a record is."""


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
    ids = [it.pii.kind for it in columns.values() if it.pii and it.pii.class_ == "pseudonym"]
    if declared.then == "anonymise" and ids[:1] != [PERSON]:
        message = (
            f"can be anonymise only where each record is about a person, by a first id of kind "
            f"{PERSON}: that of a charge leads to the person by its account as well. Use delete; "
            "who is anonymised is so in all records"
        )
        yield Problem((*path, "then"), message)
