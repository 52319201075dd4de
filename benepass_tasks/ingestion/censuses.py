"""What a file that is a census leaves behind when the next one takes its place.

Whoever the new one lacks has left, and the last record of him is all that there is. It stays in
raw, as that of a file of its own, `employees.csv@2026-01-31~3fa9c1d2`: the file, the day since when
he is missing, and the digest of the bytes that had him. A row of `meta.loads` counts such records,
so that the books have them. Who comes back is kept no longer.
"""

import re
from calendar import monthrange
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeAlias

from sqlalchemy import Connection

from benepass_tasks.catalog.wording import printable
from benepass_tasks.engine.quoting import quote_relation, quote_text
from benepass_tasks.ingestion.guards import SMALL
from benepass_tasks.ingestion.raw_rows import RawRows
from benepass_tasks.sqlmodels.censuses import census_id, part_of
from benepass_tasks.state.markers import (
    KEPT,
    OF_LOAD,
    Load,
    columns_of_load,
    recount_kept,
    write_loads,
)

Rows: TypeAlias = tuple[str, tuple[str, ...]]
"""A condition over a raw table, and the values of its parameters."""

DAY_IN_NAME = re.compile(
    r"(?<!\d)(20\d\d)[-_.]?(0[1-9]|1[0-2])(?:[-_.]?(0[1-9]|[12]\d|3[01]))?(?!\d)"
)


@dataclass(frozen=True, slots=True)
class Census(RawRows):
    """The files of a source, each a census of those who are there.

    Attributes:
        today: The as-of date of the run: the day of a census whose name says none.
    """

    today: date

    def take(self, connection: Connection, load: Load, earlier: Load | None) -> int:
        """Date the rows of a load, and keep of the one that it replaces whom no file has any more.

        Args:
            connection: A session in a transaction, in which the rows of both loads are in raw.
            load: The load.
            earlier: The load of the file before it.

        Returns:
            How many records are kept now.
        """
        self.define_macros(connection)
        self._date(connection, load, earlier)
        self._let_return(connection, load)
        if earlier is not None:
            self._keep(connection, earlier)
        return recount_kept(connection, self.source.name, self.relation)

    def _date(self, connection: Connection, load: Load, earlier: Load | None) -> None:
        """The same bytes have the day on which they came first."""
        day = day_in_name(load.file)
        if day is None and earlier is not None and earlier.sha256 == load.sha256:
            day = connection.exec_driver_sql(
                f"select max(_census_on) from {self._raw} where {OF_LOAD}",  # noqa: S608
                (earlier.file, earlier.load_id),
            ).scalar()
        connection.exec_driver_sql(
            f"update {self._raw} set _census_on = ? where {OF_LOAD}",  # noqa: S608
            (day or self.today, load.file, load.load_id),
        )

    def _let_return(self, connection: Connection, load: Load) -> None:
        connection.exec_driver_sql(
            f"delete from {self._raw} where _vanished_on is not null and {self._id} in "  # noqa: S608
            f"(select {self._id} from {self._raw} where {OF_LOAD})",
            (load.file, load.load_id),
        )

    def _keep(self, connection: Connection, earlier: Load) -> None:
        file, load_id = earlier.file, earlier.load_id
        day = connection.exec_driver_sql(
            f"select min(_census_on) from {self._raw} where _vanished_on is null "  # noqa: S608
            f"and {self._part} = {self._part_of_file(file)} "
            "and _dlt_load_id <> ? and [natural_order(_source_file), _source_file] "
            ">= [natural_order(?), ?]",
            (load_id, file, file),
        ).scalar()
        # A file without a record takes nobody's place: that is for its guards to judge.
        if day is None:
            return
        name = f"{file}@{day}~{earlier.sha256[:8]}"
        connection.exec_driver_sql(
            f"update {self._raw} set _source_file = ?, _vanished_on = ? where {OF_LOAD} "  # noqa: S608
            f"and {self._id} is not null and {self._id} not in (select {self._id} "
            f"from {self._raw} where {self._id} is not null and not ({OF_LOAD}))",
            (name, day, file, load_id, file, load_id),
        )
        columns = columns_of_load(connection, self.source.name, file)
        write_loads(connection, {replace(earlier, file=name, code_version=KEPT): columns})

    def strangers(self, connection: Connection, load: Load) -> list[str]:
        """Tell of the censuses beside a new one that share too few people with it.

        They would be of several parts of the company, and each would end the employment of all who
        are in the other. The guard `max_shrink` says how many are too few.

        Args:
            connection: A session, in which the rows of the load are in raw beside those of the
                earlier one of its file.
            load: The load.

        Returns:
            Each with its figures, in words; nothing where all is well.
        """
        self.define_macros(connection)
        new = (OF_LOAD, (load.file, load.load_id))
        pairs = [("its last load", ("_source_file = ? and _dlt_load_id <> ?", new[1]), new)]
        for file, is_before in self._neighbours(connection, load.file):
            other = ("_source_file = ? and _vanished_on is null", (file,))
            pairs.append((printable(file), *((other, new) if is_before else (new, other))))
        told = ((name, *self._lost(connection, before, after)) for name, before, after in pairs)
        limit = self.source.guards.max_shrink
        return [
            f"{lost:,} of {people:,} people are missing from the later of it and {name}"
            for name, people, lost in told
            if people >= SMALL and lost > limit * people
        ]

    def _neighbours(self, connection: Connection, file: str) -> list[tuple[str, bool]]:
        """The censuses of the same part next to a file's, and whether each is before it."""
        found = connection.exec_driver_sql(
            f"select _source_file from {self._raw} where _vanished_on is null "  # noqa: S608
            f"and {self._part} = {self._part_of_file(file)} group by _source_file "
            "order by natural_order(_source_file), _source_file"
        )
        files = [name for (name,) in found]
        place = files.index(file) if file in files else len(files)
        before, after = files[:place][-1:], files[place + 1 :][:1]
        return [*((name, True) for name in before), *((name, False) for name in after)]

    def _lost(self, connection: Connection, before: Rows, after: Rows) -> tuple[int, int]:
        """How many people some rows are of, and how many of them others lack."""
        people, lost = connection.exec_driver_sql(
            f"with newer as (select distinct {self._id} as id from {self._raw} where {after[0]}) "  # noqa: S608
            "select count(*), count(*) filter (where newer.id is null) "
            f"from (select distinct {self._id} as id from {self._raw} where {before[0]}) as older "
            "left join newer on older.id = newer.id where older.id is not null",
            (*after[1], *before[1]),
        ).one()
        return int(people), int(lost)

    @property
    def _part(self) -> str:
        return part_of(self.source)

    def _part_of_file(self, file: str) -> str:
        return part_of(self.source, quote_text(file))

    @property
    def _raw(self) -> str:
        return quote_relation(self.relation)

    @property
    def _id(self) -> str:
        return census_id(self.source)


def day_in_name(file: str) -> date | None:
    """The day that a file's name says; of a month its last one. None where it says none.

    `employees_2026-02.csv` is a census of February, so who is missing may have been there in it.
    """
    found = DAY_IN_NAME.search(file.rpartition("/")[2])
    if found is None:
        return None
    year, month = int(found[1]), int(found[2])
    last = monthrange(year, month)[1]
    return date(year, month, min(int(found[3]), last) if found[3] else last)
