"""What is said of SQL that has no counterpart in Spark."""

from collections.abc import Iterator

from sqlglot import exp

from benepass_tasks.config.errors import ModelError

FILE = "file"
"""The note on a node of the file that it was written in."""


class RefusedError(Exception):
    """A construct means something else in Spark.

    Attributes:
        node: Where it is.
    """

    def __init__(self, node: exp.Expr, message: str) -> None:
        """Keep what it is and what to write instead."""
        super().__init__(message)
        self.node = node

    def for_people(self) -> ModelError:
        """The error that names the file and the line."""
        files = (it.meta[FILE] for it in _around(self.node) if FILE in it.meta)
        lines = (it.meta["line"] for it in _around(self.node) if "line" in it.meta)
        return ModelError(f"{next(files)}:{next(lines, 1)} cannot run on Spark: {self}")


def _around(node: exp.Expr) -> Iterator[exp.Expr]:
    """A node, what is in it, and then what it is in: not all of them know where they stand."""
    place: exp.Expr | None = node
    while place is not None:
        yield from place.walk()
        place = place.parent


def shown(node: exp.Expr) -> str:
    """A construct as the file has it, on one line."""
    text = node.sql(dialect="duckdb", normalize_functions="lower")
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


LONGEST = 60
"""Letters of a construct that are shown."""
