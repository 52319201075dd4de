"""The page Lineage."""

from collections.abc import Iterator

from benepass_tasks.site.page import Page
from benepass_tasks.site.sources import Sources


def pages(sources: Sources) -> Iterator[Page]:
    """The page."""
    yield Page(
        "lineage.html",
        "lineage.html.j2",
        "Lineage",
        "lineage.html",
        values={"as_of": sources.settings.as_of.isoformat()},
    )
