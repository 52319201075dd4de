r"""Regular expressions: from RE2, which DuckDB has, to what means the same in Java's and in Rust's.

Those two differ from RE2, and from each other, in what `$`, `.`, `\s`, `\d` and the classes of
Unicode stand for, and in what brackets may hold. So nothing of the kind is left: each class is
written as ranges of code points, each end as the very end.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

Range = tuple[int, int]

WHITE = ((9, 10), (12, 13), (32, 32))
DIGIT = ((48, 57),)
WORD = ((48, 57), (65, 90), (95, 95), (97, 122))
NO_LINE_END = ((10, 10),)
SEPARATOR = (
    (0x20, 0x20), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029),
    (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000),
)  # fmt: skip
OTHER = (
    (0x0, 0x1F), (0x7F, 0x9F), (0xAD, 0xAD), (0x600, 0x605), (0x61C, 0x61C), (0x6DD, 0x6DD),
    (0x70F, 0x70F), (0x890, 0x891), (0x8E2, 0x8E2), (0x180E, 0x180E), (0x200B, 0x200F),
    (0x202A, 0x202E), (0x2060, 0x2064), (0x2066, 0x206F), (0xE000, 0xF8FF), (0xFEFF, 0xFEFF),
    (0xFFF9, 0xFFFB), (0x110BD, 0x110BD), (0x110CD, 0x110CD), (0x13430, 0x1343F),
    (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0001, 0xE0001), (0xE0020, 0xE007F),
    (0xF0000, 0xFFFFD), (0x100000, 0x10FFFD),
)  # fmt: skip
"""What RE2 counts to `\\p{C}`; Java and Rust count code points to it that stand for nothing yet."""

CLASSES: Mapping[str, tuple[Range, ...]] = {
    "\\s": WHITE, "\\d": DIGIT, "\\w": WORD, "\\p{Z}": SEPARATOR, "\\p{C}": OTHER,
}  # fmt: skip
ESCAPES = {"\\t": 9, "\\n": 10, "\\f": 12, "\\r": 13}
LAST = 0x10FFFF

PIECE = re.compile(
    r"""
      (?P<named> \\[sdwSDW] | \\[pP]\{[A-Za-z]+\} )
    | (?P<point> \\x\{[0-9A-Fa-f]{1,6}\} | \\x[0-9A-Fa-f]{2} | \\[tnfr] )
    | (?P<literal> \\[^A-Za-z0-9] )
    | (?P<times> [*+?]\?? | \{[0-9]+(?:,[0-9]*)?\}\?? )
    | (?P<group> \(\?: | \((?!\?) | \) | \| )
    | (?P<start> \^ ) | (?P<end> \$ ) | (?P<any> \. ) | (?P<set> \[ )
    | (?P<plain> [^\\()\[{}*+?|^$.] )
    """,
    re.VERBOSE | re.DOTALL,
)


class UnknownPatternError(Exception):
    """A regular expression has something of which it is not known what it means elsewhere."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a regular expression: where it stands, what it is, and its text."""

    start: int
    kind: str
    text: str


def translated(pattern: str, *, is_whole: bool = False) -> str:
    """A regular expression as Java's and Rust's take it.

    Args:
        pattern: That of RE2.
        is_whole: Whether it has to match a text as a whole.

    Raises:
        UnknownPatternError: it has something that is not known to mean the same.
    """
    text = "".join(_translated_pieces(pattern))
    return rf"\A(?:{text})\z" if is_whole else text


def is_once(pattern: str) -> bool:
    """Whether it can match once in a text at most: at the start, or with something at the end."""
    pieces = list(_pieces(pattern))
    depth = 0
    for piece in pieces:
        depth += (piece.text.startswith("(")) - (piece.text == ")")
        if piece.kind == "group" and piece.text == "|" and not depth:
            return False
    if not pieces:
        return False
    return pieces[0].kind == "start" or (pieces[-1].kind == "end" and not matches_nothing(pattern))


def matches_nothing(pattern: str) -> bool:
    """Whether it matches an empty text."""
    return re.search(for_python(translated(pattern)), "") is not None


def for_python(pattern: str) -> str:
    """A regular expression of RE2's, or as it is written for Spark, as Python takes it."""
    points = re.sub(r"\\x\{([0-9A-Fa-f]+)\}", lambda it: f"\\U{it[1]:0>8}", pattern)
    return points.replace(r"\z", r"\Z")


def _translated_pieces(pattern: str) -> Iterator[str]:
    for piece in _pieces(pattern):
        yield TRANSLATED[piece.kind](piece.text)


def _pieces(pattern: str) -> Iterator[Piece]:
    place = 0
    while place < len(pattern):
        found = PIECE.match(pattern, place)
        if found is None or found.lastgroup is None:
            raise UnknownPatternError(f"{pattern[place : place + 3]} in a regular expression")
        end = _end_of_set(pattern, place) if found.lastgroup == "set" else found.end()
        yield Piece(place, found.lastgroup, pattern[place:end])
        place = end


def _end_of_set(pattern: str, start: int) -> int:
    """Where a set of brackets ends: a bracket at its start is one of its characters."""
    place = start + (2 if pattern.startswith("[^", start) else 1)
    place += pattern.startswith("]", place)
    while not pattern.startswith("]", place):
        if place >= len(pattern):
            raise UnknownPatternError("a [ without its ] in a regular expression")
        place += 2 if pattern[place] == "\\" else 1
    return place + 1


MEMBER = re.compile(
    r"(?P<named>\\[sdw]|\\p\{[A-Za-z]+\})"
    r"|(?P<point>\\x\{[0-9A-Fa-f]{1,6}\}|\\x[0-9A-Fa-f]{2}|\\[tnfr]|\\[^A-Za-z0-9]|[^\\])"
    r"(?:-(?P<last>\\x\{[0-9A-Fa-f]{1,6}\}|\\x[0-9A-Fa-f]{2}|\\[tnfr]|\\[^A-Za-z0-9]|[^\\]))?",
    re.DOTALL,
)


def _set(text: str) -> str:
    inside = text[1:-1]
    is_negated = inside.startswith("^")
    return _ranges(_members(inside[is_negated:]), is_negated=is_negated)


def _members(inside: str) -> Iterator[Range]:
    place = 0
    while place < len(inside):
        found = MEMBER.match(inside, place)
        if found is None or inside.startswith("[:", place):
            raise UnknownPatternError(f"{inside[place : place + 3]} in brackets")
        if found["named"]:
            yield from _named_ranges(found["named"])
        else:
            first = _point(found["point"])
            yield first, _point(found["last"]) if found["last"] else first
        place = found.end()


def _named(text: str) -> str:
    is_negated = text[1].isupper()
    return _ranges(_named_ranges(text[0] + text[1].lower() + text[2:]), is_negated=is_negated)


def _named_ranges(name: str) -> tuple[Range, ...]:
    if name not in CLASSES:
        raise UnknownPatternError(f"{name} in a regular expression")
    return CLASSES[name]


def _point(text: str) -> int:
    if text in ESCAPES:
        return ESCAPES[text]
    if text.startswith("\\x"):
        return int(text[2:].strip("{}"), 16)
    return ord(text[-1])


def _ranges(ranges: Iterable[Range], *, is_negated: bool = False) -> str:
    inside = "".join(
        _escaped(first) if first == last else f"{_escaped(first)}-{_escaped(last)}"
        for first, last in ranges
    )
    return f"[{'^' if is_negated else ''}{inside}]"


def _escaped(point: int) -> str:
    character = chr(point)
    is_plain = character.isascii() and character.isalnum()
    return character if is_plain else f"\\x{{{point:X}}}"


TRANSLATED: Mapping[str, Callable[[str], str]] = {
    "named": _named,
    "point": lambda text: _escaped(_point(text)),
    "literal": lambda text: _escaped(ord(text[1])),
    "plain": lambda text: _escaped(ord(text)),
    "times": str,
    "group": str,
    "start": lambda _: r"\A",
    "end": lambda _: r"\z",
    "any": lambda _: _ranges(NO_LINE_END, is_negated=True),
    "set": _set,
}
"""How each kind of piece is written."""
