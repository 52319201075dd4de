"""What has changed between two schemas of a file."""

from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from benepass_tasks.catalog.wording import printable
from benepass_tasks.ingestion.schema_evolution.file_schema import (
    UNKNOWN,
    ColumnSchema,
    FileSchema,
    holds,
    is_widening,
)
from benepass_tasks.ingestion.schema_evolution.renames import (
    NO_SAMPLE,
    Evidence,
    Sample,
    guess_renames,
)

ChangeKind = Literal[
    "added", "removed", "reappeared", "renamed", "respelled", "reordered", "type_changed"
]
ChangeSeverity = Literal["info", "warning"]

FIRST_ROWS = 5
"""How many of the records that do not fit are named."""


@dataclass(frozen=True, slots=True)
class Violations:
    """How many values do not fit a type, and the numbers of the first records that have them."""

    count: int = 0
    rows: tuple[int, ...] = ()

    def __str__(self) -> str:
        """How many, and where the first are."""
        values = "1 value does" if self.count == 1 else f"{self.count:,} values do"
        first = "in row" if self.count == 1 else "the first in rows"
        return f"{values} not fit, {first} {', '.join(map(str, self.rows))}"


TypeViolations: TypeAlias = Mapping[tuple[str, str], Violations]
"""The values of a column that do not fit a type, by column and type."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What was seen of a file; the violations are of the types that its columns had before."""

    schema: FileSchema
    violations: TypeViolations = field(default_factory=dict)
    sample: Sample = NO_SAMPLE


@dataclass(frozen=True, slots=True)
class Earlier:
    """What is known from earlier loads: the schema to compare with, if there is one yet.

    The sample is of that load's first values; `seen` are the columns that any earlier load had.
    """

    schema: FileSchema | None = None
    sample: Sample = NO_SAMPLE
    seen: Collection[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one column.

    Attributes:
        column: The column; of a renamed one the new name.
        kind: What has become of it.
        before: A type, a place or a name before, whichever has changed; None where there was none.
        after: The same afterwards.
        severity: Whether somebody should know.
        is_guess: Whether it may as well be something else.
        violations: The values that do not fit the type before; None where they all fit.
        header: What the header calls the column; of a removed one, what it called it. None where
            nobody has kept it.
    """

    column: str
    kind: ChangeKind
    before: str | None
    after: str | None
    severity: ChangeSeverity = "info"
    is_guess: bool = False
    violations: Violations | None = None
    header: str | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """All that is known of it but the column, as `meta.schema_changes` calls it."""
        return {
            "header": self.header,
            "change": self.kind,
            "before": self.before,
            "after": self.after,
            "is_guess": self.is_guess,
            "misfits": self.violations.count if self.violations else None,
            "misfit_rows": list(self.violations.rows) if self.violations else [],
            "severity": self.severity,
        }

    def __str__(self) -> str:
        """The change in words; names from a header are cut and neutralised."""
        name, before, after = (printable(it or "") for it in (self.column, self.before, self.after))
        said = {
            "added": f"{name} added ({after})",
            "removed": f"{name} removed (it was {before})",
            "reappeared": f"{name} has reappeared ({after})",
            "renamed": f"{before} renamed to {name} (a guess by values and position)",
            "respelled": f"{name} is written {after!r} instead of {before!r}",
            "reordered": f"{name} moved from place {before} to {after}",
            "type_changed": f"{name} changed from {before} to {after}",
        }[self.kind]
        return f"{said}: {self.violations}" if self.violations else said


def compare(earlier: Earlier, observed: Observed, declared: Collection[str]) -> list[Change]:
    """Tell what has changed, in the order of the columns, the removed ones last.

    A column that the catalog does not declare is worth a warning.
    """
    changes = _changes(earlier, observed, declared)
    before = earlier.schema.present if earlier.schema else {}
    columns = {**before, **observed.schema.present}
    return [replace(it, header=columns[it.column].field) for it in changes]


def _changes(earlier: Earlier, observed: Observed, declared: Collection[str]) -> list[Change]:
    if earlier.schema is None:
        return [_arrived("added", it) for it in observed.schema.present.values()]
    before, after = earlier.schema.present, observed.schema.present
    lost = {name: it for name, it in before.items() if name not in after}
    got = {name: it for name, it in after.items() if name not in before}
    old_names = guess_renames(
        lost.values(), got.values(), Evidence(earlier.sample, observed.sample)
    )
    moved = _moved(before, after)
    changes: list[Change] = []
    for name, column in after.items():
        old = before.get(old_names.get(name, name))
        if old is None:
            changes.append(_appeared(column, earlier, observed, declared))
            continue
        if old.name != name:
            changes.append(Change(name, "renamed", old.name, name, "warning", is_guess=True))
        elif old.field != column.field:
            changes.append(Change(name, "respelled", old.field, column.field))
        if name in moved:
            changes.append(Change(name, "reordered", str(old.ordinal), str(column.ordinal)))
        if old.type != column.type:
            changes.append(_type_changed(old.type, column, observed))
    gone = (it for name, it in lost.items() if name not in old_names.values())
    return changes + [Change(it.name, "removed", it.type, None, "warning") for it in gone]


def _arrived(kind: ChangeKind, column: ColumnSchema, *, is_declared: bool = True) -> Change:
    severity: ChangeSeverity = "info" if is_declared else "warning"
    return Change(column.name, kind, None, column.type, severity)


def _appeared(
    column: ColumnSchema, earlier: Earlier, observed: Observed, declared: Collection[str]
) -> Change:
    """A column that was not there: a new one, or an old one with the type that it had."""
    is_declared = column.name in declared
    if column.name not in earlier.seen:
        return _arrived("added", column, is_declared=is_declared)
    known = earlier.schema.type_of(column.name) if earlier.schema else UNKNOWN
    violations = observed.violations.get((column.name, known))
    severity: ChangeSeverity = "info" if is_declared and holds(known, column.type) else "warning"
    before = None if known == UNKNOWN else known
    return Change(column.name, "reappeared", before, column.type, severity, violations=violations)


def _type_changed(before: str, column: ColumnSchema, observed: Observed) -> Change:
    is_harmless = holds(before, column.type) or is_widening(before, column.type)
    return Change(
        column.name,
        "type_changed",
        before,
        column.type,
        "info" if is_harmless else "warning",
        violations=observed.violations.get((column.name, before)),
    )


def _moved(before: Mapping[str, ColumnSchema], after: Mapping[str, ColumnSchema]) -> set[str]:
    """The fewest columns that must have moved among those that stayed."""
    places = {name: place for place, name in enumerate(before)}
    stayed = [name for name in after if name in places]
    return set(stayed) - set(_longest_rising(stayed, [places[name] for name in stayed]))


def _longest_rising(names: Sequence[str], places: Sequence[int]) -> Iterator[str]:
    """The longest run of names, not necessarily neighbours, whose places rise."""
    lowest_end: list[int] = []
    length_at: list[int] = []
    for place in places:
        length = bisect_left(lowest_end, place)
        lowest_end[length : length + 1] = [place]
        length_at.append(length)
    wanted = len(lowest_end) - 1
    limit = len(places) + max(places, default=0)
    for name, place, length in reversed(list(zip(names, places, length_at, strict=True))):
        if length == wanted and place < limit:
            wanted, limit = wanted - 1, place
            yield name
