"""What a line of JSON says that Debezium wrote: a change of a row, or something else.

A change comes in Debezium's envelope (`op`, `before`, `after`, `source`), or as the row alone, as
its transformation ExtractNewRecordState writes it; either with the schema of Kafka Connect around
it, or without. The formats are those of https://debezium.io/documentation/reference/stable.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias, cast, get_args

from benepass_tasks.catalog.events import UNSAID
from benepass_tasks.ingestion.readers.json_lines import (
    NO_OBJECT,
    NoRecordError,
    Number,
    UnusableError,
    text_of_json,
)
from benepass_tasks.ingestion.readers.values import (
    datetime_text,
    duration_text,
    float_text,
    plain,
    text_of,
)

Op: TypeAlias = Literal["c", "u", "d", "r", "t"]
Json: TypeAlias = Mapping[str, Any]

NO_ROW: Final = "an event of a change without its row"
NO_OP: Final = "an event of no known operation"
NO_PLACE: Final = "an event without its place in the log of the database"
NO_FIT: Final = "a value that does not fit its type"

FLOATING: Final = "floating-point numbers"
WITHOUT_SCALE: Final = "bytes without their scale"

TOMBSTONE: Final = "tombstone"
HEARTBEAT: Final = "heartbeat"
TRANSACTION: Final = "begin or end of a transaction"
MESSAGE: Final = "message of the database"
DEFINITION: Final = "change of a definition"
OTHER_TABLE: Final = "event of another table"

_OTHERS: Final[Sequence[tuple[frozenset[str], str]]] = (
    (frozenset({"status", "id", "event_count"}), TRANSACTION),
    (frozenset({"databaseName", "ddl"}), DEFINITION),
)
"""The keys of what is no event of a row, and what it is."""

_ADDED: Final = "__"
"""What the keys begin with that ExtractNewRecordState adds to a row."""

_TELLING: Final = frozenset({f"{_ADDED}{it}" for it in ("deleted", "op", "lsn", "source_lsn")})
_DIGITS: Final = 20
_MOST_SCALE: Final = 16_383
"""Digits behind the point that a number of Postgres has at most."""

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - local times are counted from it, too
_MICROSECOND: Final = timedelta(microseconds=1)
_PACKED: Final = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_UNSAID_BYTES: Final = base64.b64encode(UNSAID.encode()).decode()


@dataclass(frozen=True, slots=True)
class Event:
    """A change of a row, or of all.

    Attributes:
        op: What became of it: inserted, updated, deleted, read, or all of them deleted.
        row: Its values as text, by column: after the change, and before it where it was deleted.
        position: Where in the log it is, as text that sorts as the log does; None where a row alone
            does not say.
        snapshot: Which part of a reading of the whole table it is; None where it is none.
        table: Its table, with its schema as far as it says that; None where it does not.
    """

    op: Op
    row: Mapping[str, str | None]
    position: str | None
    snapshot: str | None
    table: str | None


@dataclass
class Decoder:
    """Reads lines of one file.

    Attributes:
        table: The table whose events are meant; None where any are.
        inexact: The columns whose numbers are not to be relied on, and what they are instead.
    """

    table: str | None = None
    inexact: dict[str, str] = field(default_factory=dict)
    _texts: set[str] = field(default_factory=set)
    _schema: Json | None = None
    _fields: Mapping[str, Json] = field(default_factory=dict)

    def decode(self, said: object) -> Event:
        """Read what a line says.

        Raises:
            NoRecordError: it is no event of a row.
            UnusableError: it is one that nobody can read; quotes no value.
        """
        schema, payload = opened(said)
        if payload is None:
            raise NoRecordError(TOMBSTONE)
        if not isinstance(payload, dict):
            raise UnusableError(NO_OBJECT)
        _pass_over(payload)
        self._know(schema)
        if "op" in payload and not {"before", "after"}.isdisjoint(payload):
            return self._of_envelope(payload)
        return self._of_row(payload)

    def _of_envelope(self, payload: Json) -> Event:
        op, source = payload["op"], payload.get("source")
        if op == "m":
            raise NoRecordError(MESSAGE)
        if op not in get_args(Op):
            raise UnusableError(NO_OP)
        about = source if isinstance(source, dict) else {}
        table = self._meant(about)
        position = _position(about)
        if position is None:
            raise UnusableError(NO_PLACE)
        snapshot = text_of_json(about.get("snapshot"))
        row: Mapping[str, str | None] = {}
        if op != "t":
            row = self._row(payload.get("before" if op == "d" else "after"))
        return Event(cast("Op", op), row, position, snapshot, table)

    def _of_row(self, payload: Json) -> Event:
        added = {
            name.removeprefix(_ADDED).removeprefix("source_"): value
            for name, value in payload.items()
            if name.startswith(_ADDED)
        }
        table = self._meant(added)
        row = self._row({it: payload[it] for it in payload if not it.startswith(_ADDED)})
        op = added.get("op", "u")
        if str(added.get("deleted")).lower() == "true":
            op = "d"
        if op not in get_args(Op):
            raise UnusableError(NO_OP)
        snapshot = text_of_json(added.get("snapshot"))
        return Event(cast("Op", op), row, _position(added), snapshot, table)

    def _meant(self, about: Json) -> str | None:
        """The table of an event, as far as it says that.

        Raises:
            NoRecordError: another one is meant.
        """
        table = _table(about.get("schema") or about.get("db"), about.get("table"))
        if table is not None and not _is_of(table, self.table):
            raise NoRecordError(OTHER_TABLE)
        return table

    def _know(self, schema: Json | None) -> None:
        """Learn the fields of a row; those of consecutive events are mostly the same."""
        if schema != self._schema:
            self._schema, self._fields = schema, _fields_of(schema)

    def _row(self, row: object) -> Mapping[str, str | None]:
        if not isinstance(row, dict) or not row:
            raise UnusableError(NO_ROW)
        return {name: self._text(name, value) for name, value in row.items()}

    def _text(self, name: str, value: object) -> str | None:
        if value is None:
            return None
        if value in (UNSAID, _UNSAID_BYTES):
            return UNSAID
        about = self._fields.get(name)
        if about is None:
            self._suspect(name, value)
            about = _NO_SCHEMA
        kind = str(about.get("name") or about.get("type"))
        if kind in ("double", "float"):
            self.inexact[name] = FLOATING
        try:
            return _WRITERS.get(kind, _as_it_is)(value, about)
        except (ValueError, TypeError, KeyError, ArithmeticError, binascii.Error):
            raise UnusableError(NO_FIT) from None

    def _suspect(self, name: str, value: object) -> None:
        """Note what a value without a type looks like, if it is no number as it was."""
        if isinstance(value, Number):
            if not value.lstrip("-").isdecimal():
                self.inexact[name] = FLOATING
        elif isinstance(value, str) and name not in self._texts:
            if value.isdecimal() or not _PACKED.fullmatch(value):
                self._texts.add(name)
                if self.inexact.get(name) == WITHOUT_SCALE:
                    del self.inexact[name]
            else:
                self.inexact.setdefault(name, WITHOUT_SCALE)


def is_event(said: object) -> bool:
    """Whether a line has what tells an event of Debezium from any other object."""
    _, payload = opened(said)
    if not isinstance(payload, dict):
        return False
    is_enveloped = "op" in payload and isinstance(payload.get("source"), dict)
    return is_enveloped or not _TELLING.isdisjoint(payload)


def opened(said: object) -> tuple[Json | None, object]:
    """The schema and the message, where they stand beside each other."""
    if isinstance(said, dict) and "payload" in said and said.keys() <= {"schema", "payload"}:
        schema = said.get("schema")
        return schema if isinstance(schema, dict) else None, said["payload"]
    return None, said


def _pass_over(payload: Json) -> None:
    if payload.keys() == {"ts_ms"}:
        raise NoRecordError(HEARTBEAT)
    for keys, kind in _OTHERS:
        if keys <= payload.keys() and "op" not in payload:
            raise NoRecordError(kind)


def _fields_of(schema: Json | None) -> Mapping[str, Json]:
    """What the schema of a message says of the columns of its row, by name."""
    fields = _named(schema)
    of_row = next((fields[it] for it in ("after", "before") if it in fields), None)
    return _named(of_row) if of_row is not None else fields


def _named(schema: Json | None) -> dict[str, Json]:
    listed = schema.get("fields") if schema is not None else None
    found = [it for it in listed if isinstance(it, dict)] if isinstance(listed, list) else []
    return {str(it.get("field")): it for it in found}


def _position(about: Json) -> str | None:
    """A place in the log of Postgres, or of MySQL: a file, a place in it, and a row there."""
    if isinstance(about.get("lsn"), str):
        return _filled(about["lsn"])
    if about.get("file") and isinstance(about.get("pos"), Number):
        row = about.get("row")
        places = (about["pos"], row if isinstance(row, Number) else "0")
        return ":".join([re.sub(r"\d+", _filled_match, str(about["file"])), *map(_filled, places)])
    return None


def _filled(number: str) -> str:
    if not number.isdecimal() or len(number) > _DIGITS:
        raise UnusableError(NO_PLACE)
    return number.zfill(_DIGITS)


def _filled_match(match: re.Match[str]) -> str:
    return _filled(match[0])


def _table(schema: object, table: object) -> str | None:
    names = [it for it in (schema, table) if isinstance(it, str) and it]
    return ".".join(names) if isinstance(table, str) and table else None


def _is_of(table: str, declared: str | None) -> bool:
    """Whether an event of a table is one of that which is declared, as far as both say."""
    if declared is None or table == declared:
        return True
    if "." in table and "." in declared:
        return False
    return table.rpartition(".")[2] == declared.rpartition(".")[2]


_NO_SCHEMA: Final[Json] = MappingProxyType({"type": "unknown"})


def _as_it_is(value: object, _about: Json) -> str | None:
    if isinstance(value, dict) and value.keys() == {"scale", "value"}:
        return _variable_scale(value, _about)
    return text_of_json(value)


def _counted(value: object) -> int | None:
    """A number that counts since 1970 or midnight; None where a text says the value itself."""
    return int(value) if isinstance(value, Number) else None


def _of_count(
    write: Callable[[timedelta], str | None], unit: timedelta | Literal["ns"]
) -> "_Writer":
    def text(value: object, _about: Json) -> str | None:
        count = _counted(value)
        if count is None:
            return text_of_json(value)
        if unit == "ns":
            # Digits are not dropped: no database has them, and nobody reads them.
            micros, rest = divmod(count, 1000)
            if rest:
                raise ValueError
            return write(micros * _MICROSECOND)
        return write(count * unit)

    return text


def _day(since: timedelta) -> str:
    return date.isoformat((_EPOCH + since).date())


def _moment(since: timedelta) -> str:
    return datetime_text(_EPOCH + since)


def _clock(since: timedelta) -> str | None:
    if not timedelta() <= since < timedelta(days=1):
        return duration_text(since)
    return text_of((_EPOCH + since).time())


def _zoned(value: object, _about: Json) -> str | None:
    text = text_of_json(value)
    with suppress(ValueError):
        moment = datetime.fromisoformat(str(text))
        return datetime_text(moment.astimezone(UTC)) if moment.tzinfo else text
    return text


def _unpacked(value: object) -> bytes:
    return base64.b64decode(str(value), validate=True)


def _bytes(value: object, _about: Json) -> str:
    return _unpacked(value).hex()


def _decimal(value: object, about: Json) -> str:
    if isinstance(value, Number):
        return str(value)
    return _scaled(value, about["parameters"]["scale"])


def _variable_scale(value: object, _about: Json) -> str:
    if not isinstance(value, dict):
        raise TypeError
    return _scaled(value["value"], value["scale"])


def _scaled(packed: object, scale: object) -> str:
    """A number that is written as bytes without its point."""
    digits, places = int.from_bytes(_unpacked(packed), signed=True), int(str(scale))
    if abs(places) > _MOST_SCALE:
        raise ValueError
    return plain(Decimal(f"{digits}E{-places}"))


def _float(value: object, _about: Json) -> str | None:
    return float_text(float(value)) if isinstance(value, Number) else text_of_json(value)


_Writer: TypeAlias = Callable[[object, Json], str | None]
_MILLISECOND: Final = timedelta(milliseconds=1)


def _writers() -> Iterator[tuple[str, _Writer]]:
    """What writes a value, by the name of its type in Kafka Connect, or the type itself."""
    time, data, connect = (
        "io.debezium.time",
        "io.debezium.data",
        "org.apache.kafka.connect.data",
    )
    for name in (f"{time}.Date", f"{connect}.Date"):
        yield name, _of_count(_day, timedelta(days=1))
    for name in (f"{time}.Timestamp", f"{connect}.Timestamp"):
        yield name, _of_count(_moment, _MILLISECOND)
    yield f"{time}.MicroTimestamp", _of_count(_moment, _MICROSECOND)
    yield f"{time}.NanoTimestamp", _of_count(_moment, "ns")
    for name in (f"{time}.Time", f"{connect}.Time"):
        yield name, _of_count(_clock, _MILLISECOND)
    yield f"{time}.MicroTime", _of_count(_clock, _MICROSECOND)
    yield f"{time}.NanoTime", _of_count(_clock, "ns")
    yield f"{time}.MicroDuration", _of_count(duration_text, _MICROSECOND)
    yield f"{time}.ZonedTimestamp", _zoned
    yield f"{connect}.Decimal", _decimal
    yield f"{data}.VariableScaleDecimal", _variable_scale
    yield "bytes", _bytes
    yield from ((it, _float) for it in ("float", "double"))


_WRITERS: Final[Mapping[str, _Writer]] = MappingProxyType(dict(_writers()))
