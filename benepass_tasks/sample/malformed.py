"""The records of `transactions.csv` that no parser can make a row of, each on a line of its own."""

MALFORMED: tuple[bytes, ...] = (
    b"E0001,Iron Heron Gym,24.10,2025-02-03T09:15:00Z",
    b"E0002,BA00001,Plum Crate,18.40,2025-05-16T12:05:30Z,groceries,paid twice?",
    b"E0003,BA00002,Caf\xff\xfe Lumen,9.75,2025-07-08T08:41:12Z,food",
    b"E0004,BA00003",
    b'E0005,BA00004,"Green Fork Inc.,31.20,2025-10-21T13:20:00Z,food',
)
"""Too few columns, too many, bytes that are no UTF-8, too few again, a quote that never closes."""

_FIRST_LINE = 700
_LINES_BETWEEN = 800
# Lines without any quote that follow the quote that never closes.
_QUIET_LINES = 2


def insert_malformed(content: bytes, rows: int) -> bytes:
    """Insert the malformed records between the lines of a CSV file.

    Args:
        content: The file, header first.
        rows: How many transaction identifiers are taken.

    Returns:
        The file with the malformed records.
    """
    # Not splitlines(): it would cut at a carriage return or a form feed as well.
    lines = [line + b"\n" for line in content.split(b"\n")[:-1]]
    for number, rest in enumerate(MALFORMED):
        place = _place(lines, _FIRST_LINE + number * _LINES_BETWEEN, quote=b'"' in rest)
        lines.insert(place, b"T%07d," % (rows + number + 1) + rest + b"\n")
    return b"".join(lines)


def _place(lines: list[bytes], first: int, *, quote: bool) -> int:
    """Find where a line can be inserted without cutting a record that spans two lines.

    A quote that never closes runs to the next quote of the file. That has to open a quoted
    merchant a few lines on: the text behind it then shows that the quoting is broken.
    """
    place = first
    while not (_starts_record(lines[place]) and (not quote or _meets_quote(lines, place))):
        place += 1
    return place


def _starts_record(line: bytes) -> bool:
    return line.startswith(b"T")


def _meets_quote(lines: list[bytes], place: int) -> bool:
    quiet = lines[place : place + _QUIET_LINES]
    after = lines[place + _QUIET_LINES]
    return not any(b'"' in line for line in quiet) and b',"' in after and _starts_record(after)
