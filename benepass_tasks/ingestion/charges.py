"""Charges that are past their retention, cut from the people who made them.

Of an accepted charge, what every total needs stays in raw: what its own columns say that lead to
nobody, and beside them, in `_outcome`, what it got of its account on the way to the marts. It has
another id, and stands in no file any more. A record that was not accepted goes: what it became is
no total, and as an anonymised one it could become money.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from benepass_tasks.catalog import Catalog, Column, Table
from benepass_tasks.catalog.datasets import ERASED_WORD
from benepass_tasks.catalog.records import OUTCOME
from benepass_tasks.catalog.retention import PLACE
from benepass_tasks.config.errors import BooksError
from benepass_tasks.config.hash_key import HashKey
from benepass_tasks.engine.quoting import quote_name, quote_relation, quote_text
from benepass_tasks.engine.tables import engine_of
from benepass_tasks.ingestion.retention import DAYS, UNIT, Expiry, count_expired
from benepass_tasks.sqlmodels.canonical import canonical
from benepass_tasks.state.changes import keep_gone
from benepass_tasks.state.expired_ids import add_expired_ids
from benepass_tasks.state.markers import CHARGES, columns_of_load, write_loads

DUE = "charges_due"
"""The session's table of the records that are past it: those of `DAYS`."""

CUT = "charges_cut"
"""The session's table of what takes their place in raw; `was_in` is the file that each was in."""

LOADED_BY = "_dlt_load_id"


@dataclass(frozen=True)
class Cutting:
    """Cuts the charges of a source that are past its retention from their people.

    Attributes:
        expiry: The retention, on a source whose accepted records are known.
        catalog: The effective catalog.
        key: The key of the digests by which they are known again.
    """

    expiry: Expiry
    catalog: Catalog
    key: HashKey

    def apply(self, connection: Connection, run_id: str, *, is_accepted: bool) -> list[str]:
        """Cut them, count them in `meta.loads`, and keep how far that went.

        Args:
            connection: A session in a transaction, on a warehouse in which all that is made of the
                source is up to date.
            run_id: The run.
            is_accepted: Whether it was told to accept the source.

        Returns:
            The ids that are nowhere any more.

        Raises:
            SourceError: a guard stands; says which, with the figures, and the ways out.
            BooksError: of some it cannot be told whether they are accepted; nothing is cut.
        """
        expiry = self.expiry
        ages = expiry.ages(connection)
        units = expiry.units(connection, ages)
        expiry.judge(connection, expiry.refusal(units), run_id, is_accepted=is_accepted)
        first_kept = expiry.limit.first_kept
        engine_of(connection).hold(
            DUE,
            f"select * from {DAYS} where {UNIT} in (select {UNIT} from {DAYS} "  # noqa: S608
            f"group by 1 having max(day) < date '{first_kept}')",
        )
        ids = [str(it) for it in connection.exec_driver_sql(_IDS).scalars()]
        self._hold_cut(connection)
        self._exchange(connection)
        add_expired_ids(connection, expiry.source.name, self.key, ids)
        left = [it for it in units.days if it >= first_kept]
        oldest, day = min(left, default=None), expiry.limit.day
        undated = connection.exec_driver_sql(_UNDATED).scalar_one()
        expiry.keep(connection, day, oldest, undated, has_remains=True)
        return ids

    def _hold_cut(self, connection: Connection) -> None:
        """Make the table of what takes the places of the accepted ones."""
        accepted, place = self._accepted, ", ".join(PLACE)
        others = "".join(f" anti join {quote_relation(it)} using ({place})" for it in self._others)
        judged = f"select {place}, id from {DUE}{others}"  # noqa: S608
        told = "".join(f", {quote_text(it)}, accepted.{quote_name(it)}" for it in self._counts_for)
        cut = ", ".join(f"cut.{quote_name(it)}" for it in self._items)
        items = ", ".join(f"{sql} as {quote_name(it)}" for it, sql in self._items.items())
        engine_of(connection).hold(
            CUT,
            f"with judged as ({judged}), cut as (select {place}, {items} "  # noqa: S608
            f"from {quote_relation(self.expiry.table.relation)} "
            f"semi join judged using ({place})) "
            f"select _source_file as was_in, uuid() as chance, "
            f"cast(json_object({told.removeprefix(', ')}) as varchar) as {OUTCOME}, {cut} "
            f"from judged inner join cut using ({place}) "
            f"inner join {quote_relation(accepted.relation)} as accepted "
            f"on judged.id = accepted.{quote_name(accepted.key[0])}",
        )
        told_apart, made = connection.exec_driver_sql(
            f"select (select count(*) from ({judged})), (select count(*) from {CUT})"  # noqa: S608
        ).one()
        if told_apart != made:
            raise BooksError(
                f"{self.expiry.source.name}: {told_apart:,} records that are past their retention "
                f"are in none of the tables of what is not accepted, and {accepted.relation} has "
                f"{made:,} of them by its key, {accepted.key[0]}: nothing of them is anonymised. "
                "The id of a record there must be its key in the files, cleaned by clean_id"
            )

    @property
    def _accepted(self) -> Table:
        judged = self.expiry.source.reconciliation
        if judged is None or judged.accepted is None:
            raise ValueError(f"{self.expiry.source.name} has no accepted records")
        return self.catalog.tables[judged.accepted]

    @property
    def _others(self) -> list[str]:
        """The tables of the records that are not accepted."""
        judged = self.expiry.source.reconciliation
        names = (judged.quarantine, judged.uncounted) if judged else ()
        return [it for it in names if it]

    @property
    def _counts_for(self) -> list[str]:
        """The columns of accepted records that say what one counts for, and raw has not."""
        own = self.expiry.source.read_columns
        return [
            it.name
            for it in self._accepted.columns.values()
            if it.type == "VARCHAR" and it.pii.class_ == "none" and it.name not in own
        ]

    @property
    def _items(self) -> Mapping[str, str]:
        """What becomes of each column of raw that its files have, as SQL."""
        columns = self.expiry.table.columns
        return {it: self._item(columns[it]) for it in self.expiry.source.columns}

    def _item(self, column: Column) -> str:
        name, said = quote_name(column.name), self.expiry.source.records
        if column.is_id:
            is_own = column.name in (self.expiry.source.first_id, *said.key)
            word = f"concat({quote_text(ERASED_WORD)}, replace(cast(uuid() as varchar), '-', ''))"
            return word if is_own else "null"
        if column.pii.erasure == "keep":
            return name
        day = f"iso_date(clean_text({canonical(self.expiry.source.columns[column.name])}))"
        if column.pii.erasure == "start_of_year":
            return f"cast(cast(date_trunc('year', {day}) as date) as varchar)"
        return (
            f"cast(last_day({day}) as varchar)" if column.pii.erasure == "end_of_month" else "null"
        )

    def _exchange(self, connection: Connection) -> None:
        """Put what is cut in the place of what is due, and let the books say so."""
        relation, source = self.expiry.table.relation, self.expiry.source.name
        raw, place = quote_relation(relation), ", ".join(PLACE)
        is_due = f"({place}) in (select ({place}) from {DUE})"  # noqa: S608
        keep_gone(connection, relation, is_due, ())
        connection.exec_driver_sql(f"delete from {raw} where {is_due}")  # noqa: S608
        for file, parsed in _by_file(connection, DUE, "_source_file"):
            count_expired(connection, source, file, parsed=parsed, rejected=0)
        names = ", ".join(map(quote_name, (OUTCOME, *self._items)))
        for file, rows in _by_file(connection, CUT, "was_in"):
            kept = self.expiry.loads[file].kept_as(CHARGES, secrets.token_hex(4), rows)
            connection.exec_driver_sql(
                f"insert into {raw} ({place}, {LOADED_BY}, {names}) "  # noqa: S608
                f"select {quote_text(kept.file)}, row_number() over (order by chance), "
                f"{quote_text(kept.load_id)}, {names} from {CUT} where was_in = ?",
                (file,),
            )
            # What none of them has any more is not missing.
            left = {it for it, sql in self._items.items() if sql != "null"}
            had = columns_of_load(connection, source, file)
            write_loads(connection, {kept: [it for it in had if it in left]})


_IDS = f"select distinct id from {DUE} where id is not null"  # noqa: S608
_UNDATED = (
    f"select count(*) from {DAYS} anti join {DUE} using ({', '.join(PLACE)}) where day is null"  # noqa: S608
)


def _by_file(connection: Connection, table: str, column: str) -> list[tuple[str, int]]:
    found = connection.exec_driver_sql(
        f"select {column}, count(*) from {table} group by 1 order by 1"  # noqa: S608
    )
    return [(str(file), int(count)) for file, count in found]
