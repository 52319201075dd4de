"""What there is to make, one module for each kind; a new kind is one more, named here."""

from datetime import UTC, datetime

from benepass_tasks.catalog import Catalog, Source, SqlCheck
from benepass_tasks.config.errors import ProjectError
from benepass_tasks.config.settings import Settings
from benepass_tasks.ingestion.people.places import CLEANING
from benepass_tasks.pipeline.nodes.data_tests import DataTestsNode, TableTestsNode
from benepass_tasks.pipeline.nodes.digests import settings_of
from benepass_tasks.pipeline.nodes.extract import ExtractNode
from benepass_tasks.pipeline.nodes.model import ModelNode
from benepass_tasks.pipeline.nodes.page import PageNode
from benepass_tasks.pipeline.nodes.publication import PublicationNode
from benepass_tasks.pipeline.nodes.raw_table import RawTableNode
from benepass_tasks.pipeline.nodes.reconciliation import ReconciliationNode, read_proof
from benepass_tasks.pipeline.nodes.rejected_rows import RejectedRowsNode
from benepass_tasks.pipeline.nodes.site import SiteNode
from benepass_tasks.pipeline.nodes.source_file import SourceFileNode
from benepass_tasks.pipeline.upkeep import Upkeep
from benepass_tasks.site import SiteCode
from benepass_tasks.sqlmodels import Macro, ModelGraph
from benepass_tasks.sqlmodels.canonical import READING
from benepass_tasks.sqlmodels.days import READERS, macros_of_days
from benepass_tasks.sqlmodels.effective import Definitions
from benepass_tasks.state.kept import SETTING
from benepass_tasks.state.ownership import HASH_KEY
from benepass_tasks.state.plan import Node
from benepass_tasks.state.publication import (
    Publication,
    publication_of_site,
    publications_of,
)
from benepass_tasks.state.retentions import Clock
from benepass_tasks.state.run import Files
from benepass_tasks.state.source_files import REJECTED

__all__ = ["nodes_of"]


def nodes_of(settings: Settings, definitions: Definitions, files: Files) -> list[Node]:
    """All nodes of a project, for the source files that there are.

    Raises:
        ProjectError: a table to make again by force or a source to accept is not in the catalog, or
            the SQL of the proof is missing.
    """
    catalog, project = definitions.catalog, definitions.project
    _refuse_unknown_sources(settings.accept, catalog)
    forced = _forced(settings, definitions)
    extracts = _extracts(settings, catalog)
    places = {source.name: it.name for it in extracts for source in it.sources}
    clock = Clock(settings.as_of, datetime.now(UTC).date())
    raw = [
        RawTableNode(
            table,
            [
                SourceFileNode(source, table, it, table.relation in forced, macros, clock)
                for it in files[name]
            ],
            places.get(name),
            source,
            clock,
            macros,
        )
        for name, source in catalog.sources.items()
        for table in (catalog.raw_table_of(name),)
        for macros in (_macros_of_source(source, definitions.graph),)
    ]
    loaded = [file for table in raw for file in table.files]
    code = SiteCode(project, settings.env)
    publications = publications_of(settings, catalog)
    shown = publication_of_site(settings, catalog)
    allowed = [*publications.values()] if settings.may_publish else []
    publication = PublicationNode(allowed, settings.project_dir)
    return [
        *extracts,
        *(node for table in raw for node in (*table.files, table)),
        RejectedRowsNode(loaded, [it.name for it in extracts]),
        *_models(settings, definitions, forced),
        ReconciliationNode(catalog, read_proof(project)),
        DataTestsNode(_tests(settings, definitions)),
        publication,
        SiteNode(code, settings.site_dir, settings.may_publish, _pages(settings, code, shown)),
    ]


def _pages(settings: Settings, code: SiteCode, shown: Publication) -> list[PageNode]:
    told = (f"{settings.as_of} {shown.min_group_size} {shown.audience.name}",)
    found = shown if settings.may_publish else None
    return [
        PageNode(code, path, settings.site_dir, found, told) for path in code.project.page_files()
    ]


def _extracts(settings: Settings, catalog: Catalog) -> list[ExtractNode]:
    """What is read elsewhere, with the sources that are read at one moment."""
    sources: dict[str, list[Source]] = {}
    for name, source in catalog.sources.items():
        if source.extract is not None:
            sources.setdefault(source.extract.place(name), []).append(source)
    return [ExtractNode(place, read, settings.extract) for place, read in sources.items()]


def _macros_of_source(source: Source, graph: ModelGraph) -> tuple[Macro, ...]:
    """What a source's base view calls, and what reads amounts and days and compares ids."""
    base = graph.models.get(f"base.{source.name}")
    names = {CLEANING, *READING, *READERS.values()} & graph.macros.keys()
    if source.retention is not None:
        names |= macros_of_days(graph, source.name)
    return tuple(graph.macros_behind(names.union(base.macros if base else ())))


def _models(
    settings: Settings, definitions: Definitions, forced: frozenset[str]
) -> list[ModelNode]:
    catalog, graph = definitions.catalog, definitions.graph
    upkeep = Upkeep(catalog, graph, definitions.cache)
    return [
        ModelNode(
            model,
            catalog.tables[name],
            upkeep,
            tuple(settings_of(model, settings.fingerprints)),
            name in forced,
        )
        for name, model in graph.models.items()
    ]


def _tests(settings: Settings, definitions: Definitions) -> list[TableTestsNode]:
    checks = definitions.graph.checks
    return [
        TableTestsNode(
            table,
            [checks[test.name] for test in table.tests if isinstance(test, SqlCheck)],
            settings.fingerprints,
        )
        for table in definitions.catalog.tables.values()
        if any(table.promises)
    ]


def _forced(settings: Settings, definitions: Definitions) -> frozenset[str]:
    known = definitions.catalog.tables.keys() - {REJECTED}
    unknown = sorted(settings.force - known)
    if unknown:
        raise ProjectError(
            f"--benepass-force: {', '.join(unknown)} is not a table of the catalog that can be "
            f"rebuilt; there are {', '.join(sorted(known))}"
        )
    return definitions.graph.downstream(settings.force)


def _refuse_unknown_sources(accepted: frozenset[str], catalog: Catalog) -> None:
    unknown = sorted(accepted - catalog.sources.keys() - {SETTING, HASH_KEY})
    if unknown:
        raise ProjectError(
            f"--benepass-accept: {', '.join(unknown)} is not a source of the catalog; there are "
            f"{', '.join(catalog.sources)}, {SETTING} and {HASH_KEY}"
        )
