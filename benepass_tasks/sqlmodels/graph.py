"""All models of a project as a graph whose edges are what the SQL reads."""

import graphlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from benepass_tasks.catalog import Declarations, SqlCheck
from benepass_tasks.catalog.wording import meant, nearest
from benepass_tasks.config.errors import ModelError
from benepass_tasks.config.project import LAYERS, Project
from benepass_tasks.sqlmodels.base_views import base_queries
from benepass_tasks.sqlmodels.cache import Cache, SqlFiles, files_key, plain, restored
from benepass_tasks.sqlmodels.definitions import Macro, Model

if TYPE_CHECKING:
    from benepass_tasks.sqlmodels.syntax import Reader

CHECKS = "checks"
"""The folder of the queries whose rows are failures."""

PROOF = "books_balance"
"""The query in `sql/checks/` that ends every run; it is not a test of a table."""


@dataclass(frozen=True, slots=True)
class ModelGraph:
    """Every model by relation, in an order in which each comes after what it reads.

    The queries that test tables, `checks`, are by name and in no order: nothing reads them.
    """

    models: Mapping[str, Model]
    macros: Mapping[str, Macro]
    checks: Mapping[str, Model]

    def macros_of(self, model: Model) -> Iterator[Macro]:
        """The macros a model needs, each after those that it calls itself."""
        return self.macros_behind(model.macros)

    def macros_behind(self, names: Iterable[str]) -> Iterator[Macro]:
        """Macros and those that they call, each after what it calls itself."""
        found, waiting = dict[str, frozenset[str]](), list(names)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found[name] = frozenset(self.macros[name].macros)
                waiting += found[name]
        return (self.macros[name] for name in graphlib.TopologicalSorter(found).static_order())

    def downstream(self, relations: frozenset[str]) -> frozenset[str]:
        """The given relations and every model that reads one of them, directly or not."""
        reached = set(relations)
        for model in self.models.values():
            if reached.intersection(model.references):
                reached.add(model.relation)
        return frozenset(reached)


def read_graph(
    project: Project, catalog: Declarations, cache: Cache, reader: "Reader | None" = None
) -> ModelGraph:
    """Read every SQL file of the project and check it against the catalog.

    Args:
        project: Where the SQL files are.
        catalog: What they are checked against.
        cache: What was read before, so that unchanged files are not parsed again.
        reader: Reads those that have changed; by default one of its own.

    Raises:
        ModelError: all problems at once, one a line: a file without an entry, an entry without a
            file, a reference to a table that no entry knows, a cycle, SQL that cannot be used.
    """
    problems: list[str] = []
    base = base_queries(catalog)
    try:
        key = files_key(project, base)
    except OSError as error:
        raise ModelError(
            f"{error.filename} cannot be read: {error.strerror}; sql/ holds SQL files only"
        ) from error
    known = cache.recall("sql", key, restored)
    macros, models = known or _parse(project, catalog, cache, reader, problems)
    problems += _mismatches(project, catalog, models)
    problems += _check_mismatches(project, catalog)
    problems += _unproven(catalog, models)
    order = _order(models, problems)
    if problems:
        raise ModelError("\n".join(sorted(problems)))
    if not known:
        cache.keep(key, sql=plain((macros, models)))
    return ModelGraph(
        MappingProxyType(
            {name: models[name] for name in order if not name.startswith(f"{CHECKS}.")}
        ),
        MappingProxyType(macros),
        MappingProxyType({name: models[f"{CHECKS}.{name}"] for name in _check_files(project)}),
    )


def _parse(
    project: Project,
    catalog: Declarations,
    cache: Cache,
    reader: "Reader | None",
    problems: list[str],
) -> SqlFiles:
    """Read the SQL files, but not those whose text is what it was before, with the same macros."""
    from benepass_tasks.sqlmodels.macros import read_macros  # noqa: PLC0415 - only when changed
    from benepass_tasks.sqlmodels.statements import make_model, read_sql  # noqa: PLC0415
    from benepass_tasks.sqlmodels.syntax import reading  # noqa: PLC0415

    models: dict[str, Model] = {}
    with reading(reader) as own:
        before, known = cache.last("sql", restored) or ({}, {})
        paths, macros = project.sql_files("macros"), before
        if not _are_as_before(project, paths, before):
            macros = read_macros(own, project.root, paths, problems)
            known = known if macros == before else {}
        base, where = base_queries(catalog), Path(catalog.path.name)
        for folder in (*LAYERS, CHECKS):
            for path in project.sql_files(folder):
                relation = f"{folder}.{path.stem}"
                if relation == f"{CHECKS}.{PROOF}":
                    continue
                try:
                    sql, model = read_sql(project.root, path), known.get(relation)
                    if model is None or (model.sql, model.path) != (sql, path):
                        model = make_model(own, relation, path, sql, macros)
                    models[relation] = model
                except ModelError as error:
                    problems.append(str(error))
        # A base view that no model reads is not made.
        read = {reference for model in models.values() for reference in model.references}
        for relation in sorted(base.keys() & read):
            models[relation] = make_model(own, relation, where, base[relation], macros)
    return macros, models


def _are_as_before(project: Project, paths: Sequence[Path], macros: Mapping[str, Macro]) -> bool:
    """Whether macros are those that the files define, as far as their texts say so."""
    from benepass_tasks.sqlmodels.statements import read_text  # noqa: PLC0415 - as above

    try:
        texts = {path: read_text(project.root, path) for path in paths}
    except ModelError:
        return False
    return texts == {it.path: it.sql for it in macros.values()}


def _mismatches(
    project: Project, catalog: Declarations, models: Mapping[str, Model]
) -> Iterator[str]:
    files = {f"{layer}.{path.stem}": path for layer in LAYERS for path in project.sql_files(layer)}
    for relation in catalog.tables.keys() - files.keys():
        layer, _, table = relation.partition(".")
        if layer not in ("raw", "base"):
            yield f"catalog.yaml: {relation} has no SQL file; expected sql/{layer}/{table}.sql"
    for relation in files.keys() - catalog.tables.keys():
        yield f"{files[relation]}: {relation} has no entry in catalog.yaml; declare it there"
    for model in models.values():
        for reference in model.references:
            if reference not in catalog.tables:
                yield (
                    f"{model.path}:{_line_of(model, reference)} reads {reference}, "
                    "which no entry in catalog.yaml declares"
                )


def _unproven(catalog: Declarations, models: Mapping[str, Model]) -> Iterator[str]:
    raw = {table.source: relation for relation, table in catalog.tables.items() if table.source}
    for source in catalog.sources.values():
        records = {raw.get(source.name), base := f"base.{source.name}"}
        reading = (it.relation for it in models.values() if records.intersection(it.references))
        readers = sorted(it for it in reading if it != base)
        if readers and source.reconciliation is None:
            yield (
                f"{catalog.path.name}: {source.name}: {', '.join(readers)} reads its records, and "
                "nothing proves that none is lost; name the table with a row for each record: "
                f"metadata.reconciliation: {{staging: {readers[0]}}}"
            )


def _check_files(project: Project) -> dict[str, Path]:
    paths = {path.stem: path for path in project.sql_files(CHECKS)}
    return {name: path for name, path in paths.items() if name != PROOF}


def _check_mismatches(project: Project, catalog: Declarations) -> Iterator[str]:
    files = _check_files(project)
    named: set[str] = set()
    for relation, table in catalog.tables.items():
        for name in (test.name for test in table.tests if isinstance(test, SqlCheck)):
            named.add(name)
            where = f"{catalog.path.name}: {relation}.metadata.tests names the check {name}"
            if name == PROOF:
                yield f"{where}, which is the proof that ends every run, and no test of a table"
            elif name not in files:
                near = meant(nearest(name, files))
                yield f"{where}, which has no file; expected sql/{CHECKS}/{name}.sql{near}"
    for name in files.keys() - named:
        yield (
            f"{files[name]}: no table names this check; add {{check: {name}}} to metadata.tests "
            f"of a table in {catalog.path.name}, or remove the file"
        )


def _line_of(model: Model, reference: str) -> int:
    """The first line that names the table, outside comments."""
    name = re.compile(rf"^(?!\s*--).*\b{re.escape(reference)}\b", re.IGNORECASE)
    lines = enumerate(model.sql.splitlines(), 1)
    return next((number for number, line in lines if name.search(line)), 1)


def _order(models: Mapping[str, Model], problems: list[str]) -> list[str]:
    edges = {
        model.relation: sorted(models.keys() & set(model.references)) for model in models.values()
    }
    try:
        return list(graphlib.TopologicalSorter(edges).static_order())
    except graphlib.CycleError as error:
        problems.append("models read each other in a circle: " + " -> ".join(error.args[1]))
        return []
