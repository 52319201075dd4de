"""Building the site: all pages from one look at the data, then each file in its place."""

import csv
import io
import time
from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
from sqlalchemy.exc import DBAPIError

from benepass_tasks.catalog import Catalog
from benepass_tasks.config.errors import SiteError
from benepass_tasks.config.project import Project
from benepass_tasks.config.settings import Settings
from benepass_tasks.engine.failures import explain
from benepass_tasks.engine.measure import Measure
from benepass_tasks.engine.nodes import SITE
from benepass_tasks.engine.session import Warehouse
from benepass_tasks.publish.spreadsheet import harmless
from benepass_tasks.site import folder as site_folder
from benepass_tasks.site import vega
from benepass_tasks.site.code_version import PACKAGE
from benepass_tasks.site.ending import tell_anew
from benepass_tasks.site.extra import require
from benepass_tasks.site.page import Download, Page
from benepass_tasks.site.sources import Sources, opened
from benepass_tasks.sqlmodels import ModelGraph
from benepass_tasks.state.history.materializations import record_built
from benepass_tasks.state.markers import Materialization, write_materialization
from benepass_tasks.state.plan import Status

FIRST_PAGE = "index.html"

EXTRA = ("altair", "jinja2", "pygments")
"""What must be there before there is any work, beside what makes the script of the charts."""


@dataclass(frozen=True, slots=True)
class Blueprint:
    """The project that the pages are about."""

    project: Project
    catalog: Catalog
    graph: ModelGraph


def build_site(
    warehouse: Warehouse, settings: Settings, blueprint: Blueprint, status: Status
) -> str:
    """Write the pages, put them in their places and vouch for them.

    Args:
        warehouse: Where the history is, and where the record goes.
        settings: Those of the run; they name what is published and the site's folder.
        blueprint: The project.
        status: That of the site.

    Returns:
        What to say about it.

    Raises:
        SiteError: what is published is not up to date or cannot be read, a package of the extra
            is missing, or the folder is somebody else's or cannot be written.
    """
    if status.fingerprint is None:
        raise SiteError("the site cannot be built: what it shows is not up to date; run again")
    started = time.perf_counter()
    with vega.bundling(settings.site_dir) as bundle:
        for package in EXTRA:
            require(package)
        files = _files(warehouse, settings, blueprint) | bundle()
    kept = (vega.bundle_name(),)
    site_folder.take(settings.site_dir, kept)
    site_folder.place(settings.site_dir, files, kept)
    measure = Measure(None, site_folder.files_of_site(settings.site_dir))
    record = Materialization.of_this_run(
        SITE, status.code_version, status.fingerprint, measure, started
    )
    with warehouse.write() as connection:
        write_materialization(connection, record)
        record_built(connection, record, status.reason)
    tell_anew(warehouse, settings)
    pages = sum(name.endswith(".html") for name in files)
    return f"The site: {pages} pages, open {settings.site_dir / FIRST_PAGE}"


def _files(warehouse: Warehouse, settings: Settings, blueprint: Blueprint) -> dict[str, bytes]:
    try:
        with opened(
            warehouse, settings, blueprint.project, blueprint.catalog, blueprint.graph
        ) as sources:
            pages = list(_pages(sources))
    except (DBAPIError, duckdb.Error) as error:
        # Without the cause: its text may quote a value of the data.
        raise SiteError(f"the site cannot be built: {explain(error)}") from None
    from benepass_tasks.site.rendering import render, search_index  # noqa: PLC0415 - imports Jinja

    files = {f"assets/{path.name}": path.read_bytes() for path in (PACKAGE / "assets").iterdir()}
    files["search.js"] = search_index(blueprint.catalog)
    for page in pages:
        files[page.path] = render(page, vega.bundle_name())
        files.update((download.path, _csv(download)) for download in page.downloads)
    return files


def _pages(sources: Sources) -> Iterator[Page]:
    from benepass_tasks.site.pages import (  # noqa: PLC0415 - imports Altair
        catalog,
        employees,
        lineage,
        overview,
        quality,
        runs,
    )

    for maker in (overview, employees, quality, catalog, lineage, runs):
        yield from maker.pages(sources)


def _csv(download: Download) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([field.label for field in download.fields])
    for row in download.rows:
        values = (row[field.key] for field in download.fields)
        writer.writerow([harmless("" if value is None else str(value)) for value in values])
    return text.getvalue().encode()
