"""Which column of a file is which of a source's: by its name, or by its values."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benepass_tasks.catalog.datasets import DeclaredColumn, DeclaredSource
from benepass_tasks.catalog.header_names import header_key
from benepass_tasks.catalog.made_columns import parts_of
from benepass_tasks.catalog.wording import printable
from benepass_tasks.catalog.words import folded, words
from benepass_tasks.config.errors import ProjectError
from benepass_tasks.ingestion.proposals.meanings import is_status_flag
from benepass_tasks.ingestion.proposals.pairs import Pair, answered_pairs, find_pairs
from benepass_tasks.ingestion.proposals.profile import ColumnProfile, FileProfile, of_all

Keys = Mapping[str, Collection[str]]
"""The ids that are known already from other files or the warehouse, by the name of the column."""

ITS_NAME = "its name"
"""Why a column is the one that the source calls so, too, or has an alias for."""

NAMED = ".column"
"""How the name of the question ends which column of the file is one of ours."""

DECLARED, KNOWN, VALUES, OWN_ID, SELDOM, PART = 6, 5, 4, 3, 2, 1
"""How sure a match is, in that order: the catalog says so, the name is a usual one, the values do,
the name is what an id is called in its own file, or one that is seldom meant, or a part of the name
is a usual one."""

MOST = 0.9
"""The share of the values that have to be of a kind."""

HALF = 0.5
"""The share of the ids that have to be known, or of the required columns that have to be there."""

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True, slots=True, order=True)
class Match:
    """One of our columns found in a file.

    Attributes:
        strength: How sure it is.
        place: The place of the file's column, from 0 on.
        column: Our name for it.
        why: The evidence, in words without values.
    """

    strength: int
    place: int
    column: str
    why: str


@dataclass(frozen=True, slots=True)
class Fit:
    """How a file fits a source.

    Attributes:
        source: The source.
        matches: The columns that were found, by our name for them.
        rivals: The headers of other columns that are as likely, by our name for the column.
        pairs: The columns that are two of the file's.
    """

    source: DeclaredSource
    matches: Mapping[str, Match]
    rivals: Mapping[str, Sequence[int]]
    pairs: Sequence[Pair] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """The required columns that were not found."""
        required = (it.name for it in self.source.columns.values() if it.required)
        found = {*self.matches, *(it.column for it in self.pairs)}
        return tuple(name for name in required if name not in found)

    @property
    def share(self) -> float:
        """The share of the required columns that were found."""
        required = [it.name for it in self.source.columns.values() if it.required]
        return 1 - len(self.missing) / (len(required) or 1)

    @property
    def count(self) -> int:
        """How many columns were found."""
        return len(self.matches) + len(self.pairs)


def fit(source: DeclaredSource, profile: FileProfile, keys: Keys, said: Mapping[str, str]) -> Fit:
    """Find a source's columns in a file.

    Args:
        source: The source.
        profile: The file.
        keys: The ids that are known already.
        said: What was answered, among it the headers of columns that somebody has named.
    """
    found = sorted(_matches(source, profile, keys, said), key=lambda it: (-it.strength, it.place))
    matches: dict[str, Match] = {}
    taken: set[int] = set()
    rivals: dict[str, list[int]] = {}
    for match in found:
        if match.place in taken:
            continue
        first = matches.setdefault(match.column, match)
        if first is match:
            taken.add(match.place)
        elif first.strength == match.strength < DECLARED:
            rivals.setdefault(match.column, []).append(match.place)
    pairs = list(find_pairs(source, profile, _may_be_two(source, found, matches)))
    named = {name: it.place for name, it in matches.items()}
    pairs += answered_pairs(profile, named, said)
    declared = list(_declared_pairs(source, matches))
    for pair in pairs:
        rivals.pop(pair.column, None)
        places = pair.parts.values()
        parted = [name for name, it in matches.items() if it.place in places]
        for name in {pair.column, *parted}:
            matches.pop(name, None)
    taken |= {place for pair in pairs for place in pair.parts.values()}
    left = {name: [it for it in places if it not in taken] for name, places in rivals.items()}
    rivals = {name: places for name, places in left.items() if places}
    return Fit(source, matches, rivals, [*declared, *pairs])


def _declared_pairs(source: DeclaredSource, matches: Mapping[str, Match]) -> Iterator[Pair]:
    """The columns that the source makes of two, both of which were found."""
    for column in source.made.values():
        holds = column.form.holds
        if holds in ("amount", "instant") and all(it in matches for it in column.made_of.values()):
            parts = {part: matches[column.made_of[part]].place for part in parts_of(column)}
            yield Pair(column.name, holds, parts, "as the catalog says")


def _may_be_two(
    source: DeclaredSource, found: Sequence[Match], matches: Mapping[str, Match]
) -> dict[str, dict[int, int]]:
    """The likely places of each column of which nobody has declared that it is a single one."""
    owners = {it.place: name for name, it in matches.items()}
    return {
        name: {
            it.place: it.strength
            for it in reversed(found)
            if it.column == name and owners.get(it.place, name) == name
        }
        for name in source.columns
        if name not in source.parts and (name not in matches or matches[name].strength != DECLARED)
    }


def best_fit(fits: Sequence[Fit]) -> Fit | None:
    """The source that a file most likely is of; None where it is of none or could be of two."""
    likely = sorted(
        (it for it in fits if it.share >= HALF and it.count > 1),
        key=lambda it: (it.share, it.count),
        reverse=True,
    )
    if not likely:
        return None
    first, *others = likely
    if others and (others[0].share, others[0].count) == (first.share, first.count):
        return None
    return first


def _matches(
    source: DeclaredSource, profile: FileProfile, keys: Keys, said: Mapping[str, str]
) -> Iterator[Match]:
    own_id = next(iter(source.columns))
    for place, column in enumerate(profile.columns):
        for declared in source.columns.values():
            name = declared.name
            if f"{name}{NAMED}" in said:
                if said[f"{name}{NAMED}"] == column.header:
                    _refuse_other_period(name, column.header)
                    yield Match(DECLARED + 1, place, name, "as answered")
                continue
            usual = _usual_names(source.parts.get(name))
            named = _by_name(column, declared, usual, is_own_id=name == own_id)
            by_values = _by_values(column, name, keys)
            if named and named[0] < DECLARED and declared.form.holds != "text":
                # `terminated` beside yes and no is not a date.
                named = named if _has_digits(column) or not column.counts else None
            if named and by_values:
                yield Match(
                    named[0],
                    place,
                    name,
                    named[1] if named[1] == ITS_NAME else f"{named[1]}; {by_values}",
                )
            elif named:
                yield Match(*named[:1], place, name, named[1])
            elif by_values:
                yield Match(VALUES, place, name, by_values)


def _refuse_other_period(name: str, header: str) -> None:
    """Refuse a yearly allowance for a monthly one: it would seem twelve times as large.

    Raises:
        ProjectError: the header says another time than the column's name.
    """
    said = {words().periods.get(it) for it in folded(header).split()} - {None}
    if name.startswith("monthly_") and said and "month" not in said:
        raise ProjectError(
            f"--answer {name}{NAMED}={printable(header)}: by its name that is not what there is "
            "for a month. Add a column Frequency with the word for the time (year, quarter) to the "
            "file, or divide the amounts"
        )


def _has_digits(column: ColumnProfile) -> bool:
    return any(letter.isdigit() for value in column.counts for letter in value)


def _usual_names(part: tuple[str, str] | None) -> frozenset[str]:
    """What a part of a column is usually called; a date or a charge as the whole is."""
    if part is None:
        return frozenset()
    made, kind = part
    if kind in ("date", "charged", "each"):
        return words().columns.get(made, frozenset())
    asked = {**words().deciding, "every": words().every}
    return asked.get(kind) or words().parts[kind]


def _by_name(
    column: ColumnProfile,
    declared: DeclaredColumn,
    usual: frozenset[str],
    *,
    is_own_id: bool,
) -> tuple[int, str] | None:
    header, name = folded(column.header), declared.name
    known = usual | words().columns.get(name, frozenset()) | {folded(name)}
    if header_key(column.header) in {header_key(it) for it in (name, *declared.aliases)}:
        return DECLARED, ITS_NAME
    if header in known:
        return KNOWN, "a usual name of it"
    if is_own_id and name.endswith("_id") and header in words().own_id:
        return OWN_ID, "a usual name of the id in its own file"
    if header in words().seldom.get(name, ()):
        return SELDOM, "a name that it sometimes has"
    tokens = set(header.split())
    if any(" " in it and set(it.split()) <= tokens for it in known):
        return PART, "its name has a usual name of it within"
    return None


def _by_values(column: ColumnProfile, name: str, keys: Keys) -> str | None:
    """What the values themselves say, if they say it is this column."""
    if not column.counts:
        return None
    known = keys.get(name)
    if known and len(column.counts) > 1:
        there = sum(it in known for it in column.counts)
        if there >= HALF * len(column.counts):
            return of_all(there, len(column.counts), f"ids are known as {name}")
    if name == "email" and column.matching(_EMAIL.fullmatch) >= MOST * column.filled:
        return "its values are addresses"
    if name == "status" and is_status_flag(column):
        return "it says by yes and no who is active"
    if name == "status" and all(folded(it) in words().status for it in column.counts):
        return "its values are words for a status of employment"
    return None
