"""What DuckDB has against the SQL of a file, in its own words, with the line and the nearest name.

It quotes no data where it is asked about tables without rows.
"""

import re
from pathlib import Path

from benepass_tasks.catalog import wording

NEAR = re.compile(r'(?:Candidate [a-z]+:[ :]*|Did you mean )"([^"]+)"', re.IGNORECASE)
LINE = re.compile(r"^LINE (\d+):", re.MULTILINE)
NAMED = re.compile(r"""["'](\w+)["']|\bwith name (\w+)""")


def refusal(path: Path, sql: str, said: str, *, ahead: int = 0) -> str:
    """What is wrong with a file.

    Args:
        path: The file.
        sql: Its text.
        said: DuckDB's message.
        ahead: How many lines stood before that text in what DuckDB was given.
    """
    place = LINE.search(said)
    line = int(place[1]) - ahead if place else _line_of_the_name(sql, said)
    near = NEAR.search(said)
    where = f"{path}:{line or ''}"
    meant = wording.meant(near[1] if near else None)
    return f"{where} DuckDB refuses the SQL: {_first_line(said)}{meant}"


def _first_line(said: str) -> str:
    return said.strip().splitlines()[0]


def _line_of_the_name(sql: str, said: str) -> int | None:
    """The line of a name in DuckDB's message, where it stands on that line alone."""
    lines = sql.splitlines()
    for quoted, named in NAMED.findall(_first_line(said)):
        word = re.compile(rf"\b{quoted or named}\b", re.IGNORECASE)
        found = [number for number, line in enumerate(lines, start=1) if word.search(line)]
        if len(found) == 1:
            return found[0]
    return None
