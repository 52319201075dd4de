"""How a message names a value that is wrong, and the right one it may have meant."""

import difflib
import re
import unicodedata
from collections.abc import Collection, Mapping

MASKED = "****"
"""What stands for a personal value; nothing stands for none."""

_LONGEST = 60
_NEAR = 0.6
_SNAKE_CASE = re.compile(r"[a-z_][a-z0-9_]*")


def shown(value: object) -> str:
    """Name a value in a message: collections by their kind, all else as it is, cut if long."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple | set):
        return "a list"
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def printable(text: str, longest: int = _LONGEST) -> str:
    """Show text that may hold anything: control characters are escaped, the rest cut if long."""
    escaped = "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode()
        for sign in text[: longest + 1]
    )
    return escaped if len(escaped) <= longest else f"{escaped[:longest]}..."


def listed(names: Collection[str], most: int = 8) -> str:
    """Join names with commas, saying how many more there are beyond the first few."""
    first = ", ".join(list(names)[:most]) or "none"
    return first if len(names) <= most else f"{first} and {len(names) - most} more"


def nearest(value: object, choices: Collection[str]) -> str | None:
    """Find the choice a value is most likely a misspelling of, whatever its case."""
    lowered = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(str(value).lower(), lowered, n=1, cutoff=_NEAR)
    return lowered[near[0]] if near else None


def meant(suggestion: str | None) -> str:
    """The end of a message that knows, or does not know, what was meant."""
    return f" (did you mean '{suggestion}'?)" if suggestion else ""


def one_of(value: object, choices: Collection[str]) -> str:
    """Say that a value is none of the choices, and which one it may have meant."""
    near = nearest(value, choices) if isinstance(value, str) else None
    message = f"must be one of {', '.join(choices)}"
    return message + (meant(near) or f", not {shown(value)}")


def unknown_key(key: object, allowed: Collection[str]) -> str:
    """Say that a key is not allowed, and which one it may have meant or which there are."""
    if not isinstance(key, str):
        return f"a key must be text, not {shown(key)}: put it in quotes"
    return "unknown key" + (meant(nearest(key, allowed)) or f" (allowed: {', '.join(allowed)})")


def snake_case(name: str) -> str:
    """Write a name the way the warehouse would: lower case, words joined by underscores."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", ascii_name)
    joined = re.sub(r"[^a-z0-9_]+", "_", spaced.lower()).strip("_")
    return f"_{joined}" if joined[:1].isdigit() else joined


def not_snake_case(name: str) -> str | None:
    """Say that a name is not in lower snake case, or nothing if it is."""
    if _SNAKE_CASE.fullmatch(name):
        return None
    return f"a name must be in lower snake case{meant(snake_case(name))}"
