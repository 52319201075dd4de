"""Whether events take most rows of a table away, as those of a truncate by mistake do."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection

from benepass_tasks.catalog.events import OP
from benepass_tasks.engine.quoting import quote_relation, quote_text
from benepass_tasks.ingestion.guards import SMALL, Trip
from benepass_tasks.ingestion.raw_rows import RawRows
from benepass_tasks.sqlmodels.current_rows import count_of, is_emptying
from benepass_tasks.state.markers import Load


@dataclass(frozen=True, slots=True)
class Deletions(RawRows):
    """The events of a source that say that rows are gone."""

    @property
    def can_tell(self) -> bool:
        """Whether its files hold events."""
        return self.source.layout.is_of_events

    def trips(self, connection: Connection, loads: Collection[Load]) -> Iterator[tuple[str, Trip]]:
        """Tell which files have events that come to more than the guard `max_shrink` allows.

        Args:
            connection: A session, in which the rows of both loads of each file are in raw.
            loads: What was loaded.

        Yields:
            A file, and the guard that stands against it, with the figures.
        """
        deleting = [it for it in loads if self._deletes(connection, it)]
        if not deleting:
            return
        self.define_macros(connection)
        files = ", ".join(quote_text(it.file) for it in loads)
        is_new = " or ".join(
            f"(_source_file = {quote_text(it.file)} and _dlt_load_id = {quote_text(it.load_id)})"
            for it in loads
        )
        held = self._count(connection, f"({is_new}) is not true")
        left = self._count(connection, f"_source_file not in ({files}) or {is_new}")
        limit = self.source.guards.max_shrink
        if held < SMALL or held - left <= limit * held:
            return
        says = f"after its events {left:,} of {held:,} rows are left, and max_shrink is {limit:.0%}"
        yield from ((it.file, Trip("max_shrink", says)) for it in deleting)

    def _deletes(self, connection: Connection, load: Load) -> bool:
        query = (
            f"select coalesce(bool_or({OP} = 'd' or {is_emptying()}), false) "  # noqa: S608
            f"from {quote_relation(self.relation)} where _source_file = ? and _dlt_load_id = ?"
        )
        return bool(connection.exec_driver_sql(query, (load.file, load.load_id)).scalar_one())

    def _count(self, connection: Connection, condition: str) -> int:
        rows = f"(select * from {quote_relation(self.relation)} where {condition})"  # noqa: S608
        return int(connection.exec_driver_sql(count_of(self.source, rows)).scalar_one())
