"""Lines of change events, written anew with other values in their rows.

What a row was before a change is never read, and may be of somebody else, so it is taken out.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from benepass_tasks.catalog.events import HEADER, OP, POSITION
from benepass_tasks.ingestion.people.text_files import end_of
from benepass_tasks.ingestion.readers.debezium import Decoder, opened
from benepass_tasks.ingestion.readers.json_lines import (
    NoRecordError,
    UnusableError,
    json_text,
    object_of,
)

Texts = Mapping[str, str | None]


def with_values(line: str, old: Texts, new: Texts) -> str | None:
    """An event with other values in its row.

    Args:
        line: The line, which may be any.
        old: What the record says that is looked for, by the keys of the reader's header.
        new: What it is to say.

    Returns:
        The line; None where it is not that of the record.
    """
    said = _object(line)
    try:
        event = Decoder().decode(said)
    except (NoRecordError, UnusableError):
        return None
    found = {HEADER[OP]: event.op, HEADER[POSITION]: event.position} | dict(event.row)
    if any(old.get(key) != value for key, value in found.items()):
        return None
    payload = _payload(said)
    row = payload.get("before" if event.op == "d" else "after")
    row = row if isinstance(row, dict) and "op" in payload else payload
    row |= {key: new.get(key) for key in event.row if new.get(key) != old.get(key)}
    return _written(line, said)


def earlier_of(line: str) -> str:
    """What a line has of its row before a change, and the statement that made it, as text."""
    return "\n".join(json_text(it[key]) for it, key in _earlier(_payload(_object(line))))


def without_earlier(line: str) -> str:
    """The line without these."""
    said = _object(line)
    found = [*_earlier(_payload(said))]
    for holder, key in found:
        holder[key] = None
    return _written(line, said) if found else line


def _earlier(payload: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Where these stand, as an object and a key of it."""
    if payload.get("op") in ("c", "u", "r") and payload.get("before") is not None:
        yield payload, "before"
    source = payload.get("source")
    if isinstance(source, dict) and source.get("query") is not None:
        yield source, "query"


def _object(line: str) -> object:
    try:
        return object_of(line.encode(errors="surrogateescape"))
    except UnusableError:
        return None


def _payload(said: object) -> dict[str, Any]:
    _, payload = opened(said)
    return payload if isinstance(payload, dict) else {}


def _written(line: str, said: object) -> str:
    text = json_text(said)
    if line.isascii():
        text = re.sub(r"[^\x00-\x7f]", lambda it: json.dumps(it[0])[1:-1], text)
    return text + end_of(line)
