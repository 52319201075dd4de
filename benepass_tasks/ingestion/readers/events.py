"""Reads a file of events of changes of one table: a record for each."""

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from benepass_tasks.catalog.events import HEADER, OP, POSITION, SNAPSHOT
from benepass_tasks.catalog.header_names import header_key
from benepass_tasks.catalog.layout import Layout
from benepass_tasks.catalog.wording import listed, printable
from benepass_tasks.config.errors import SourceError
from benepass_tasks.ingestion.readers.debezium import Decoder
from benepass_tasks.ingestion.readers.json_lines import (
    JsonLinesReader,
    UnusableError,
    object_of,
)

MANY: Final = 10
"""Tables that a message names at most."""


class SeveralTablesError(SourceError):
    """The events of a file are of several tables, and nobody says which is meant."""

    def __init__(self, name: str, tables: Sequence[str]) -> None:
        """Name the file and the tables."""
        listed_ = listed([*map(printable, tables)][:MANY])
        super().__init__(
            f"{name} has events of several tables ({listed_}); say of which the source is: "
            "layout.table under its metadata"
        )
        self.tables = tables


TAKEN: Final = "a column of a name that the load gives"


class EventReader(JsonLinesReader):
    """Reads the events of one file.

    Attributes:
        tables: The tables that its events are of, as far as they say.
    """

    declared_as = "Debezium's events"

    def __init__(
        self, file: io.BufferedReader, layout: Layout, name: str, meant: Mapping[str, str]
    ) -> None:
        """Read the columns of all events.

        Args:
            file: The file.
            layout: How it is written.
            name: What messages call it.
            meant: The columns of the table as far as they are known, by what a key means them: a
                file is taken to have them all that says the whole of no row.

        Raises:
            SourceError: none of its lines is one of Debezium's, or its events are of several tables
                and the layout does not say of which it is.
        """
        self._decoder = Decoder(layout.table)
        self._told: set[str] = set()
        self.tables: set[str] = set()
        super().__init__(file, layout, name)
        self.inexact = dict(self._decoder.inexact)
        if not self._told:
            there = {meant.get(header_key(it)) for it in self.header}
            missing = (it for it in dict.fromkeys(meant.values()) if it not in there)
            self.header = (*self.header, *missing)
        if layout.table is None and len(self.tables) > 1:
            raise SeveralTablesError(name, sorted(self.tables))

    def _keys(self) -> Iterator[str]:
        return iter(dict.fromkeys([*HEADER.values(), *super()._keys()]))

    def _record(self, line: bytes) -> Mapping[str, str | None]:
        event = self._decoder.decode(object_of(line))
        if event.table is not None:
            self.tables.add(event.table)
        if not event.row.keys().isdisjoint(HEADER.values()):
            raise UnusableError(TAKEN)
        if event.op != "d":
            self._told |= event.row.keys()
        about = {OP: event.op, POSITION: event.position, SNAPSHOT: event.snapshot}
        return {HEADER[it]: value for it, value in about.items()} | dict(event.row)

    def _needs_all(self, record: Mapping[str, str | None]) -> bool:
        """Of what is deleted the key is known, if anything."""
        return record[HEADER[OP]] not in ("d", "t")
