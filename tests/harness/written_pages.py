"""Pages that a test writes, read and made of what a project has published."""

from __future__ import annotations

import textwrap
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rendered import Shown, shown

from benepass_tasks.config.settings import current_settings
from benepass_tasks.site.authored.database import pages_database
from benepass_tasks.site.authored.history import read_history
from benepass_tasks.site.authored.making import make_page
from benepass_tasks.site.authored.pages import Pages, reading_pages
from benepass_tasks.state.publication import publication_of_site
from benepass_tasks.state.run import Run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workspace import Workspace

    from benepass_tasks.site.authored.reading import PageFile
    from benepass_tasks.site.page import Page
    from benepass_tasks.site.sources import Sources


def page_text(text: str, front: str = "title: A page") -> str:
    """A page with front matter."""
    return f"---\n{front}\n---\n{textwrap.dedent(text).lstrip()}"


@contextmanager
def reading(workspace: Workspace) -> Iterator[Pages]:
    """What reads the pages of a project."""
    with workspace.configured():
        made_of = Run(current_settings(), lambda *_: ()).definitions
        shown = publication_of_site(current_settings(), made_of.catalog)
    with reading_pages(made_of.project, shown) as pages:
        yield pages


def read_pages(workspace: Workspace, **texts: str) -> dict[str, PageFile]:
    """The pages of a project, with others that the test writes into it, by name."""
    for name, text in texts.items():
        workspace.write(f"pages/{name}.md", text)
    with reading(workspace) as pages:
        return {page.name: page for page in pages.read()}


def problems_of(workspace: Workspace, text: str, front: str = "title: A page") -> list[str]:
    """What is wrong with a page that is alone, with its lines."""
    for path in (workspace.root / "pages").glob("*.md"):
        path.unlink()
    return read_pages(workspace, tried=page_text(text, front))["tried"].problems


def shown_page(
    workspace: Workspace, name: str, *, in_place: bool = False, **settings: str
) -> Shown:
    """A page of a project as its reader gets it."""
    page = read_pages(workspace)[name]

    def made(sources: Sources) -> Iterator[Page]:
        history = read_history(sources.connection, sources.definitions.catalog)
        published = publication_of_site(sources.settings, sources.definitions.catalog)
        with pages_database(sources.settings, published, history) as connection:
            yield make_page(connection, page, sources.settings, in_place=in_place)

    return shown(workspace, made, **settings)


def shown_text(
    workspace: Workspace,
    text: str,
    front: str = "title: A page",
    *,
    in_place: bool = False,
    **settings: str,
) -> Shown:
    """A page that the test writes, as its reader gets it."""
    workspace.write("pages/tried.md", page_text(text, front))
    return shown_page(workspace, "tried", in_place=in_place, **settings)
