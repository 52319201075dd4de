"""Where on the pages a dataset and a column are."""

FRAME = frozenset({"main"})
"""The ids of what stands on all pages, of those that could be the name of a column."""


def page_of(dataset: str) -> str:
    """The page of a dataset in the catalog."""
    return f"catalog/{dataset}.html"


def anchor_of(column: str) -> str:
    """The id of a column on the page of its dataset; its name, unless the frame has that id."""
    return f"column-{column}" if column in FRAME else column


def lineage_of(name: str) -> str:
    """The lineage of a dataset or, as `dataset.column`, of a column."""
    return f"lineage.html#{name}"
