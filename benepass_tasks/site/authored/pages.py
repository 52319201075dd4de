"""All pages of a project that are files, read together: they lead to each other."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from benepass_tasks.catalog import Catalog
from benepass_tasks.catalog.wording import listed, meant, nearest
from benepass_tasks.config.errors import ProjectError
from benepass_tasks.config.project import Project
from benepass_tasks.config.settings import Settings
from benepass_tasks.site.authored.blocks import Chart, Link, Table
from benepass_tasks.site.authored.history import HISTORY, SCHEMA
from benepass_tasks.site.authored.reading import Broken, PageFile, PageSection, Part, read_page
from benepass_tasks.site.page import FIXED
from benepass_tasks.sqlmodels.binding import Types
from benepass_tasks.sqlmodels.effective import Definitions
from benepass_tasks.sqlmodels.lineage import Lineage
from benepass_tasks.sqlmodels.queries import QueryReader, query_reader
from benepass_tasks.state.publication import Publication, publication_of_site

FIRST = "index"
"""The page that a site begins with."""


@dataclass(frozen=True, slots=True)
class Pages:
    """Reads the pages of a project.

    Attributes:
        project: Where they are.
        catalog: What is declared of the columns that they read.
        reader: Reads their queries.
        known: Pages that were read before over the same catalog, by path and text.
    """

    project: Project
    catalog: Catalog
    reader: QueryReader
    known: dict[tuple[Path, str], PageFile] = field(default_factory=dict)

    def read(self) -> list[PageFile]:
        """Every page, in the order of the navigation; what is wrong stands in its place.

        Raises:
            ProjectError: a page has a name that no address has.
        """
        found = [self._read(path) for path in self.project.page_files()]
        pages = {it.name: it for it in found}
        linked = [replace(it, sections=list(_linked(it, pages))) for it in found]
        return sorted(linked, key=lambda it: (it.name != FIRST, it.front.order, it.front.title))

    def _read(self, path: Path) -> PageFile:
        taken = {name for name, _ in FIXED}
        if not path.stem.replace("-", "_").isidentifier() or f"{path.stem}.html" in taken:
            raise ProjectError(
                f"{path}: the name of a page has letters, digits, - and _, and is none that every "
                f"site has ({', '.join(sorted(taken))})"
            )
        try:
            text = (self.project.root / path).read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            raise ProjectError(f"{path}:{line}: not UTF-8 text: save it as UTF-8") from error
        if (path, text) not in self.known:
            self.known[path, text] = read_page(path, text, self.catalog, self.reader)
        return self.known[path, text]


@contextmanager
def reading_pages(
    project: Project, shown: Publication, known: dict[tuple[Path, str], PageFile] | None = None
) -> Iterator[Pages]:
    """What reads the pages of a project, which show what is published for an audience.

    What `known` has is used, and it grows.
    """
    withheld = {
        relation: [it for it in table.table.columns if it not in table.comments]
        for relation, table in shown.tables.items()
    }
    with query_reader(readable(shown), shown.audience.name, withheld) as reader:
        yield Pages(project, shown.catalog, reader, {} if known is None else known)


def readable(shown: Publication) -> dict[str, Types]:
    """The tables that a page may read, published ones and history, with their types."""
    published = {
        relation: {it.name: it.type for it in table.columns}
        for relation, table in shown.tables.items()
    }
    return published | {f"{SCHEMA}.{name}": types for name, types in HISTORY.items()}


def read_pages(definitions: Definitions, settings: Settings) -> list[PageFile]:
    """Every page of a project, in the order of the navigation; what is wrong stands in its place.

    Args:
        definitions: The project.
        settings: They name the audience that the pages are for.

    Raises:
        ProjectError: a page has a name that no address has, or there is no such audience.
    """
    shown = publication_of_site(settings, definitions.catalog)
    with reading_pages(definitions.project, shown) as pages:
        return pages.read()


def with_pages(lineage: Lineage, pages: Sequence[PageFile]) -> Lineage:
    """The lineage of a project with what the queries of its pages derive from."""
    queries = (query.query.lineage for page in pages for query in page.queries.values())
    return Lineage(MappingProxyType({**lineage.models, **{it.relation: it for it in queries}}))


def refuse_broken(pages: Sequence[PageFile]) -> None:
    """Refuse pages that no site can be made of.

    Raises:
        ProjectError: all that is wrong with them, one problem a line, or the first one is missing.
    """
    if not any(page.name == FIRST for page in pages):
        raise ProjectError(
            f"pages/{FIRST}.md is missing: the site begins with it. It is a page like any other; "
            "`benepass init` makes a project that has one"
        )
    problems = [problem for page in pages for problem in page.problems]
    if problems:
        raise ProjectError("\n".join(problems))


def _linked(page: PageFile, pages: Mapping[str, PageFile]) -> Iterator[PageSection]:
    """The sections of a page, in which no block leads to a page or a filter that there is not."""
    for section in page.sections:
        yield replace(section, parts=[_checked(page, part, pages) for part in section.parts])


def _checked(page: PageFile, part: Part, pages: Mapping[str, PageFile]) -> Part:
    if not isinstance(part, Chart | Table) or part.link is None:
        return part
    link = part.link
    problem = _wrong_link(link, pages)
    if problem:
        return Broken(f"{page.path}:{link.line}: link: {problem}")
    others = page.filters.keys() & pages[link.page].filters.keys() - {*link.columns}
    return replace(part, link=replace(link, shared=tuple(sorted(others))))


def _wrong_link(link: Link, pages: Mapping[str, PageFile]) -> str | None:
    if link.page not in pages:
        near = meant(nearest(link.page, pages)) or f" (there are {listed(sorted(pages))})"
        return f"no page is called {link.page}{near}"
    page = pages[link.page]
    missing = sorted({*link.columns} - page.filters.keys())
    if missing and not page.problems:
        return (
            f"{page.path} has no filter {missing[0]} that could be set (its filters: "
            f"{listed(page.filters)}): write it into a block `filters` there"
        )
    return None
