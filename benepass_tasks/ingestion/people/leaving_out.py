"""Records of people who are erased, left out while their file is read."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from benepass_tasks.catalog.datasets import PERSON
from benepass_tasks.ingestion.left_out import calling
from benepass_tasks.ingestion.people.places import CLEANING, IdColumns
from benepass_tasks.ingestion.readers.records import Batch
from benepass_tasks.ingestion.readers.scanning import Rejected
from benepass_tasks.sqlmodels import Macro
from benepass_tasks.state.erasures import ErasedPeople

FIELDS = re.compile(r"[,;|\t\r\n\"{}\[\]]|:\s")
"""What may stand between the fields of a record that cannot be parsed."""


@dataclass
class LeavingOut:
    """Leaves out the records of people who are erased.

    A record of somebody else that has an id of theirs, such as that of their account, has none.

    Attributes:
        people: Who is erased.
        ids: The id columns of the raw table.
        macros: What compares ids, each after those that it calls itself.
        counts_as: What these records are counted as.
        parsed: How many parsed records were left out so far.
        rejected: How many that could not be parsed.
    """

    people: ErasedPeople
    ids: IdColumns
    macros: Sequence[Macro]
    counts_as: Literal["erased", "expired"] = "erased"
    parsed: int = 0
    rejected: int = 0
    _known: dict[tuple[str, str], bool] = field(default_factory=dict, repr=False)

    def from_batches(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The batches without these records."""
        with calling(self.macros) as database:
            for batch in batches:
                yield self._without(batch, database)

    def _without(self, batch: Batch, database: duckdb.DuckDBPyConnection) -> Batch:
        table = batch.table
        named = [it for it in self.ids.kinds if it[0] in table.column_names]
        erased = {name: self._erased_values(database, table[name], kind) for name, kind in named}
        is_theirs = self._are_theirs(table, erased)
        kept = table.filter(pc.invert(is_theirs)) if is_theirs is not None else table
        for name, values in erased.items():
            if values:
                is_erased = pc.is_in(kept[name], pa.array(values, pa.string()))
                none = pa.scalar(None, pa.string())
                place = kept.column_names.index(name)
                kept = kept.set_column(place, name, pc.if_else(is_erased, none, kept[name]))
        rejected = tuple(it for it in batch.rejected if not self._is_theirs(database, it))
        self.parsed += len(table) - len(kept)
        self.rejected += len(batch.rejected) - len(rejected)
        return Batch(kept, rejected)

    def _are_theirs(self, table: pa.Table, erased: dict[str, list[str]]) -> pa.Array | None:
        """Which rows have the id of such a person, or none and another id of theirs."""
        found = None
        for name, values in erased.items():
            if not values:
                continue
            is_erased = pc.is_in(table[name], pa.array(values, pa.string()))
            if name != self.ids.person:
                if dict(self.ids.kinds)[name] == PERSON:
                    continue
                is_erased = pc.and_(is_erased, self._is_nobodys(table))
            found = is_erased if found is None else pc.or_(found, is_erased)
        return found

    def _is_nobodys(self, table: pa.Table) -> pa.Array:
        person = self.ids.person
        if person is None or person not in table.column_names:
            return pa.repeat(True, len(table))  # noqa: FBT003 - the value that is repeated
        return pc.fill_null(pc.equal(pc.utf8_trim_whitespace(table[person]), ""), True)  # noqa: FBT003

    def _erased_values(
        self, database: duckdb.DuckDBPyConnection, column: pa.ChunkedArray, kind: str
    ) -> list[str]:
        """The values of a column, as they are written, that are on the list."""
        if kind not in self.people.kinds:
            return []
        written = [it for it in column.unique().to_pylist() if it is not None]
        self._learn(database, written, kind)
        return [it for it in written if self._known[kind, it]]

    def _learn(
        self, database: duckdb.DuckDBPyConnection, written: Iterable[str], kind: str
    ) -> None:
        """Find out which values are on the list; each only once in a file."""
        new = [it for it in written if (kind, it) not in self._known]
        if not new:
            return
        found = database.execute(
            f"select value, {CLEANING}(value) "  # noqa: S608
            "from (select unnest(from_json(?, '[\"VARCHAR\"]')) as value)",
            [json.dumps(new)],
        )
        for value, clean in found.fetchall():
            self._known[kind, value] = clean is not None and self.people.has(kind, clean)

    def _is_theirs(self, database: duckdb.DuckDBPyConnection, record: Rejected) -> bool:
        fields = FIELDS.split(record.raw.decode(errors="replace"))
        parts = [it for it in dict.fromkeys(fields) if it.strip()]
        for kind in self.people.kinds:
            self._learn(database, parts, kind)
        return any(self._known[kind, it] for kind in self.people.kinds for it in parts)
