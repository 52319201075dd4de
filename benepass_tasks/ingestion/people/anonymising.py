"""What raw holds of people turns into what leads to nobody: one renaming, the same everywhere.

Each id, name and address becomes a random word, the same for the same value of a person, in
whatever row and table it stands. SQL that compares values finds the same ones equal as before, so
records are accepted, flagged and quarantined as they were, and each sum comes out. Dates become
coarser without passing anything that the person did. Money, instants and categories stay.
"""

import json
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import Connection

from benepass_tasks.catalog import Catalog, Column, Source, Table
from benepass_tasks.catalog.datasets import ERASED_HOST, ERASED_WORD, Erase
from benepass_tasks.engine.quoting import quote_name, quote_relation, quote_text
from benepass_tasks.engine.tables import engine_of
from benepass_tasks.ingestion.people.coarser_dates import end_of_month, start_of_year
from benepass_tasks.ingestion.people.places import IDS, PLACES, IdColumns, cleaned
from benepass_tasks.ingestion.people.traces import ADDRESS
from benepass_tasks.sqlmodels import ModelGraph
from benepass_tasks.sqlmodels.base_views import canonical_query
from benepass_tasks.state.erased_records import add_erased_records

WORDS = "words_for_ids"
"""The session's table of the words that take the places of ids: `kind`, `value`, `word`."""

NEW = "new_values"
"""The session's table of what rows of a raw table get, by file and record number."""

KEY = ("_source_file", "_row_number")

COARSER: Mapping[Erase, Callable[[date, Sequence[date]], date]] = {
    "start_of_year": start_of_year,
    "end_of_month": end_of_month,
}

FIRST_DAY_OF_EXCEL = date(1899, 12, 30)

Place = tuple[str, int]
"""A record: its file and number."""

Form = Callable[[date], str]
"""Writes a day."""


@dataclass(frozen=True, slots=True)
class Anonymised:
    """What was done to one raw table.

    Attributes:
        relation: The table.
        records: The records that were the people's as a whole.
        other_records: Those of others which had an id of theirs, such as that of their account.
        dates_as_written: Dates that stay, since they are written in a form that cannot be written.
    """

    relation: str
    records: int
    other_records: int
    dates_as_written: int = 0


def anonymise(connection: Connection, catalog: Catalog, graph: ModelGraph) -> list[Anonymised]:
    """Anonymise the people who were located in this session; see `locate`.

    Args:
        connection: A session in the transaction that is to do all of it or nothing.
        catalog: The effective catalog, which declares what becomes of each column.
        graph: The models, whose macros and base views say how dates are written.
    """
    _find_words(connection)
    present = engine_of(connection).relations()
    done = []
    events = _Days(connection, catalog, graph).by_person()
    for source in catalog.sources.values():
        table = catalog.raw_table_of(source.name)
        if table.relation in present:
            done.append(_Renaming(connection, source, table, graph, events).apply())
    return [it for it in done if it.records or it.other_records]


def _find_words(connection: Connection) -> None:
    """Find a random word for each id; they are in the same order as the ids that they stand for."""
    found = connection.exec_driver_sql(f"select kind, value from {IDS} order by kind, value").all()  # noqa: S608
    words = sorted(f"{ERASED_WORD}{secrets.token_hex(10)}" for _ in found)
    rows = [[kind, value, word] for (kind, value), word in zip(found, words, strict=True)]
    _hold_rows(connection, WORDS, ("kind", "value", "word"), rows)


def _hold_rows(
    connection: Connection, name: str, columns: Sequence[str], rows: Sequence[Sequence[object]]
) -> None:
    """Keep rows of texts for the queries of this session."""
    picked = ", ".join(f"row ->> {at} as {quote_name(column)}" for at, column in enumerate(columns))
    literal = quote_text(json.dumps(rows))
    engine_of(connection).hold(
        name,
        f"select {picked} from (select unnest(from_json({literal}, '[\"JSON\"]')) as row)",  # noqa: S608
    )


@dataclass(frozen=True)
class _Days:
    """The days on which people did something, as far as raw has instants."""

    connection: Connection
    catalog: Catalog
    graph: ModelGraph

    def by_person(self) -> dict[str, set[date]]:
        """The days of each person, by id."""
        days: dict[str, set[date]] = {}
        if not {"utc_timestamp", "clean_text"} <= self.graph.macros.keys():
            return days
        for macro in self.graph.macros_behind(["utc_timestamp", "clean_text"]):
            engine_of(self.connection).define_here(macro.sql)
        for query in self._queries():
            for person, day in self.connection.exec_driver_sql(query):
                days.setdefault(person, set()).add(day)
        return days

    def _queries(self) -> Iterator[str]:
        present = engine_of(self.connection).relations()
        for source in self.catalog.sources.values():
            ids = IdColumns.of(self.catalog.raw_table_of(source.name))
            rows = readable(source, ids.relation, present)
            instants = [it.name for it in source.columns.values() if it.form.holds == "instant"]
            if ids.person is None or ids.relation not in present:
                continue
            for name in instants:
                instant = f"utc_timestamp(clean_text(read.{quote_name(name)}))"
                yield (
                    f"select distinct {_of(ids.person, 'raw')}, cast({instant} as date) "  # noqa: S608
                    f"from {quote_relation(ids.relation)} as raw semi join {PLACES} as places on "
                    f"{_same('raw', 'places')} and places.relation = {quote_text(ids.relation)} "
                    f"inner join {rows} as read on {_same('raw', 'read')} "
                    f"where {instant} is not null and {_of(ids.person, 'raw')} is not null"
                )


def readable(source: Source, relation: str, present: Mapping[str, str]) -> str:
    """Where the values of a source's rows are in the form that SQL reads: its base view, if any.

    That of a source of events has only the last of each row.
    """
    base = f"base.{source.name}"
    if base in present and source.layout.is_of_events:
        return f"({canonical_query(source, relation)})"
    return quote_relation(base if base in present else relation)


def _of(column: str, rows: str) -> str:
    return cleaned(column).replace(quote_name(column), f"{rows}.{quote_name(column)}")


def _same(one: str, other: str) -> str:
    return " and ".join(f"{one}.{it} = {other}.{it}" for it in KEY)


@dataclass
class _Renaming:
    """What is done to one raw table."""

    connection: Connection
    source: Source
    table: Table
    graph: ModelGraph
    events: Mapping[str, set[date]]
    _words: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def apply(self) -> Anonymised:
        """Put what leads to nobody in the place of what leads to the people."""
        whole = self._places()
        kept = 0
        if whole:
            self._anonymise_values()
            kept = self._generalise_dates()
        places = dict.fromkeys(whole, True)
        for place in self._replace_ids():
            places.setdefault(place, False)
        add_erased_records(self.connection, self.source.name, places)
        others = len(places) - len(whole)
        return Anonymised(self.table.relation, len(whole), others, kept)

    def _places(self) -> list[Place]:
        found = self.connection.exec_driver_sql(
            f"select {', '.join(KEY)} from {PLACES} where relation = ?",  # noqa: S608
            (self.table.relation,),
        )
        return [(file, number) for file, number in found]

    @property
    def _ids(self) -> IdColumns:
        return IdColumns.of(self.table)

    @property
    def _raw(self) -> str:
        return quote_relation(self.table.relation)

    @property
    def _texts(self) -> list[Column]:
        return [it for it in self.table.columns.values() if it.type == "VARCHAR"]

    def _columns(self, *erasures: Erase) -> list[Column]:
        """The columns of the people's rows of which that becomes, besides their ids."""
        ids = dict(self._ids.kinds)
        return [it for it in self._texts if it.pii.erasure in erasures and it.name not in ids]

    def _rows(self, columns: Sequence[str], of: str | None = None) -> list[Sequence[str | None]]:
        """The people's rows: file, number, person, and some columns."""
        person = _of(self._ids.person, "raw") if self._ids.person else "null"
        read = "raw" if of is None else "read"
        names = "".join(f", {read}.{quote_name(it)}" for it in columns)
        joined = f" inner join {of} as read on {_same('raw', 'read')}" if of else ""
        return self.connection.exec_driver_sql(  # type: ignore[return-value]
            f"select raw._source_file, raw._row_number, {person}{names} from {self._raw} as raw "  # noqa: S608
            f"semi join {PLACES} as places on {_same('raw', 'places')} "
            f"and places.relation = {quote_text(self.table.relation)}{joined}"
        ).all()

    def _anonymise_values(self) -> None:
        """Give names and addresses random words, and clear what nobody declares."""
        words = self._columns("random")
        declared = self.table.columns
        present = engine_of(self.connection).columns(self.table.relation)
        clear = [it.name for it in self._columns("clear")]
        clear += [it for it in present if it not in declared and not it.startswith("_")]
        if not words and not clear:
            return
        rows = [
            [file, number]
            + [self._word(str(person), it, value) for it, value in zip(words, values, strict=True)]
            + [None] * len(clear)
            for file, number, person, *values in self._rows([it.name for it in words])
        ]
        self._write([*(it.name for it in words), *clear], rows)

    def _word(self, person: str, column: Column, value: str | None) -> str | None:
        """The word for a value of a person; an address stays one, so that it is as valid as it was.

        Nothing and spaces stay what they are.
        """
        if value is None or not value.strip():
            return value
        kind = str(column.pii.kind)
        word = self._words.setdefault(
            (person, kind, value.strip()), f"{ERASED_WORD}{secrets.token_hex(6)}"
        )
        is_address = kind == ADDRESS and re.fullmatch(r"[^@\s]+@[^@\s]+", value.strip())
        return f"{word}{ERASED_HOST}" if is_address else word

    def _generalise_dates(self) -> int:
        """Make dates coarser; returns how many stay, since nobody can write their form."""
        columns = self._columns(*COARSER)
        if not columns:
            return 0
        present = engine_of(self.connection).relations()
        of = readable(self.source, self.table.relation, present)
        names = [it.name for it in columns]
        written = {
            (str(file), int(str(number))): values for file, number, _, *values in self._rows(names)
        }
        wanted: dict[Place, list[date | None]] = {}
        people: dict[str, list[tuple[Place, list[date | None]]]] = {}
        for file, number, person, *values in self._rows(names, of):
            place = str(file), int(str(number))
            people.setdefault(str(person), []).append((place, [_day(it) for it in values]))
        for person, records in people.items():
            wanted |= self._coarser(columns, records, self.events.get(person, set()))
        return self._write_dates(columns, written, wanted, of)

    def _coarser(
        self,
        columns: Sequence[Column],
        records: Sequence[tuple[Place, list[date | None]]],
        events: set[date],
    ) -> dict[Place, list[date | None]]:
        """The coarser dates of one person; no date passes another one of theirs, or an event."""
        days = {place: list(values) for place, values in records}
        for at, column in enumerate(columns):
            others = events | {it for values in days.values() for it in values if it is not None}
            coarser = COARSER[column.pii.erasure]
            for values in days.values():
                day = values[at]
                values[at] = None if day is None else coarser(day, sorted(others - {day}))
        return days

    def _write_dates(
        self,
        columns: Sequence[Column],
        written: Mapping[Place, Sequence[str | None]],
        wanted: Mapping[Place, Sequence[date | None]],
        of: str,
    ) -> int:
        """Write dates in the form that they had: the first one that is read as what is wanted."""
        stay = 0
        for at, column in enumerate(columns):
            texts = {place: text for place, values in written.items() if (text := values[at])}
            days = {it: day for it in texts if (day := wanted[it][at]) is not None}
            left = dict(days)
            for form in self._forms(column):
                self._write([column.name], [[*it, form(day)] for it, day in left.items()])
                read = {
                    (str(file), int(str(number))): _day(value)
                    for file, number, _, value in self._rows([column.name], of)
                }
                left = {it: day for it, day in left.items() if read.get(it) != day}
            self._write([column.name], [[*it, texts[it]] for it in left])
            self._write_words(column, {it: texts[it] for it in texts if it not in days})
            stay += len(left)
        return stay

    def _write_words(self, column: Column, texts: Mapping[Place, str]) -> None:
        """Put words in the places of what is not a date: it may say anything."""
        declared = self.source.columns.get(column.name)
        missing = {it.strip() for it in (declared.form.na_values if declared else ())} | {""}
        rows = [
            [*place, self._word("", column, text)]
            for place, text in texts.items()
            if text.strip() not in missing
        ]
        self._write([column.name], rows)

    def _forms(self, column: Column) -> list[Form]:
        """The forms in which its dates may be written: ISO, and what its source declares."""
        declared = self.source.columns.get(column.name)
        formats = (
            [it for form in declared.form.written_as for it in form.all_formats] if declared else []
        )
        return [date.isoformat, *(_in_format(it) for it in formats), *_COUNTED]

    def _write(self, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Write values of rows, which are given by file and number."""
        if not rows:
            return
        _hold_rows(self.connection, NEW, (*KEY, *columns), rows)
        values = ", ".join(f"{quote_name(it)} = new.{quote_name(it)}" for it in columns)
        same = (
            f"{self._raw}._source_file = new._source_file "
            f"and {self._raw}._row_number = cast(new._row_number as bigint)"
        )
        self.connection.exec_driver_sql(
            f"update {self._raw} set {values} from {NEW} as new where {same}"  # noqa: S608
        )

    def _replace_ids(self) -> set[Place]:
        """Put words in the places of ids, also in rows of others; returns which rows had some."""
        places = set[Place]()
        for name, kind in self._ids.kinds:
            match = f"words.kind = {quote_text(kind)} and words.value = {_of(name, self._raw)}"
            found = self.connection.exec_driver_sql(
                f"select {', '.join(f'{self._raw}.{it}' for it in KEY)} from {self._raw} "  # noqa: S608
                f"semi join {WORDS} as words on {match}"
            )
            places |= {(file, number) for file, number in found}
            self.connection.exec_driver_sql(
                f"update {self._raw} set {quote_name(name)} = words.word "  # noqa: S608
                f"from {WORDS} as words where {match}"
            )
        return places


def _day(text: str | None) -> date | None:
    found = (text or "").strip()
    with suppress(ValueError):
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", found):
            return date.fromisoformat(found)
    return None


def _in_format(pattern: str) -> Form:
    return lambda day: day.strftime(pattern)


def _days_since(first: date) -> Form:
    return lambda day: str((day - first).days)


_COUNTED = tuple(_days_since(it) for it in (FIRST_DAY_OF_EXCEL, date(1904, 1, 1), date(1970, 1, 1)))
"""The forms in which days are counted: by Excel, in two ways, and by Debezium."""
