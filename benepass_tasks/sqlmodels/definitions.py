"""What is known of a SQL file once it has been read."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Macro:
    """A scalar macro: its name, its whole statement, and what that reads."""

    name: str
    path: Path
    sql: str
    code_version: str
    macros: frozenset[str]
    variables: frozenset[str]


@dataclass(frozen=True, slots=True)
class Model:
    """A table's or view's SELECT; `references` are the relations it reads, sorted.

    The path of one that is generated is that of the catalog.
    """

    relation: str
    path: Path
    sql: str
    code_version: str
    references: tuple[str, ...]
    macros: frozenset[str]
    variables: frozenset[str]

    @property
    def is_generated(self) -> bool:
        """Whether the SQL follows from the catalog, and stands in no file."""
        return self.path.suffix != ".sql"
