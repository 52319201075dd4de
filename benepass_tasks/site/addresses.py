"""Where on the pages a dataset and a column are."""

import re
from urllib.parse import quote

FRAME = frozenset({"main"})
"""The ids of what stands on all pages, of those that could be the name of a column."""


def page_of(dataset: str) -> str:
    """The page of a dataset in the catalog."""
    return f"catalog/{dataset}.html"


def anchor_of(column: str) -> str:
    """The id of a column on the page of its dataset: its name, if that can be one there."""
    if re.fullmatch(r"\w+", column, re.ASCII) and column not in FRAME:
        return column
    return f"column-{quote(column, safe='').replace('%', ':')}"


def lineage_of(name: str) -> str:
    """The lineage of a dataset or, as `dataset.column`, of a column."""
    return f"lineage.html#{quote(name, safe='')}"
