"""What a source's contract does not allow of a file."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from benepass_tasks.catalog import Source, wording
from benepass_tasks.config.errors import SourceError
from benepass_tasks.ingestion.schema_evolution.changes import Change
from benepass_tasks.ingestion.schema_evolution.file_schema import UNKNOWN, FileSchema, holds

ACCEPT = "benepass schema accept"
AS_NULL = "--as-null"
OF_COLUMNS = frozenset({"added", "removed", "reappeared", "renamed"})
"""The changes that `columns: freeze` refuses."""

REASONS = {
    "tables: freeze": "is the first of its source",
    "columns: freeze": "has other columns than were accepted",
    "data_type: freeze": "has values that do not fit the types that were accepted",
}
"""What a file is or has that breaks a part of the contract."""

MOST = 20
"""How many changes a message names."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a file may be loaded.

    Attributes:
        file: Its name.
        missing: Required columns that it lacks, and whose absence nobody accepted.
        rules: The parts of the contract that it breaks, such as `columns: freeze`.
        changes: What distinguishes it from what was accepted.
        undeclared: Columns of the file that the catalog does not know.
    """

    file: str
    missing: tuple[str, ...]
    rules: tuple[str, ...]
    changes: Sequence[Change]
    undeclared: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        """Whether nothing stands against a load."""
        return not self.missing and not self.rules

    @property
    def broken(self) -> str:
        """What stands against a load, in a few words."""
        return ", ".join([*(f"{name} is required" for name in self.missing), *self.rules])


def judge(  # noqa: PLR0913 - a file, and what it is held against
    source: Source,
    file: str,
    schema: FileSchema,
    accepted: FileSchema | None,
    changes: Sequence[Change],
    *,
    is_new: bool,
) -> Verdict:
    """Hold a file against its source's contract.

    The changes are those since the schema that was accepted last, where one is known; `is_new` says
    that no file of the source was ever accepted.
    """
    waived = accepted.missing if accepted else ()
    contract = source.schema_contract
    breaks = {
        "tables": is_new,
        "columns": accepted is not None and any(it.kind in OF_COLUMNS for it in changes),
        "data_type": any(_is_of_another_type(it) for it in changes),
    }
    return Verdict(
        file,
        tuple(name for name in schema.missing if name not in waived),
        tuple(
            f"{part}: freeze"
            for part, is_broken in breaks.items()
            if is_broken and getattr(contract, part) == "freeze"
        ),
        changes,
        tuple(name for name in schema.present if name not in source.columns),
    )


def _is_of_another_type(change: Change) -> bool:
    if change.kind not in ("type_changed", "reappeared"):
        return False
    return not holds(change.before or UNKNOWN, change.after or UNKNOWN)


def require_good(source: Source, verdict: Verdict) -> None:
    """Let a file pass, or end its load.

    Raises:
        SourceError: the contract does not allow the file; says why, what has changed, and the
            two ways out.
    """
    if verdict.is_good:
        return
    raise SourceError(
        f"{source.name}: {verdict.file} {'; it '.join(_reasons(verdict))}.\n"
        f"{_as_lines(_what_is_missing(verdict))}{_as_lines(_shown(verdict.changes))}"
        "Nothing was loaded, and what was built before stays as it is. Either fix the file, or "
        f"accept it as it is now{', with NULL for what is missing' if verdict.missing else ''}: "
        f"{consent(source.name, verdict)}",
        reason="; it ".join(_impersonal_reasons(verdict)),
    )


def require_all_columns(source: Source, verdict: Verdict) -> None:
    """Refuse to accept that a required column is missing, where nobody has said so.

    Raises:
        SourceError: one is missing; names each with the column of the file that may be meant.
    """
    if not verdict.missing:
        return
    raise SourceError(
        f"{source.name}: {verdict.file} {_lacks(verdict)}.\n"
        f"{_as_lines(_what_is_missing(verdict))}"
        "Nothing was accepted. A column that has another name is an alias. To load what is "
        f"missing as NULL: {consent(source.name, verdict)}"
    )


def consent(source: str, verdict: Verdict) -> str:
    """The command that accepts a file as it is."""
    return f"{ACCEPT} {source}{f' {AS_NULL}' if verdict.missing else ''}"


def _as_lines(texts: Iterable[str]) -> str:
    return "".join(f"  {text}\n" for text in texts)


def _reasons(verdict: Verdict) -> Iterator[str]:
    if verdict.missing:
        yield _lacks(verdict)
    yield from _broken_rules(verdict)


def _impersonal_reasons(verdict: Verdict) -> Iterator[str]:
    """The reasons without the names that only the file has: its header may be a record."""
    if verdict.missing:
        plural = "s" if len(verdict.missing) > 1 else ""
        yield f"lacks the required column{plural} {', '.join(verdict.missing)}"
    yield from _broken_rules(verdict)


def _broken_rules(verdict: Verdict) -> Iterator[str]:
    for rule in verdict.rules:
        yield f"{REASONS[rule]}, which catalog.yaml forbids ({rule})"


def _lacks(verdict: Verdict) -> str:
    undeclared = [*map(wording.printable, verdict.undeclared)]
    plural = "s" if len(verdict.missing) > 1 else ""
    return (
        f"lacks the required column{plural} {', '.join(verdict.missing)}, and has "
        f"{wording.listed(undeclared)} besides the declared ones"
    )


def _what_is_missing(verdict: Verdict) -> Iterator[str]:
    """Name, for each missing column, the column of the file that may be meant."""
    undeclared = [*map(wording.printable, verdict.undeclared)]
    for name in verdict.missing:
        near = get_close_matches(name, undeclared, 1)
        if near:
            yield f"{name}: is it {near[0]}? Then add that to the aliases of {name} in catalog.yaml"
        else:
            yield f"{name}: no column of the file has a name like it"


def _shown(changes: Sequence[Change]) -> Iterator[str]:
    yield from map(str, changes[:MOST])
    if len(changes) > MOST:
        yield f"and {len(changes) - MOST} more changes"
