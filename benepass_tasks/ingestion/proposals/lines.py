"""Lines of a text file that are no records, though they stand where records do."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from benepass_tasks.catalog.words import folded, words
from benepass_tasks.ingestion.proposals.profile import FileProfile

MOST_WORDS = 4
"""Words that the beginning of a total has at most."""

HALF = 0.5
"""The share of the records that have what a record has."""

FIRST = 3
"""Records that are needed to say that the first is unlike the others."""

_NUMBER_OR_DATE = re.compile(r"[^\w]*[0-9][0-9.,:/ TZ+-]*[^\w]*(?:[A-Z]{3})?")
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Totals:
    """A kind of line that sums up or ends the file.

    Attributes:
        pattern: What finds it, and no record.
        lines: How many there are of those that were read.
    """

    pattern: str
    lines: int


def has_second_header(profile: FileProfile) -> bool:
    """Whether the first record has words, such as units, where all others have numbers or dates."""
    if profile.records < FIRST:
        return False
    unlike = 0
    for column in profile.columns:
        first, *others = column.values
        filled = [it for it in others if it and it.strip()]
        if not filled or not all(map(_NUMBER_OR_DATE.fullmatch, filled)):
            continue
        if first and first.strip() and not any(letter.isdigit() for letter in first):
            unlike += 1
        elif first and first.strip():
            return False
    return unlike > 0


def totals(profile: FileProfile, sep: str) -> list[Totals]:
    """The lines that begin as totals and footers do, and hold less than a record does."""
    texts = [*_lacking(profile, sep), *profile.rejected]
    found: dict[str, int] = {}
    for text in texts:
        beginning = _beginning(text)
        if beginning:
            found[beginning] = found.get(beginning, 0) + 1
    if not found:
        return []
    whole = [sep.join(profile.record(it)) for it in range(profile.records)]
    kept = []
    for beginning, lines in found.items():
        pattern = rf"^\W*{re.escape(beginning)}\b"
        # A merchant may be called so; then the word has to be all of its field.
        for it in (pattern, rf'^\W*{re.escape(beginning)}"?{re.escape(sep)}'):
            if sum(bool(re.search(it, text)) for text in (*whole, *profile.rejected)) == lines:
                kept.append(Totals(it, lines))
                break
    return kept


def _lacking(profile: FileProfile, sep: str) -> Iterator[str]:
    """The records that lack what nearly all others have."""
    usual = [it for it in profile.columns if it.filled >= HALF * profile.records]
    for place in range(profile.records):
        if any(not (it.values[place] or "").strip() for it in usual):
            yield sep.join(profile.record(place))


def _beginning(text: str) -> str | None:
    """The words at the beginning of a line that totals begin with, as they are written."""
    found = list(_WORD.finditer(text))[:MOST_WORDS]
    for number in range(len(found), 0, -1):
        beginning = text[found[0].start() : found[number - 1].end()]
        if folded(beginning) in words().totals:
            return beginning
    return None
