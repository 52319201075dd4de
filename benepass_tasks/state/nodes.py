"""The kinds of nodes, which their records hold."""

from typing import Final, Literal, TypeAlias

Kind: TypeAlias = Literal[
    "extract",
    "source file",
    "relation",
    "reconciliation",
    "data tests",
    "tests of a table",
    "publication",
    "published file",
    "site",
    "page",
]

TESTING: Final[tuple[Kind, ...]] = ("data tests", "tests of a table")
"""The kinds whose records say that tests passed."""


def tests_of(relation: str) -> str:
    """What the tests of a table are called among the nodes."""
    return f"contracts/{relation}"
