"""What each step of a table took out and put in, kept for as long as is set, and the way back.

An entry leads from one data hash of a table to the next. The first one of an unbroken row of
entries leads from nothing: it says since when the table is known to have held what it did. A table
that was made without an entry, such as by a run that kept nothing, breaks the row.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select, update

from benepass_tasks.catalog.datasets import Guards
from benepass_tasks.config.errors import WarehouseError
from benepass_tasks.engine.quoting import quote_name, quote_relation
from benepass_tasks.engine.tables import engine_of
from benepass_tasks.state.decisions import Decision, use_decisions
from benepass_tasks.state.markers import Materialization
from benepass_tasks.state.meta import KEPT_CHANGES
from benepass_tasks.state.retentions import KeptFor
from benepass_tasks.state.store import state_of

SETTING = "keep_changes"
"""The setting that says how long they are kept, and what `meta.retentions` calls them."""

CAME = "changes_came"
"""The column that says of a kept row whether it came; it went otherwise."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of `meta.kept_changes`.

    Attributes:
        relation: The table.
        entry: Its number among all entries.
        run_id: The run that made the step.
        kept_at: When, UTC.
        before: The data hash that it leads from; None in the first of a row.
        after: That which it leads to.
        gone_rows: How many rows went.
        come_rows: How many came.
        stored: The table of these rows; None in the first of a row.
    """

    relation: str
    entry: int
    run_id: str
    kept_at: datetime
    before: str | None
    after: str
    gone_rows: int = 0
    come_rows: int = 0
    stored: str | None = None


class UnknownPastError(WarehouseError):
    """What a table held at some time is not known; the message says why."""


@dataclass(frozen=True, slots=True)
class Keeper:
    """Keeps the steps of tables in a run."""

    run_id: str
    at: datetime

    def begin(
        self, connection: Connection, relation: str, data_hash: str, since: datetime | None = None
    ) -> None:
        """Note since when a table is known to hold what it does, unless its entries say so."""
        last = entries_of(connection, relation)[-1:]
        if not last or last[0].after != data_hash:
            number, at = _next_number(connection), since or self.at
            _write(connection, Entry(relation, number, self.run_id, at, None, data_hash))

    def keep(
        self, connection: Connection, record: Materialization, after: str, gone: str, come: str
    ) -> None:
        """Keep a step of a table.

        Args:
            connection: A session in the transaction that makes the step.
            record: The record of the table before it.
            after: The data hash after it.
            gone: A SELECT of the rows that went.
            come: One of those that came.
        """
        self.begin(connection, record.name, record.data_hash, record.built_at)
        name, before = record.name, record.data_hash
        number = _next_number(connection)
        stored = f"changes.{name.replace('.', '__')}__kept__{number}"
        rows = f"select *, false as {CAME} from ({gone}) union all select *, true from ({come})"  # noqa: S608
        engine_of(connection).create(stored, "table", rows, None)
        counted = f"select count(*) filter ({CAME}), count(*) from {quote_relation(stored)}"  # noqa: S608
        came, total = connection.exec_driver_sql(counted).one()
        entry = Entry(name, number, self.run_id, self.at, before, after, total - came, came, stored)
        _write(connection, entry)


def _next_number(connection: Connection) -> int:
    return (state_of(connection).execute(select(func.max(KEPT_CHANGES.c.entry))).scalar() or 0) + 1


def _write(connection: Connection, entry: Entry) -> None:
    state_of(connection).execute(insert(KEPT_CHANGES), asdict(entry))


def entries_of(connection: Connection, relation: str) -> list[Entry]:
    """The entries of a table, the oldest first."""
    of = KEPT_CHANGES.c
    columns = select(*(of[it.name] for it in fields(Entry)))
    found = state_of(connection).execute(columns.where(of.relation == relation).order_by(of.entry))
    return [Entry(*row) for row in found]


def steps_since(connection: Connection, record: Materialization, at: datetime) -> list[Entry]:
    """The steps of a table since an instant, the oldest first.

    Args:
        connection: A session.
        record: The record of the table now.
        at: The instant, UTC.

    Raises:
        UnknownPastError: there was a step that was not kept.
    """
    if record.built_at <= at:
        return []
    steps: list[Entry] = []
    state = record.data_hash
    for it in reversed(entries_of(connection, record.name)):
        if it.after != state:
            break
        if it.kept_at <= at:
            return steps[::-1]
        if it.before is None:
            raise UnknownPastError(
                f"{record.name}: its changes are known since {it.kept_at:%Y-%m-%d %H:%M:%S}Z only"
            )
        steps.append(it)
        state = it.before
    since = steps[-1].kept_at if steps else record.built_at
    raise UnknownPastError(
        f"{record.name}: what it held before {since:%Y-%m-%d %H:%M:%S}Z is not known. It was made "
        "then and its changes were not kept; `keep_changes` keeps those to come"
    )


def rows_before(relation: str, columns: Iterable[str], steps: Sequence[Entry]) -> str:
    """A query of the rows that a table had before some steps, as often as it had them."""
    names = ", ".join(map(quote_name, columns))
    parts = [f"select {names}, 1 as n from {quote_relation(relation)}"]  # noqa: S608
    parts += [f"select {names}, if({CAME}, -1, 1) from {it}" for it in _stored(steps)]  # noqa: S608
    return _as_often_as(names, " union all ".join(parts))


def net_rows(columns: Iterable[str], steps: Sequence[Entry], *, came: bool) -> str:
    """A query of the rows that came, or that went, by some steps of a table together."""
    names = ", ".join(map(quote_name, columns))
    sign = "1, -1" if came else "-1, 1"
    parts = [f"select {names}, if({CAME}, {sign}) as n from {it}" for it in _stored(steps)]  # noqa: S608
    return _as_often_as(names, " union all ".join(parts))


def _stored(steps: Sequence[Entry]) -> list[str]:
    return [quote_relation(it.stored) for it in steps if it.stored]


def _as_often_as(names: str, signed: str) -> str:
    """Each row as often as its signs add up to."""
    summed = f"select {names}, sum(n) as n from ({signed}) group by {names}"  # noqa: S608
    return f"select {names} from ({summed}), range(cast(n as bigint))"  # noqa: S608


@dataclass(frozen=True, slots=True)
class OldChanges:
    """Rows of steps that are kept for longer than `keep_changes` says.

    Attributes:
        due: How many there are.
        held: How many rows are kept at all.
        next_at: When there will be more; None where there are no others.
        now: When that is asked.
        limit: How long they are kept, with the guard of that; None where nothing is to be kept.
    """

    due: int
    held: int
    next_at: datetime | None
    now: datetime
    limit: KeptFor | None

    @classmethod
    def of(cls, connection: Connection, keep: timedelta | None, now: datetime) -> "OldChanges":
        """Find them."""
        of = KEPT_CHANGES.c
        rows = select(of.kept_at, of.gone_rows + of.come_rows).where(of.stored.is_not(None))
        found = [(at, int(count)) for at, count in state_of(connection).execute(rows)]
        held = sum(count for _, count in found)
        if keep is None:
            return cls(held, held, None, now, None)
        due = sum(count for at, count in found if now - at > keep)
        left = [at + keep for at, _ in found if now - at <= keep]
        limit = KeptFor.of(connection, SETTING, keep, now)
        return cls(due, held, min(left, default=None), now, limit)

    @property
    def refusal(self) -> str | None:
        """Why none must go unless that is accepted, with the figures; None where they may.

        Where nothing is to be kept, no clock decides.
        """
        if self.limit is None:
            return None
        why = self.limit.trip(self.due, self.held, Guards().max_expired)
        return why and (
            f"{self.due:,} of {self.held:,} rows that went from the marts or came are kept for "
            f"longer than {SETTING} says, {self.limit.keep.days} days: {why}"
        )

    def forget(self, connection: Connection, run_id: str, accepted: Collection[str]) -> None:
        """Drop them.

        Raises:
            WarehouseError: a guard stands, and nothing is dropped.
        """
        refusal = self.refusal
        if refusal and SETTING not in accepted:
            raise WarehouseError(
                f"{refusal}. Nothing of them is dropped. If the clock is right, and the setting, "
                f"let it pass once with --benepass-accept {SETTING}"
            )
        if refusal:
            accepted_once = Decision(
                "accepted", SETTING, None, refusal, "max_expired", None, run_id
            )
            use_decisions(connection, [accepted_once])
        keep = self.limit.keep if self.limit else None
        forget_old_changes(connection, keep, self.now)
        if self.limit is not None:
            self.limit.write_enforced(connection, has_remains=False)


def forget_old_changes(connection: Connection, keep: timedelta | None, now: datetime) -> None:
    """Drop what was kept for longer than is set; all of it where nothing is to be kept.

    Of what is dropped of a table, the last entry stays as the first of those that are left.
    """
    of, state = KEPT_CHANGES.c, state_of(connection)
    relations = state.execute(select(of.relation).distinct()).scalars().all()
    for relation in relations:
        entries = entries_of(connection, relation)
        old = [it for it in entries if keep is None or now - it.kept_at > keep]
        for stored in (it.stored for it in old if it.stored):
            engine_of(connection).drop(stored, "table")
        numbers = [it.entry for it in old]
        first = numbers.pop() if numbers and keep is not None else None
        state.execute(delete(KEPT_CHANGES).where(of.entry.in_(numbers)))
        beginning = {"before": None, "stored": None, "gone_rows": 0, "come_rows": 0}
        state.execute(update(KEPT_CHANGES).where(of.entry == first).values(beginning))
