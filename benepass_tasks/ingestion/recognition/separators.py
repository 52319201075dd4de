"""How a text is divided into lines and fields, by the evidence of its beginning."""

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from typing import Final

SEPARATORS: Final = {
    ",": "comma",
    ";": "semicolon",
    "\t": "tab",
    "|": "bar",
    "^": "caret",
    "~": "tilde",
    "\x1f": "unit separator",
    "\x01": "control-A",
}
"""What fields may be separated by, with its name."""

RECORDS: Final = 500
"""How many records are looked at."""

_SEP_LINE = re.compile(r"sep=(.)\r?\n?", re.IGNORECASE)
_GAP = re.compile(r" {2,}")
_SINGLE_QUOTED = re.compile(r"'[^']*'")


@dataclass(frozen=True, slots=True)
class Division:
    """How a text is divided.

    Attributes:
        sep: What separates fields; None where every line is one field.
        fields: How many fields most records have.
        records: How many records of those looked at have so many, and how many were looked at.
        title_lines: The physical lines above the header.
        has_sep_line: Whether the first line names the separator, as Excel reads it: `sep=;`.
        has_lone_returns: Whether lines end with nothing but a carriage return.
        has_spaces_before_quotes: Whether fields that are quoted begin with a space: `, "a"`.
        is_single_quoted: Whether fields are quoted with `'`.
        is_whole_line_quoted: Whether each line is one quoted field that holds a whole record.
        is_fixed_width: Whether fields are told apart by their places in the line.
    """

    sep: str | None
    fields: int
    records: tuple[int, int]
    title_lines: int = 0
    has_sep_line: bool = False
    has_lone_returns: bool = False
    has_spaces_before_quotes: bool = False
    is_single_quoted: bool = False
    is_whole_line_quoted: bool = False
    is_fixed_width: bool = False


@dataclass(frozen=True, slots=True)
class _Record:
    line: int
    fields: list[str]

    @property
    def filled(self) -> int:
        return sum(bool(field.strip()) for field in self.fields)

    @property
    def is_of_names(self) -> bool:
        """Whether every field holds something that is not a number, and no two the same."""
        names = [it.strip() for it in self.fields]
        is_named = all(names) and len(set(names)) == len(names)
        return is_named and not any(letter.isdigit() for letter in "".join(names))


def divide(text: str) -> Division:
    """Tell how a text is divided; its last line may be cut off and is then not counted."""
    returns = text.count("\r") - text.count("\r\n")
    has_lone_returns = returns > text.count("\n")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    first = _SEP_LINE.fullmatch(text.partition("\n")[0])
    quote = _quote(text)
    spaced = {sep for sep in SEPARATORS if _is_spaced(text, sep, quote)}
    read = {sep: _records(text, sep, quote, is_spaced=sep in spaced) for sep in SEPARATORS}
    sep = max(SEPARATORS, key=lambda it: _score(read[it]))
    if first and first[1] in SEPARATORS and _score(read[first[1]]) > 0:
        sep = first[1]
    records = read[sep][bool(first) :]
    if _score(records) <= 0:
        return Division(
            None,
            1,
            (len(records), len(records)),
            has_lone_returns=has_lone_returns,
            is_whole_line_quoted=_is_whole_line_quoted(text),
            is_fixed_width=_is_fixed_width(text),
        )
    fields, count = _usual(records)
    return Division(
        sep,
        fields,
        (count, len(records)),
        _title_lines(records, fields) - bool(first),
        has_sep_line=first is not None,
        has_lone_returns=has_lone_returns,
        has_spaces_before_quotes=sep in spaced,
        is_single_quoted=quote == "'",
    )


def _records(text: str, sep: str, quote: str, *, is_spaced: bool) -> list[_Record]:
    """The first records that are not blank, each with the physical line before it.

    The last is left out where its line may be cut off, if it is not all there is.
    """
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=sep,
        quotechar=quote,
        skipinitialspace=is_spaced,
    )
    records: list[_Record] = []
    before = 0
    try:
        for fields in reader:
            if fields:
                records.append(_Record(before, fields))
            before = reader.line_num
            if len(records) > RECORDS:
                break
    except csv.Error:
        # A field longer than the module reads, after a quote that nothing closes.
        pass
    return records[:-1] if len(records) > 1 and not text.endswith("\n") else records


def _usual(records: list[_Record]) -> tuple[int, int]:
    """How many fields most records have, and how many these are."""
    counts = Counter(len(record.fields) for record in records)
    return max(counts.items(), key=lambda it: (it[1], it[0]), default=(0, 0))


def _score(records: list[_Record]) -> float:
    """How well a separator divides: many fields, and as many in every record; 0 for not at all."""
    fields, count = _usual(records)
    return (count / len(records)) ** 2 * (fields - 1) if records else 0


def _title_lines(records: list[_Record], fields: int) -> int:
    """The lines above the first record of which most fields hold something.

    A shorter one, such as the names and dates of an export, is a title where the first record of
    full width has a name in every field.
    """
    first = next((it for it in records if _is_mostly_filled(it, fields)), None)
    full = next((it for it in records if len(it.fields) == fields), None)
    if first and full and len(first.fields) < fields and full.is_of_names:
        return full.line
    return first.line if first else 0


def _is_mostly_filled(record: _Record, fields: int) -> bool:
    return record.filled * 2 > fields or (record.filled > 1 and record.filled * 2 == fields)


def _is_spaced(text: str, sep: str, quote: str) -> bool:
    """Whether most lines have a quoted field after a separator and a space."""
    lines = [line for line in text.split("\n")[:RECORDS] if line]
    return sum(f"{sep} {quote}" in line for line in lines) * 2 > len(lines)


def _quote(text: str) -> str:
    singles = len(_SINGLE_QUOTED.findall(text[:20_000]))
    return "'" if singles > text[:20_000].count("\n") and '"' not in text else '"'


def _is_whole_line_quoted(text: str) -> bool:
    lines = [line for line in text.split("\n")[:RECORDS] if line]
    quoted = [line[1:-1] for line in lines if len(line) > 1 and line[0] == line[-1] == '"']
    return len(lines) > 1 and len(quoted) == len(lines) and all("," in line for line in quoted)


def _is_fixed_width(text: str) -> bool:
    """Whether most lines have gaps, and the columns after them begin at the same places."""
    lines = [line for line in text.split("\n")[:RECORDS] if line.strip()]
    places = Counter(gap.end() for line in lines for gap in _GAP.finditer(line.rstrip()))
    return len(lines) > 2 and any(count > 0.8 * len(lines) for count in places.values())  # noqa: PLR2004
