"""What personal values tell by deciding: by a condition, a join, an order, a frame or a group.

Whoever asks enough questions of a name can spell it out of the answers, so an identifier that
decides passes its class on. Three questions spell nothing out, if they are asked of the value as it
is: whether it is there, which rows have the same, and how many. How many rows of a group there are,
and in which order they come, gives people away by a quasi-identifier, too. Whether a value has the
right form is for the catalog to say, as is whatever else the SQL does not show.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import get_args

from benepass_tasks.catalog import Column, Table
from benepass_tasks.catalog.datasets import HEADCOUNT, DerivedFrom, Ground
from benepass_tasks.config.project import MIN_GROUP_SIZE
from benepass_tasks.sqlmodels.lineage import Edge
from benepass_tasks.sqlmodels.privacy.verdicts import RANK, Carried

HARMLESS = ("presence", "sameness")


def told_by_rows(table: Table, carried: Carried) -> list[str]:
    """The columns of a table that say less than what decides about its rows."""
    if not spells_out(carried) or carried.edge.asks == "place":
        return []
    if carried.origin in columns_of(table.derived_from):
        return []
    return [
        it.name
        for it in table.columns.values()
        if RANK[it.pii.class_] < RANK[carried.class_]
        and carried.origin not in columns_of(it.derived_from)
    ]


def told_by_column(column: Column, arriving: Collection[Carried]) -> Iterator[Carried]:
    """What decides about a column and is more personal than the column says.

    Args:
        column: What it declares.
        arriving: All that it derives from.
    """
    # Groups that somebody's own id tells apart are of one person each, whatever else does.
    is_of_each = any(it.class_ == "pseudonym" and it.edge.asks == "count" for it in arriving)
    for it in arriving:
        is_declared = it.origin in columns_of(column.derived_from)
        if is_declared or RANK[column.pii.class_] >= RANK[it.class_]:
            continue
        is_told = spells_out(it) and it.edge.asks != "place"
        if is_told or singles_out(it, is_of_each=is_of_each):
            yield it


def spells_out(carried: Carried) -> bool:
    """Whether enough such decisions spell an identifier out."""
    if carried.class_ != "identifier" or not carried.decides:
        return False
    is_harmless = carried.edge.type == "DIRECT" or carried.edge.asks in (*HARMLESS, "count")
    return not (is_harmless and carried.edge.is_whole)


def singles_out(carried: Carried, *, is_of_each: bool) -> bool:
    """Whether it tells the size of a group, or an order, by what tells people apart."""
    if carried.class_ not in ("quasi_identifier", "identifier") or carried.edge.masking:
        return False
    return carried.edge.asks == "order" or (carried.edge.asks == "count" and not is_of_each)


def columns_of(declared: DerivedFrom | None) -> tuple[str, ...]:
    """The source columns that may decide by a declaration."""
    return declared.columns if declared else ()


def needless(declared: DerivedFrom | None, edges: Iterable[Edge]) -> Iterator[str]:
    """The source columns that a declaration names and that decide nothing."""
    deciding = {str(it.origin) for it in edges if it.type == "INDIRECT" or it.masking}
    return (it for it in columns_of(declared) if it not in deciding)


def said_of_column(carried: Carried, declared_class: str) -> str:
    """What is wrong where something decides about a column unsaid, and what to write."""
    who = f"{carried.class_} {carried.kind}"
    declares = f"and it declares class {declared_class}"
    is_identifier = carried.class_ == "identifier"
    if carried.edge.asks == "count" and (carried.edge.is_whole or not is_identifier):
        return (
            f"counts rows by {who}, {declares}: a group of few gives people away. Leave such "
            f"groups out (having count(*) >= {MIN_GROUP_SIZE}), declare class {carried.class_}, "
            f"or say how many people it counts at least: derived_from: {{column: {carried.origin}, "
            f"reason: {HEADCOUNT}, minimum: {MIN_GROUP_SIZE}}}"
        )
    if not is_identifier:
        return (
            f"tells the order by {who}, {declares}. Declare class {carried.class_}, or take it out"
        )
    return f"is decided by {who}, {declares}. {_ways_out(carried)}"


def said_of_rows(carried: Carried, columns: Collection[str]) -> str:
    """What is wrong where something decides about rows unsaid, and what to write."""
    return (
        f"its rows are decided by {carried.class_} {carried.kind}, which {', '.join(columns)} "
        f"{'tells' if len(columns) == 1 else 'tell'} of. {_ways_out(carried)}, beside the "
        "description of the table"
    )


def _ways_out(carried: Carried) -> str:
    grounds = [it for it in get_args(Ground) if it != HEADCOUNT]
    return (
        "Ask no more than whether it is there or the same, mask it first, take it out, or say "
        f"what alone can be told of it: derived_from: {{column: {carried.origin}, "
        f"reason: {' or '.join(grounds)}}}"
    )
