"""The page Data quality."""

from collections.abc import Iterator

from benepass_tasks.site.page import Page
from benepass_tasks.site.sources import Sources


def pages(sources: Sources) -> Iterator[Page]:
    """The page."""
    yield Page(
        "quality.html",
        "quality.html.j2",
        "Data quality",
        "quality.html",
        values={"as_of": sources.settings.as_of.isoformat()},
    )
