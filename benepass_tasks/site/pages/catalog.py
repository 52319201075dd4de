"""The page Catalog."""

from collections.abc import Iterator

from benepass_tasks.site.page import Page
from benepass_tasks.site.sources import Sources


def pages(sources: Sources) -> Iterator[Page]:
    """The page."""
    yield Page(
        "catalog.html",
        "catalog.html.j2",
        "Catalog",
        "catalog.html",
        values={"as_of": sources.settings.as_of.isoformat()},
    )
