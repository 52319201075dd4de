"""Records that are past the retention of their source: left out of files, and taken out of raw."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, delete, select, update

from benepass_tasks.catalog import Catalog, Source, Table
from benepass_tasks.catalog.datasets import ERASED_WORD
from benepass_tasks.catalog.records import OUTCOME
from benepass_tasks.catalog.retention import PLACE
from benepass_tasks.config.errors import SourceError
from benepass_tasks.engine.quoting import quote_name, quote_relation, quote_text
from benepass_tasks.engine.tables import engine_of
from benepass_tasks.ingestion.left_out import calling
from benepass_tasks.ingestion.people.places import IdColumns, cleaned
from benepass_tasks.ingestion.readers.records import Batch
from benepass_tasks.sqlmodels import Macro
from benepass_tasks.sqlmodels.days import days_of
from benepass_tasks.sqlmodels.made_columns import with_parts
from benepass_tasks.sqlmodels.record_columns import record_id
from benepass_tasks.state.changes import keep_gone
from benepass_tasks.state.decisions import Decision, use_decisions
from benepass_tasks.state.expired_ids import ExpiredIds
from benepass_tasks.state.markers import Load
from benepass_tasks.state.meta import LOADS, STAGED_SUMS
from benepass_tasks.state.retentions import Enforced, KeptFor, Limit, too_many
from benepass_tasks.state.source_files import REJECTED
from benepass_tasks.state.store import state_of

DAYS = "records_by_day"
"""The session's table of the records of a source with their days."""

BATCH = "batch"
"""What the records of a batch are called where a query tells something of them."""

UNIT = "coalesce(id, concat(_row_number, ' of ', _source_file))"
"""What goes together, in `DAYS`: the records of a charge, or one that has no id."""


@dataclass
class LeavingOutExpired:
    """Leaves records out of a file that are past their retention.

    Attributes:
        source: The source of the file.
        by: The column that says of when a record is.
        first_kept: The first day whose records are kept.
        macros: What reads days, each after those that it calls itself.
        counts_as: What these records are counted as.
        parsed: How many were left out so far.
        rejected: None that cannot be parsed, since it says no day.
    """

    source: Source
    by: str
    first_kept: date
    macros: Sequence[Macro]
    counts_as: Literal["erased", "expired"] = "expired"
    parsed: int = 0
    rejected: int = 0

    def from_batches(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The batches without these records."""
        with calling(self.macros) as database:
            for batch in batches:
                yield Batch(self._kept(batch.table, database), batch.rejected)

    def _kept(self, table: pa.Table, database: duckdb.DuckDBPyConnection) -> pa.Table:
        query = days_of(self.source, self.by, BATCH)
        days = told_of_batch(self.source, table, query, database)
        is_past = pc.less(days["day"], pa.scalar(self.first_kept, pa.date32()))
        found = table.filter(pc.invert(pc.fill_null(is_past, False)))  # noqa: FBT003 - says no day
        self.parsed += len(table) - len(found)
        return found


def told_of_batch(
    source: Source, table: pa.Table, query: str, database: duckdb.DuckDBPyConnection, file: str = ""
) -> pa.Table:
    """What a query tells of the records of a batch, `BATCH`, in their order.

    Args:
        source: The source.
        table: The records; where their file lacks a column, as in raw, there is nothing in it.
        query: The query, as SQL over a raw table.
        database: A database with the macros that it calls.
        file: The name of their file, where the query reads it.
    """
    whole, nothing = table, pa.nulls(len(table), pa.string())
    for name in (it for it in source.columns if it not in table.column_names):
        whole = whole.append_column(name, nothing)
    if source.records.census:
        whole = whole.append_column("_vanished_on", pa.nulls(len(table), pa.date32()))
    if "_source_file" not in whole.column_names:
        whole = whole.append_column("_source_file", pa.array([file] * len(table), pa.string()))
    database.register(BATCH, whole)
    told: pa.Table = database.sql(query).to_arrow_table()
    database.unregister(BATCH)
    return told


@dataclass
class LeavingOutKnown:
    """Leaves out of a file the records of charges that are anonymised, or went with them.

    Attributes:
        source: The source of the file.
        file: Its name.
        ids: Which these are.
        macros: What compares ids, each after those that it calls itself.
        counts_as: What these records are counted as.
        parsed: How many were left out so far.
        rejected: None that cannot be parsed: they go as long after their load.
    """

    source: Source
    file: str
    ids: ExpiredIds
    macros: Sequence[Macro]
    counts_as: Literal["erased", "expired"] = "expired"
    parsed: int = 0
    rejected: int = 0

    def from_batches(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The batches without these records."""
        query = f"select {record_id(self.source)} as id from {with_parts(self.source, BATCH)}"  # noqa: S608
        with calling(self.macros) as database:
            for batch in batches:
                told = told_of_batch(self.source, batch.table, query, database, self.file)
                ids = told["id"].to_pylist()
                is_kept = [it is None or not self.ids.has(it) for it in ids]
                kept = batch.table.filter(pa.array(is_kept, pa.bool_()))
                self.parsed += len(batch.table) - len(kept)
                yield Batch(kept, batch.rejected)


@dataclass(frozen=True)
class Ages:
    """The records of a source in raw by their age.

    Attributes:
        by_day: How many there are by file and day; of no day, where they say none.
        rejected: How many could not be parsed, by file.
        loaded_on: On which day each file was loaded, which a rejected record is of.
    """

    by_day: Mapping[tuple[str, date | None], int]
    rejected: Mapping[str, int]
    loaded_on: Mapping[str, date]

    @property
    def records(self) -> int:
        """How many are in raw."""
        return sum(self.by_day.values())

    @property
    def undated(self) -> int:
        """How many of them say no day."""
        return sum(count for (_, day), count in self.by_day.items() if day is None)

    @property
    def days(self) -> Counter[date]:
        """How many of them are of each day."""
        found = Counter[date]()
        for (_, day), count in self.by_day.items():
            if day is not None:
                found[day] += count
        return found

    def before(self, first_kept: date) -> Counter[str]:
        """How many of them are of a day before another, by file."""
        found = Counter[str]()
        for (file, day), count in self.by_day.items():
            if day is not None and day < first_kept:
                found[file] += count
        return found

    def rejected_before(self, first_kept: date) -> Counter[str]:
        """How many rejected records are of files that were loaded before a day, by file."""
        return Counter(
            {it: n for it, n in self.rejected.items() if self.loaded_on[it] < first_kept}
        )

    def oldest_from(self, first_kept: date) -> date | None:
        """The day of the oldest that is of a day or later, rejected ones among them."""
        days = [day for _, day in self.by_day if day is not None and day >= first_kept]
        days += [self.loaded_on[it] for it in self.rejected if self.loaded_on[it] >= first_kept]
        return min(days, default=None)


@dataclass(frozen=True)
class Units:
    """What goes one by one where it is past a retention: records, people, or charges.

    Attributes:
        held: How many there are.
        days: How many have their last day on each day.
    """

    held: int
    days: Counter[date]

    def before(self, first_kept: date) -> int:
        """How many have theirs before a day."""
        return sum(count for day, count in self.days.items() if day < first_kept)

    @property
    def oldest(self) -> date | None:
        """The earliest of these days."""
        return min(self.days, default=None)


@dataclass(frozen=True)
class Expiry:
    """Takes what is past its retention out of a raw table.

    Attributes:
        source: The source.
        table: Its raw table.
        limit: Its retention on the day that decides.
        macros: What reads days, each after those that it calls itself.
        loads: The loads that the table has the rows of, by file.
        is_new: Whether nothing was made of the table yet, so that it has nothing to lose.
    """

    source: Source
    table: Table
    limit: Limit
    macros: Sequence[Macro]
    loads: Mapping[str, Load]
    is_new: bool = False

    def ages(self, connection: Connection) -> Ages:
        """Find out the ages of the records; keeps their days in `DAYS` for this session."""
        engine = engine_of(connection)
        for macro in self.macros:
            engine.define_here(macro.sql)
        raw, also = quote_relation(self.table.relation), list(PLACE)
        if self.source.anonymises_charges:
            raw = f"(select * from {raw} where {OUTCOME} is null)"  # noqa: S608
            also.append(f"{record_id(self.source)} as id")
        engine.hold(DAYS, days_of(self.source, self.limit.retention.by, raw, also))
        by_day = {
            (str(file), day): int(count)
            for file, day, count in connection.exec_driver_sql(
                f"select _source_file, day, count(*) from {DAYS} group by all"  # noqa: S608
            )
        }
        rejected = {
            str(file): int(count)
            for file, count in connection.exec_driver_sql(
                f"select _source_file, count(*) from {REJECTED} group by all"  # noqa: S608
            )
            if file in self.loads
        }
        loaded_on = {file: load.loaded_at.date() for file, load in self.loads.items()}
        return Ages(by_day, rejected, loaded_on)

    def enforce(self, connection: Connection, run_id: str, *, is_accepted: bool) -> None:
        """Take records out, count them in `meta.loads`, and keep how far that went.

        Where people are anonymised, their records stay until an erasure sees to them.

        Args:
            connection: A session in a transaction.
            run_id: The run.
            is_accepted: Whether it was told to accept the source.

        Raises:
            SourceError: a guard stands; says which, with the figures, and the ways out.
        """
        ages, first_kept = self.ages(connection), self.limit.first_kept
        units, parsed = self.units(connection, ages), Counter[str]()
        rejected, oldest = ages.rejected_before(first_kept), units.oldest
        refusal = self.refusal(units)
        if self.limit.retention.then == "delete":
            self.judge(connection, refusal, run_id, is_accepted=is_accepted)
            parsed, oldest = ages.before(first_kept), ages.oldest_from(first_kept)
        self._delete(connection, parsed, rejected)
        # What is refused is not enforced: the next time, the clock has leapt as far.
        before = self.limit.enforced if self.limit.retention.then == "anonymise" else None
        day = before.enforced_on if before and refusal else self.limit.day
        self.keep(connection, day, oldest, ages.undated, has_remains=bool(parsed or rejected))

    def keep(
        self,
        connection: Connection,
        day: date,
        oldest: date | None,
        undated: int,
        *,
        has_remains: bool,
    ) -> None:
        """Keep how far it is enforced, in `meta.retentions`."""
        had_remains = self.limit.enforced is not None and self.limit.enforced.has_remains
        Enforced(
            source=self.source.name,
            declared=str(self.limit.retention),
            enforced_on=day,
            oldest=oldest,
            undated=undated,
            has_remains=had_remains or has_remains,
        ).keep(connection)

    def units(self, connection: Connection, ages: Ages) -> Units:
        """What goes one by one, by its last day: records, people, or charges.

        Reads `DAYS`, which `ages` keeps.
        """
        if self.limit.retention.then == "delete":
            return Units(ages.records, ages.days)
        if self.source.is_of_people:
            days = Counter(self.last_days(connection).values())
            return Units(self.people(connection), days)
        found = connection.exec_driver_sql(
            f"select last_day, count(*) from (select max(day) as last_day from {DAYS} "  # noqa: S608
            f"group by {UNIT}) group by last_day"
        )
        counts = {day: int(count) for day, count in found}
        held = sum(counts.values())
        return Units(held, Counter({day: it for day, it in counts.items() if day is not None}))

    def last_days(self, connection: Connection) -> dict[str, date]:
        """The last day of each person of whom all records say one, by id; those erased have none.

        Reads `DAYS`, which `ages` keeps.
        """
        person = IdColumns.of(self.table).person
        if person is None:
            return {}
        found = connection.exec_driver_sql(
            f"select {cleaned(person)} as person, max(day) "  # noqa: S608
            f"from {quote_relation(self.table.relation)} join {DAYS} using ({', '.join(PLACE)}) "
            f"where person is not null and {_is_not_erased(person)} "
            "group by 1 having count(*) = count(day)"
        )
        return {str(who): day for who, day in found}

    def people(self, connection: Connection) -> int:
        """How many people there are who are not erased."""
        person = IdColumns.of(self.table).person
        if person is None:
            return 0
        count: int = connection.exec_driver_sql(
            f"select count(distinct {cleaned(person)}) from {quote_relation(self.table.relation)} "  # noqa: S608
            f"where {_is_not_erased(person)}"
        ).scalar_one()
        return count

    def _delete(self, connection: Connection, parsed: Counter[str], rejected: Counter[str]) -> None:
        """Delete records, of which there are so many in each file."""
        first_kept = self.limit.first_kept
        if parsed:
            condition = (
                f"({', '.join(PLACE)}) in (select ({', '.join(PLACE)}) from {DAYS} "  # noqa: S608
                f"where day < date '{first_kept}')"
            )
            keep_gone(connection, self.table.relation, condition, ())
            connection.exec_driver_sql(
                f"delete from {quote_relation(self.table.relation)} where {condition}"  # noqa: S608
            )
        if rejected:
            files = ", ".join(map(quote_text, rejected))
            connection.exec_driver_sql(f"delete from {REJECTED} where _source_file in ({files})")  # noqa: S608
        for file in parsed | rejected:
            count_expired(
                connection, self.source.name, file, parsed=parsed[file], rejected=rejected[file]
            )

    def judge(
        self, connection: Connection, refusal: str | None, run_id: str, *, is_accepted: bool
    ) -> None:
        """Refuse what a guard stands against, unless it is accepted, which is written down.

        Raises:
            SourceError: it does, and it is not.
        """
        if refusal is None:
            return
        name = self.source.name
        if not is_accepted:
            does = {"delete": "Nothing is deleted, and nothing made of it"}.get(
                self.limit.retention.then, "Nothing is anonymised, and nothing published"
            )
            raise SourceError(
                f"{name}: {refusal}. {does}. If the date is "
                f"right, and what is declared, let it pass once with --benepass-accept {name}; "
                "`benepass privacy retain --dry-run` tells what goes",
                reason=f"refused: {refusal}",
            )
        accepted = Decision("accepted", name, None, refusal, "max_expired", None, run_id)
        use_decisions(connection, [accepted])

    def refusal(self, units: Units) -> str | None:
        """Why what is past it must not go at once, with the figures; None where it may.

        Only a wrong clock or a wrong declaration can want that, mostly.
        """
        limit, why = self.limit, self.trip(units)
        return why and (
            f"{units.before(limit.first_kept):,} of its {units.held:,} {self.what} are from before "
            f"{limit.first_kept}, and past its retention ({limit.retention}) on {limit.day}: {why}"
        )

    @property
    def what(self) -> str:
        """What it goes by."""
        if self.limit.retention.then == "delete":
            return "records"
        return "people" if self.source.is_of_people else "charges"

    def trip(self, units: Units) -> str | None:
        """The guard that stands against that, in words; None where none does."""
        limit, due = self.limit, units.before(self.limit.first_kept)
        if not due or self.is_new:
            return None
        leap = limit.enforced.leap_to(limit.day) if limit.enforced else None
        return too_many(due, units.held, self.source.guards.max_expired) or leap


@dataclass(frozen=True)
class OldRejected:
    """Records that could not be parsed and are kept for longer than `keep_rejected` says.

    Attributes:
        counts: How many there are, by source and file.
        next_at: When there will be more; None where there are no others.
        held: How many could not be parsed at all, by source.
        limit: How long they are kept, with the guard of that.
        most: The guard `max_expired` of each source.
    """

    counts: Mapping[tuple[str, str], int]
    next_at: datetime | None
    held: Mapping[str, int]
    limit: KeptFor
    most: Mapping[str, float]

    @classmethod
    def of(
        cls, connection: Connection, catalog: Catalog, keep: timedelta, now: datetime
    ) -> "OldRejected":
        """Find them."""
        of, counts, held = LOADS.c, dict[tuple[str, str], int](), Counter[str]()
        left = list[datetime]()
        loads = select(of.source, of.file, of.rejected, of.loaded_at).where(of.rejected > 0)
        for source, file, count, loaded_at in state_of(connection).execute(loads):
            held[source] += count
            if loaded_at < now - keep:
                counts[source, file] = count
            else:
                left.append(loaded_at + keep)
        most = {name: it.guards.max_expired for name, it in catalog.sources.items()}
        limit = KeptFor.of(connection, REJECTED, keep, now)
        return cls(counts, min(left, default=None), held, limit, most)

    @property
    def refusals(self) -> dict[str, str]:
        """The sources of which none must go unless that is accepted, and why, with the figures."""
        due, found = Counter[str](), dict[str, str]()
        for (source, _), count in self.counts.items():
            due[source] += count
        for source, count in due.items():
            why = self.limit.trip(count, self.held[source], self.most.get(source, 1))
            if why:
                found[source] = (
                    f"{count:,} of its {self.held[source]:,} records that could not be parsed are "
                    f"kept for longer than keep_rejected says, {self.limit.keep.days} days: {why}"
                )
        return found

    def forget(self, connection: Connection, run_id: str, accepted: Collection[str]) -> None:
        """Delete them, and count them as expired; the file of the warehouse is to be written anew.

        Raises:
            SourceError: a guard stands, and nothing is deleted.
        """
        refused = {name: it for name, it in self.refusals.items() if name not in accepted}
        if refused:
            told = "; ".join(f"{name}: {it}" for name, it in refused.items())
            raise SourceError(
                f"{told}. Nothing of them is deleted. If the clock is right, and the setting, let "
                f"it pass once with --benepass-accept {','.join(refused)}"
            )
        for name, why in self.refusals.items():
            decision = Decision("accepted", name, None, why, "max_expired", None, run_id)
            use_decisions(connection, [decision])
        for (source, file), count in self.counts.items():
            connection.exec_driver_sql(f"delete from {REJECTED} where _source_file = ?", (file,))  # noqa: S608
            count_expired(connection, source, file, parsed=0, rejected=count)
        self.limit.write_enforced(connection, has_remains=bool(self.counts))


def count_expired(
    connection: Connection, source: str, file: str, *, parsed: int, rejected: int
) -> None:
    """Count records of a file as expired that were parsed, or could not be."""
    of, state = LOADS.c, state_of(connection)
    counts = {
        "parsed": of.parsed - parsed,
        "rejected": of.rejected - rejected,
        "expired": of.expired + parsed + rejected,
    }
    state.execute(update(LOADS).where(of.source == source, of.file == file).values(counts))
    sums = STAGED_SUMS.c
    state.execute(delete(STAGED_SUMS).where(sums.source == source, sums.file == file))


def _is_not_erased(person: str) -> str:
    return f"not starts_with(lower({quote_name(person)}), {quote_text(ERASED_WORD)})"
