"""Building the site: all pages from one look at the data, then each file in its place."""

from collections.abc import Collection, Iterator

import duckdb
from sqlalchemy.exc import DBAPIError

from benepass_tasks.config.errors import SiteError
from benepass_tasks.engine.failures import explain
from benepass_tasks.site import folder as site_folder
from benepass_tasks.site import vega
from benepass_tasks.site.code_version import PACKAGE
from benepass_tasks.site.extra import require
from benepass_tasks.site.page import Page
from benepass_tasks.site.sources import Sources, opened
from benepass_tasks.state.publication import publication_of_site
from benepass_tasks.state.run import Run

EXTRA = ("jinja2", "markdown_it", "pygments")
"""What must be there before there is any work, beside what makes the script of the charts."""


def build_site(run: Run, current: Collection[str] = (), past: Collection[str] = ()) -> int:
    """Write the pages and put them in their places.

    Args:
        run: Its settings name what is published and the site's folder; its warehouse has the
            history.
        current: The files of the project's own pages that are as they should be.
        past: The files of pages that the project had.

    Returns:
        The number of pages.

    Raises:
        ProjectError: a page of the project is wrong; all that is, one problem a line.
        SiteError: what is published cannot be read, a package of the extra is missing, or the
            folder is somebody else's or cannot be written.
    """
    settings = run.settings
    with vega.bundling(settings.site_dir) as bundle:
        for package in EXTRA:
            require(package)
        files = _files(run, current) | bundle()
    script = vega.bundle_name()
    ours = [f"{path.stem}.html" for path in run.definitions.project.page_files()]
    site_folder.take(settings.site_dir, ours, [script])
    access = publication_of_site(settings, run.definitions.catalog).audience.access
    site_folder.place(settings.site_dir, files, [script, *current], past, access)
    return sum(name.endswith(".html") for name in {*files, *current})


def _files(run: Run, current: Collection[str]) -> dict[str, bytes]:
    from benepass_tasks.site.authored.database import pages_database, told  # noqa: PLC0415 - DuckDB
    from benepass_tasks.site.authored.history import read_history  # noqa: PLC0415 - DuckDB
    from benepass_tasks.site.authored.making import make_page  # noqa: PLC0415 - imports Jinja
    from benepass_tasks.site.authored.pages import read_pages, refuse_broken  # noqa: PLC0415

    own = read_pages(run.definitions, run.settings)
    refuse_broken(own)
    try:
        with opened(run, own) as sources:
            pages = [*_pages(sources)]
            history = read_history(sources.connection, sources.definitions.catalog)
        shown = publication_of_site(run.settings, run.definitions.catalog)
        with pages_database(run.settings, shown, history) as connection:
            stale = (it for it in own if it.file not in current)
            pages += [make_page(connection, it, told(run.settings, shown)) for it in stale]
    except (DBAPIError, duckdb.Error) as error:
        # Without the cause: its text may quote a value of the data.
        raise SiteError(f"the site cannot be built: {explain(error)}") from None
    from benepass_tasks.site.rendering import navigation_of, render, search_index  # noqa: PLC0415 - imports Jinja

    files = {f"assets/{path.name}": path.read_bytes() for path in (PACKAGE / "assets").iterdir()}
    files["search.js"] = search_index(run.definitions.catalog)
    navigation = navigation_of(own)
    for page in pages:
        files[page.path] = render(page, vega.bundle_name(), navigation, run.settings.env)
    return files


def _pages(sources: Sources) -> Iterator[Page]:
    from benepass_tasks.site.pages import (  # noqa: PLC0415 - imports Jinja
        catalog,
        lineage,
        runs,
    )

    for maker in (catalog, lineage, runs):
        yield from maker.pages(sources)
