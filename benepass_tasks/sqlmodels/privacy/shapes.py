"""What a value becomes where no key is needed: whoever guesses the value recognises it again."""

import re
from collections.abc import Iterable, Mapping

import duckdb

SHAPES: Mapping[str, str] = {
    "md5": "md5({value})",
    "sha1": "sha1({value})",
    "sha256": "sha256({value})",
    "DuckDB's hash": "hash({value})::varchar",
    "base64": "rtrim(to_base64(encode({value})), '=')",
    "hexadecimal digits": "hex({value})",
    "its letters in reverse": "reverse({value})",
    "the codes of its letters": (
        "array_to_string([ord(letter) for letter in string_split({value}, '')], ' ')"
    ),
}
"""The shapes of a text by name, each as DuckDB computes it."""

CODES = "the codes of its letters"
BETWEEN_CODES = "[^0-9a-z]{1,3}"
"""What stands between the codes of two letters."""


def shaped(
    connection: duckdb.DuckDBPyConnection, values: Iterable[str]
) -> Iterable[tuple[str, ...]]:
    """Each text and its shapes, in the order of `SHAPES`, in lower case.

    Args:
        connection: Computes them.
        values: The texts.
    """
    shapes = ", ".join(f"lower({it.format(value='value')})" for it in SHAPES.values())
    query = f"select value, {shapes} from (select unnest(?::varchar[]) as value)"  # noqa: S608
    rows: list[tuple[str, ...]] = connection.execute(query, [list(values)]).fetchall()
    return rows


def shapes_of(connection: duckdb.DuckDBPyConnection, values: Iterable[str]) -> Mapping[str, str]:
    """An expression of RE2 for each shape, which finds what any of a few texts becomes.

    Args:
        connection: Computes them.
        values: The texts.
    """
    found: dict[str, str] = {}
    for _, *row in shaped(connection, values):
        for name, shape in zip(SHAPES, row, strict=True):
            pattern = shape.replace(" ", BETWEEN_CODES) if name == CODES else re.escape(shape)
            found[name] = f"{found[name]}|{pattern}" if name in found else pattern
    return found
