"""Sources whose files hold events of changes of a table: what they declare, and its rules.

Raw has a record for each event. Of all events of a key, the last one says what the row is now, and
that alone is in the base view.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from benepass_tasks.catalog.datasets import DeclaredColumn, DeclaredSource, MonthOf, Pii
from benepass_tasks.catalog.document import Problem

OP: Final = "_op"
POSITION: Final = "_position"
SNAPSHOT: Final = "_snapshot"

UNSAID: Final = "__debezium_unavailable_value"
"""What stands for a large value that did not change, and so is not said again."""

_DESCRIPTIONS: Final = {
    OP: "What became of the row: c, u, d or r (inserted, updated, deleted, read); t: of all rows.",
    POSITION: "Where in the log of the database the event is, with its digits filled up.",
    SNAPSHOT: "Which part of a reading of the whole table the event is, as the event says it.",
}

HEADER: Final[Mapping[str, str]] = MappingProxyType(
    {name: f"debezium.{name.removeprefix('_')}" for name in _DESCRIPTIONS}
)
"""What the reader calls the columns that say of an event what it is, by their names in raw."""

COLUMNS: Final[Mapping[str, DeclaredColumn]] = MappingProxyType(
    {
        name: DeclaredColumn(
            name, said, None, "quality", Pii("none"), required=False, aliases=(HEADER[name],)
        )
        for name, said in _DESCRIPTIONS.items()
    }
)
"""The columns that follow those of the table."""


def key_of(source: DeclaredSource) -> tuple[str, ...]:
    """The columns of the primary key: those declared, or that of the id of a record."""
    return tuple(map(str, source.records.key)) or (source.id_column,)


def check(source: DeclaredSource) -> Iterator[Problem]:
    """Apply the rules to a source.

    Yields:
        What is wrong, in no particular order.
    """
    if not source.layout.is_of_events:
        return
    said = source.records
    for part in said.key:
        if isinstance(part, MonthOf) or part not in source.columns:
            message = "is the primary key of the table, so each part is a column of the events"
            yield Problem((source.name, "key"), message)
    for word, is_said in (
        ("census", said.census is not None),
        ("ordered_by", said.ordered_by is not None),
        ("resends", said.resends == "supersede"),
    ):
        if is_said:
            message = "is for files of records: of events, the last one of each key counts. Remove"
            yield Problem((source.name, word), f"{message} it")
    if source.anonymises_charges:
        message = "can be delete only, where the records are events of changes"
        yield Problem((source.name, "retention", "then"), message)
