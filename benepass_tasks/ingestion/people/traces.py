"""The values of people, and where they stand in bytes: in files of any kind, and in records.

A value is found as a word of its own: `E0001` is not in `E00012`. A name alone may be anybody's, so
first and last name are looked for beside each other.
"""

import html
import json
import re
import string
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

from sqlalchemy import Connection

from benepass_tasks.catalog import Catalog
from benepass_tasks.engine.quoting import quote_name, quote_relation, quote_text
from benepass_tasks.ingestion.people.places import IDS, PLACES

SHORTEST = 5
"""Bytes of the shortest value that is looked for in bytes; a shorter one is there by chance."""

ADDRESS = "EMAIL_ADDRESS"
NAME = "first and last name"
NAMES = ("FIRST_NAME", "LAST_NAME")
BETWEEN = rb"[^0-9a-z\x80-\xff]{1,8}"
"""What stands between the two names of a person: a comma, quotes, a space."""

MANY_SHAPES = 32
ANY = rb"[0-9A-Za-z]"

_SORTS = {
    **dict.fromkeys(range(0x80, 0x100), "small"),
    **dict.fromkeys(string.ascii_lowercase.encode(), "small"),
    **dict.fromkeys(string.ascii_uppercase.encode(), "capital"),
    **dict.fromkeys(string.digits.encode(), "digit"),
}

_SEPARATORS = re.compile(rb"[,;|\t\r\n\"':{}\[\]]")


@dataclass(frozen=True)
class Traces:
    """The values of some people.

    Attributes:
        ids: The ids that lead to them alone, by kind.
        addresses: Their email addresses.
        names: Their first and last names.
        shared: How many more they have, by kind, that others have as well.
    """

    ids: dict[str, frozenset[str]]
    addresses: frozenset[str]
    names: frozenset[tuple[str, str]]
    shared: Mapping[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The values as JSON has them."""
        return {
            "ids": {kind: sorted(values) for kind, values in self.ids.items()},
            "addresses": sorted(self.addresses),
            "names": sorted(self.names),
            "shared": self.shared,
        }

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Self:
        """The values that were written so."""
        ids = {kind: frozenset(values) for kind, values in written["ids"].items()}
        names = frozenset((first, last) for first, last in written["names"])
        return cls(ids, frozenset(written["addresses"]), names, written["shared"])

    @property
    def without_names(self) -> Self:
        """The values that are nobody else's, whatever they are found in."""
        return replace(self, names=frozenset())

    def found_in(self, data: bytes, *, is_packed: bool = False) -> Counter[str]:
        """How often values stand in some bytes, by kind.

        Args:
            data: The bytes; of a text in UTF-16, with its mark.
            is_packed: Whether values may stand there one right after the other, as in the blocks
                of a database.
        """
        found = Counter[str]()
        data = _as_utf8(data)
        for kind, _ in self._ids_in(data):
            found[kind] += 1
        lower = data.lower()
        for needle, kind in self._needles:
            found[kind] += sum(
                1
                for it in needle.finditer(lower)
                if is_packed or _is_word(data, it.start(), it.end())
            )
        return +found

    def is_in_record(self, record: bytes) -> bool:
        """Whether a record that cannot be parsed has a value: also a short id that is a field."""
        fields = {it.strip().decode(errors="replace") for it in _SEPARATORS.split(record)}
        is_field = any(not values.isdisjoint(fields) for values in self.ids.values())
        return is_field or bool(self.found_in(record))

    @property
    def counts(self) -> dict[str, int]:
        """How many values there are, by kind."""
        found = {kind: len(values) for kind, values in sorted(self.ids.items())}
        others = {ADDRESS: len(self.addresses), NAME: len(self.names)}
        return found | {kind: count for kind, count in others.items() if count}

    @property
    def too_short(self) -> dict[str, list[str]]:
        """The ids that are too short to be looked for in bytes, by kind."""
        short = {kind: sorted(filter(_is_short, it)) for kind, it in sorted(self.ids.items())}
        return {kind: values for kind, values in short.items() if values}

    def _ids_in(self, data: bytes) -> Iterator[tuple[str, int]]:
        for shape in self._shapes:
            # Mostly none is there, and of millions that look alike a list is made the fastest.
            if self._known.keys().isdisjoint(shape.findall(data)):
                continue
            for match in shape.finditer(data):
                start, value = match.start(), match[1]
                kind = self._known.get(value)
                if kind and _is_word(data, start, start + len(value)):
                    yield kind, start

    @cached_property
    def _known(self) -> dict[bytes, str]:
        return {
            value.encode(): kind
            for kind, values in self.ids.items()
            for value in values
            if not _is_short(value)
        }

    @cached_property
    def _shapes(self) -> list[re.Pattern[bytes]]:
        """Patterns that the ids have in common: thousands of them are looked for at once."""
        shapes = {_shape(it, letters=True) for it in self._known}
        if len(shapes) > MANY_SHAPES:
            shapes = {_shape(it, letters=False) for it in self._known}
        # Looking ahead, so that a match begins at any place; where digits follow letters, a match
        # within another cannot be, and not to look ahead takes a fifth of the time.
        return [
            re.compile(rb"(?=(" + it + rb"))" if ANY in it else rb"(" + it + rb")")
            for it in sorted(shapes)
        ]

    @cached_property
    def _needles(self) -> list[tuple[re.Pattern[bytes], str]]:
        addresses = {it for address in self.addresses for (it,) in _written(address)}
        pairs = {
            BETWEEN.join(map(re.escape, it))
            for first, last in self.names
            for names in ((first, last), (last, first))
            for it in _written(*names)
        }
        return [
            *((re.compile(re.escape(it)), ADDRESS) for it in addresses),
            *((re.compile(it), NAME) for it in pairs),
        ]


def _is_short(value: str) -> bool:
    """Whether a value is there by chance too: a few bytes, or a number."""
    return len(value.encode()) < SHORTEST or value.isdigit()


def _written(*values: str) -> Iterator[tuple[bytes, ...]]:
    """The ways in which texts are written, in small letters as far as they are ASCII."""
    for case in (str, str.lower, str.upper):
        texts = [case(it) for it in values]
        yield tuple(it.encode().lower() for it in texts)
        yield tuple(json.dumps(it)[1:-1].encode().lower() for it in texts)
        yield tuple(html.escape(it).encode().lower() for it in texts)
        with suppress(UnicodeEncodeError):
            yield tuple(it.encode("cp1252").lower() for it in texts)


def _as_utf8(data: bytes) -> bytes:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace").encode()
    return data


def _shape(value: bytes, *, letters: bool) -> bytes:
    """A pattern that an id and others like it match: its runs with digits are any of their kind."""

    def run(match: re.Match[bytes]) -> bytes:
        text = match[0]
        prefix = re.match(rb"[A-Za-z]*", text)[0] if letters else b""  # type: ignore[index]
        rest = text[len(prefix) :]
        if letters and not rest:
            return text
        kind = rb"[0-9]" if rest.isdigit() else ANY
        return prefix + kind + b"{%d}" % len(rest)

    parts = re.split(rb"([0-9A-Za-z]+)", value)
    return b"".join(
        re.sub(rb".+", run, it, flags=re.DOTALL) if at % 2 else re.escape(it)
        for at, it in enumerate(parts)
    )


def _is_word(data: bytes, start: int, end: int) -> bool:
    """Whether what stands around is of another sort: `Lee` is not a word in `Leeds`."""
    before = start == 0 or _sort(data[start - 1]) != _sort(data[start])
    after = end == len(data) or _sort(data[end]) != _sort(data[end - 1])
    return before and after


def _sort(byte: int) -> str:
    """The sort of a byte: digit, small letter or capital; any other is one of its own."""
    return _SORTS.get(byte, str(byte))


def traces_of(connection: Connection, catalog: Catalog) -> Traces:
    """The values of the people who were located in this session; see `locate`.

    A name or an address that others have as well would be found wherever they are, so it is only
    counted.
    """
    ids: dict[str, set[str]] = {}
    for kind, value in connection.exec_driver_sql(f"select kind, value from {IDS}"):  # noqa: S608
        ids.setdefault(kind, set()).add(value)
    addresses, names, shared = set[str](), set[tuple[str, str]](), Counter[str]()
    for relation, columns in _identifiers(catalog):
        for kind, wanted in ((ADDRESS, (ADDRESS,)), (NAME, NAMES)):
            if not columns.keys() >= {*wanted}:
                continue
            for values, is_shared in _values(connection, relation, [columns[it] for it in wanted]):
                if is_shared:
                    shared[kind] += 1
                elif kind == NAME:
                    names |= {(it["0"], it["1"]) for it in values}
                else:
                    addresses |= {it["0"] for it in values if len(it["0"]) >= SHORTEST}
    known = {kind: frozenset(values) for kind, values in ids.items()}
    return Traces(known, frozenset(addresses), frozenset(names), dict(shared))


def _values(
    connection: Connection, relation: str, columns: Sequence[str]
) -> Iterator[tuple[list[dict[str, str]], bool]]:
    """The values of columns in rows of the people, and whether others have the same."""
    texts = [f"trim({quote_name(it)})" for it in columns]
    packed = ", ".join(f"'{at}': {it}" for at, it in enumerate(texts))
    is_theirs = (
        f"(_source_file, _row_number) in (select (_source_file, _row_number) from {PLACES} "  # noqa: S608
        f"where relation = {quote_text(relation)})"
    )
    found = connection.exec_driver_sql(
        f"select list(distinct {{{packed}}}) filter (is_theirs), bool_or(not is_theirs) "  # noqa: S608
        f"from (select *, {is_theirs} as is_theirs from {quote_relation(relation)}) "
        f"where {' and '.join(f'length({it}) > 0' for it in texts)} "
        f"group by {', '.join(f'lower({it})' for it in texts)} having bool_or(is_theirs)"
    )
    return ((values, bool(is_shared)) for values, is_shared in found)


def _identifiers(catalog: Catalog) -> Iterable[tuple[str, dict[str, str]]]:
    """The columns of the raw tables that identify somebody, by kind."""
    for source in catalog.sources:
        table = catalog.raw_table_of(source)
        found = {
            str(it.pii.kind): it.name
            for it in table.columns.values()
            if it.pii.class_ == "identifier"
        }
        if found:
            yield table.relation, found
