"""Whether a file still has the records of its last load, as another one under its name has not.

An export of the current month, or of the last 90 days, that is written over the one before takes
records away that nobody has deleted, and their money with them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from benepass_tasks.catalog.datasets import ERASED_WORD
from benepass_tasks.engine.quoting import quote_name, quote_relation, quote_text
from benepass_tasks.ingestion.guards import SMALL, Trip
from benepass_tasks.ingestion.raw_rows import RawRows
from benepass_tasks.sqlmodels.days import READERS, days_of
from benepass_tasks.state.markers import OF_LOAD, Load


@dataclass(frozen=True, slots=True)
class Losses(RawRows):
    """The files of a source whose records have ids of their own."""

    def can_tell(self, loads: Mapping[Load, Load | None]) -> bool:
        """Whether a file has other bytes than before, and may not lose records anyway.

        A census says itself who has left; what is read elsewhere has each record once.
        """
        source = self.source
        is_judged = source.reconciliation is not None and source.reconciliation.accepted is not None
        is_file = source.extract is None and source.records.census is None
        return is_judged and is_file and any(_replaced(loads))

    def trips(
        self, connection: Connection, loads: Mapping[Load, Load | None]
    ) -> Iterator[tuple[str, Trip]]:
        """Tell which files lack records of their last load that are in no other file.

        Args:
            connection: A session, in which the rows of both loads of each file are in raw.
            loads: What was loaded, each with the earlier load of its file.

        Yields:
            A file, and the guard that stands against it, with the figures.
        """
        for new, old in _replaced(loads):
            held, lost = self._count(connection, old)
            lost = max(0, lost - max(0, new.gone - old.gone))
            trip = self._judge(connection, new, old, held, lost) if lost else None
            if trip:
                yield new.file, trip

    def _judge(
        self, connection: Connection, new: Load, old: Load, held: int, lost: int
    ) -> Trip | None:
        limit = self.source.guards.max_shrink
        if held >= SMALL and lost > limit * held:
            has = f"{held - lost:,}" if held > lost else "none"
            return Trip(
                "max_shrink",
                f"it has {has} of the {held:,} records of its last load, and max_shrink is "
                f"{limit:.0%}",
            )
        if self.source.guards.moves_on or not self._days:
            return None
        self.define_macros(connection)
        first, last = self._told(connection, new, "min(day), max(day)")
        lasts = f"max(day) filter ({self._is_lost(old)}), max(day)"
        last_lost, last_before = self._told(connection, old, lasts)
        if not (first and last and last_lost and last_before):
            return None
        if not (last_lost <= first and last > last_before):
            return None
        return Trip(
            "moves_on",
            f"it begins with {first}, and lacks {lost:,} of the {held:,} records of its last load: "
            f"those up to {last_lost}; moves_on is false",
        )

    def _count(self, connection: Connection, old: Load) -> tuple[int, int]:
        """How many records with an id a load has, and how many of them nothing else has."""
        query = (
            f"select count(*), count(*) filter ({self._is_lost(old)}) "  # noqa: S608
            f"from {self._raw} where {OF_LOAD} and {self._id} not like ?"
        )
        values = (old.file, old.load_id, f"{ERASED_WORD}%")
        held, lost = connection.exec_driver_sql(query, values).one()
        return held, lost

    def _is_lost(self, old: Load) -> str:
        """The condition of a record of a load whose id no other load has."""
        is_of_file = f"_source_file = {quote_text(old.file)}"
        is_other = f"not ({is_of_file} and _dlt_load_id = {quote_text(old.load_id)})"
        if len(self.source.records.key) > 1:
            # An id stands for something else in another file.
            is_other = f"{is_of_file} and {is_other}"
        return (
            f"{self._id} not in (select {self._id} from {self._raw} "  # noqa: S608
            f"where {self._id} is not null and {is_other})"
        )

    def _told(
        self, connection: Connection, load: Load, days: str
    ) -> tuple[date | None, date | None]:
        """Two days of the records of a load, as SQL over `day` and their ids; None of none."""
        rows = f"(select * from {self._raw} where {OF_LOAD})"  # noqa: S608
        by_day = days_of(self.source, self._days, rows, [self._id])
        query = f"select {days} from ({by_day})"  # noqa: S608
        one, other = connection.exec_driver_sql(query, (load.file, load.load_id)).one()
        return one, other

    @property
    def _days(self) -> str:
        """The column with the instant of a record; empty where there is none that can be read."""
        columns = self.source.read_columns.values()
        is_read = {it.name for it in self.macros} >= {"clean_text", *READERS.values()}
        return next((it.name for it in columns if is_read and it.form.holds == "instant"), "")

    @property
    def _raw(self) -> str:
        return quote_relation(self.relation)

    @property
    def _id(self) -> str:
        return quote_name(self.source.id_column)


def _replaced(loads: Mapping[Load, Load | None]) -> Iterator[tuple[Load, Load]]:
    """The loads of files that have other bytes than in the earlier load, with that."""
    for new, old in loads.items():
        if old is not None and new.sha256 != old.sha256:
            yield new, old
