"""The pages over HTTP while they are edited: each as its file is at the moment."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from sqlalchemy.exc import DBAPIError

from benepass_tasks.config.digests import digest
from benepass_tasks.config.errors import BenepassError, SiteError
from benepass_tasks.engine.failures import explain
from benepass_tasks.site import vega
from benepass_tasks.site.authored.database import database_of, pages_database, told
from benepass_tasks.site.authored.history import read_history
from benepass_tasks.site.authored.making import make_page
from benepass_tasks.site.authored.pages import reading_pages
from benepass_tasks.site.page import Page
from benepass_tasks.site.rendering import navigation_of, render
from benepass_tasks.site.serving import FIRST_PAGE, Content, SiteServer
from benepass_tasks.state.ownership import refuse_other_environment
from benepass_tasks.state.publication import DATABASE, folders_of, publication_of_site
from benepass_tasks.state.run import Run

if TYPE_CHECKING:
    from benepass_tasks.catalog import Catalog
    from benepass_tasks.site.authored.reading import PageFile

WATCH = "watch.js"
"""A script that asks for `CHANGED` again and again."""

CHANGED = "changed.js"
"""A script that is there once a page has changed, and loads it again, or is empty after a while."""

PATIENCE = 20.0
"""Seconds after which a browser is told that nothing has changed."""

STEP = 0.1
"""Seconds between two looks at the files."""

WATCHING = f"""\
{{
  const {{ state }} = document.currentScript.dataset;
  const asking = () => ({{ src: `/{CHANGED}?${{state}}`, onload: ask }});
  const ask = () => document.head.append(Object.assign(document.createElement("script"), asking()));
  // Not before: a page that waits for a script is not loaded.
  window.addEventListener("load", ask);
}}
"""

State = Sequence[tuple[str, int, int]]


class PagesServer(SiteServer):
    """A server of a site's folder in which the project's own pages are those of its files now."""

    def __init__(self, new_run: Callable[[], Run], port: int) -> None:
        """Take the port.

        Args:
            new_run: Asks for the settings and the project anew.
            port: The port of 127.0.0.1; 0 takes any that is free.

        Raises:
            OwnershipError: the warehouse or a folder is another environment's.
            ProjectError: there is no project.
            SiteError: the site was not built yet, or the port cannot be had.
        """
        run = new_run()
        settings = run.settings
        catalog = run.definitions.catalog
        refuse_other_environment(settings, folders_of(settings, catalog).values())
        if run.warehouse.exists():
            run.known()
        self._new_run = new_run
        self._project = run.definitions.project
        shown = publication_of_site(settings, catalog)
        self._published = database_of(shown)
        self._turn = Lock()
        self._made: dict[str, tuple[State, bytes]] = {}
        self._catalog: Catalog | None = None
        self._read: dict[tuple[Path, str], PageFile] = {}
        if not self._published.is_file():
            raise SiteError(
                f"nothing is published in {shown.folder}: run `benepass run`, which "
                "makes what the pages show"
            )
        super().__init__(settings.site_dir, port)

    def made(self, target: str) -> Content | None:
        """A page of the project, or the word that one has changed."""
        asked = urlsplit(target)
        name = unquote(asked.path).removeprefix("/") or FIRST_PAGE
        if name == WATCH:
            return Content(".js", WATCHING.encode())
        if name == CHANGED:
            return Content(".js", self._wait(asked.query).encode())
        path = Path("pages") / f"{name.removesuffix('.html')}.md"
        if not name.endswith(".html") or path not in self._project.page_files():
            return None
        state = self._state()
        with self._turn:
            if name not in self._made or self._made[name][0] != state:
                self._made[name] = state, self._page(name)
            tag = f'<script defer src="/{WATCH}" data-state="{_digest(state)}"></script>\n</head>'
            return Content(".html", self._made[name][1].replace(b"</head>", tag.encode(), 1))

    def _state(self) -> State:
        file = self._published.stat()
        return (*self._project.state, (DATABASE, file.st_size, file.st_mtime_ns))

    def _wait(self, before: str) -> str:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if _digest(self._state()) != before:
                return "location.reload();\n"
            time.sleep(STEP)
        return ""

    def _page(self, name: str) -> bytes:
        try:
            return self._rendered(name)
        except (BenepassError, DBAPIError) as error:
            why = str(error) if isinstance(error, BenepassError) else explain(error)
            return render(_wrong(name, why), vega.bundle_name())

    def _rendered(self, name: str) -> bytes:
        run = self._new_run()
        catalog = run.definitions.catalog
        shown = publication_of_site(run.settings, catalog)
        if catalog != self._catalog:
            self._catalog, self._read = catalog, {}
        with reading_pages(self._project, shown, self._read) as pages:
            own = pages.read()
        (page,) = (it for it in own if it.file == name)
        with run.warehouse.read() as connection:
            history = read_history(connection, catalog)
        with pages_database(run.settings, shown, history) as connection:
            made = make_page(connection, page, told(run.settings, shown), in_place=True)
        return render(made, vega.bundle_name(), navigation_of(own), run.settings.env)


def _digest(state: State) -> str:
    return digest(*map(str, state))


def _wrong(name: str, why: str) -> Page:
    """What is shown where a page cannot be made at all."""
    parts = [{"kind": "broken", "message": line} for line in why.splitlines()]
    section = {"heading": "", "anchor": "", "parts": parts}
    values = {"lead": None, "fold": False, "sections": [section], "filters": [], "queries": []}
    return Page(name, "authored.html.j2", "This page is wrong", name, values)
