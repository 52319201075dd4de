"""What is up to date, what has to be built, and why.

Every node has a fingerprint, a digest of its recipe and of the *content* of its inputs. A node is
up to date when its marker holds the fingerprint that would be computed now. Since it is the content
that counts, an input that was rebuilt with the same rows leaves what is downstream up to date.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benepass_tasks.catalog import Catalog, Source
from benepass_tasks.digests import digest
from benepass_tasks.errors import ProjectError
from benepass_tasks.models import Model, ModelGraph
from benepass_tasks.sources import SourceFile
from benepass_tasks.warehouse import BOOKS, Load, Snapshot
from benepass_tasks.warehouse.markers import RUN_ID

READER = "1"
"""Version of how files are read; a change of it loads every file anew."""


@dataclass(frozen=True, slots=True)
class Status:
    """Whether a node is up to date.

    Attributes:
        reason: Why it has to be built; None where it is up to date.
        fingerprint: What its marker will hold; None while an input is not up to date.
        content: Digest of its rows; None where it is not up to date.
        recipe: Digest of how it is made.
    """

    reason: str | None
    fingerprint: str | None
    content: str | None
    recipe: str

    @property
    def is_current(self) -> bool:
        """Whether nothing has to be done."""
        return self.reason is None


@dataclass(frozen=True, slots=True)
class Situation:
    """All that decides what has to be built.

    Attributes:
        catalog: What is declared.
        graph: The SQL.
        variables: What stands for each setting that SQL can read; never a secret.
        files: The files there are, by source.
        snapshot: What the warehouse holds.
        proof: The SQL that balances the books.
        force: Tables to build anew with all that is downstream of them.
        run_id: This run, in which what was forced is built once.
    """

    catalog: Catalog
    graph: ModelGraph
    variables: Mapping[str, str]
    files: Mapping[str, Sequence[SourceFile]]
    snapshot: Snapshot
    proof: str = ""
    force: frozenset[str] = frozenset()
    run_id: str = RUN_ID


REJECTED = "raw.rejected_rows"
"""The table of the records that could not be parsed, of all sources."""

Plan = Mapping[str, Status]
"""Status by node: a file (`employees/employees.csv`), a relation, or the books."""


def assess(situation: Situation) -> Plan:
    """Compare what the warehouse holds with what there is to build it from.

    Raises:
        ProjectError: a table to rebuild by force is not in the catalog.
    """
    forced = _forced(situation)
    plan: dict[str, Status] = {}
    for source in situation.catalog.sources.values():
        relation = situation.catalog.raw_table_of(source.name).relation
        for file in situation.files[source.name]:
            plan[file.key] = _file_status(
                situation, source, relation, file, is_forced=relation in forced
            )
        plan[relation] = _raw_status(situation, source, relation, plan)
    plan[REJECTED] = _rejected_status(situation, plan)
    for model in situation.graph.models.values():
        plan[model.relation] = _model_status(
            situation, model, plan, is_forced=model.relation in forced
        )
    plan[BOOKS] = _books_status(situation, plan)
    return plan


def source_recipe(source: Source) -> str:
    """Digest of what the catalog and the reader make of a source's files."""
    columns = (f"{column.name} {column.required}" for column in source.columns.values())
    return digest(READER, source.name, *columns)


def model_recipe(situation: Situation, model: Model) -> str:
    """Digest of the SQL and of the settings that it reads."""
    kind = situation.catalog.tables[model.relation].materialized
    settings = (f"{name}={situation.variables[name]}" for name in sorted(model.variables))
    return digest(kind, model.recipe, *settings)


def raw_fingerprint(loads: Mapping[str, Load]) -> str:
    """Digest of which loads a raw table is made of."""
    return digest(*(f"{file} {loads[file].load_id}" for file in sorted(loads)))


def leftovers(catalog: Catalog, snapshot: Snapshot) -> dict[str, str | None]:
    """What was built once and has no entry any more: relations, with what there is of them."""
    return {
        name: snapshot.relations.get(name)
        for name in snapshot.markers
        if name != BOOKS and name not in catalog.tables
    }


def _forced(situation: Situation) -> frozenset[str]:
    known = situation.catalog.tables.keys() - {REJECTED}
    unknown = sorted(situation.force - known)
    if unknown:
        raise ProjectError(
            f"--benepass-force: {', '.join(unknown)} is no table of the catalog that can be "
            "rebuilt; "
            f"there are {', '.join(sorted(known))}"
        )
    return situation.graph.downstream(situation.force)


def _file_status(
    situation: Situation, source: Source, relation: str, file: SourceFile, *, is_forced: bool
) -> Status:
    recipe = source_recipe(source)
    load = situation.snapshot.loads.get((source.name, file.name))
    if not file.exists():
        reason: str | None = "file missing"
    elif load is None:
        reason = "first load"
    elif not situation.snapshot.relations.keys() >= {relation, REJECTED}:
        reason = "table missing"
    elif load.recipe != recipe:
        reason = "catalog changed"
    elif is_forced and load.run_id != situation.run_id:
        reason = "forced"
    elif load.file_state != file.state and load.sha256 != file.sha256:
        reason = "file changed"
    else:
        reason = None
    return Status(reason, None, None, recipe)


def _raw_status(situation: Situation, source: Source, relation: str, plan: Plan) -> Status:
    files = situation.files[source.name]
    loads = situation.snapshot.loads_of(source.name)
    marker = situation.snapshot.markers.get(relation)
    current = {file.name: loads[file.name] for file in files if plan[file.key].is_current}
    fingerprint = raw_fingerprint(current) if len(current) == len(files) else None
    if fingerprint is None:
        reason: str | None = next(
            plan[file.key].reason for file in files if not plan[file.key].is_current
        )
    elif loads.keys() != current.keys():
        reason = "file removed"
    elif marker is None:
        reason = "first run"
    elif marker.fingerprint != fingerprint:
        reason = "file loaded"
    else:
        return Status(None, fingerprint, marker.content, source_recipe(source))
    return Status(reason, fingerprint, None, source_recipe(source))


def _rejected_status(situation: Situation, plan: Plan) -> Status:
    # Nothing builds this table: each load writes its own share.
    if not all(plan[file.key].is_current for files in situation.files.values() for file in files):
        return Status("input to be built", None, None, "")
    loads = (
        f"{load.source} {load.file} {load.load_id}"
        for _, load in sorted(situation.snapshot.loads.items())
        if load.source in situation.catalog.sources
    )
    content = digest(*loads)
    return Status(None, content, content, "")


def _model_status(situation: Situation, model: Model, plan: Plan, *, is_forced: bool) -> Status:
    recipe = model_recipe(situation, model)
    inputs = {reference: plan[reference].content for reference in model.references}
    fingerprint = _fingerprint(recipe, inputs)
    marker = situation.snapshot.markers.get(model.relation)
    kind = situation.catalog.tables[model.relation].materialized
    if marker is None:
        reason: str | None = "first run"
    elif situation.snapshot.relations.get(model.relation) != kind:
        reason = "table missing"
    elif marker.recipe != recipe:
        reason = "SQL or setting changed"
    elif is_forced and marker.run_id != situation.run_id:
        reason = "forced"
    elif fingerprint is None:
        reason = "input to be built"
    elif marker.fingerprint != fingerprint:
        reason = "input changed"
    else:
        return Status(None, fingerprint, marker.content, recipe)
    return Status(reason, fingerprint, None, recipe)


def _books_status(situation: Situation, plan: Plan) -> Status:
    relations = sorted(situation.catalog.tables)
    recipe = digest(situation.proof, *relations)
    fingerprint = _fingerprint(recipe, {name: plan[name].content for name in relations})
    marker = situation.snapshot.markers.get(BOOKS)
    if fingerprint is None:
        reason: str | None = "input to be built"
    elif marker is None or marker.fingerprint != fingerprint:
        reason = "not proven yet"
    elif leftovers(situation.catalog, situation.snapshot):
        reason = "tables that the catalog no longer has"
    else:
        reason = None
    return Status(reason, fingerprint, None, recipe)


def _fingerprint(recipe: str, inputs: Mapping[str, str | None]) -> str | None:
    parts = []
    for name, content in sorted(inputs.items()):
        if content is None:
            return None
        parts.append(f"{name} {content}")
    return digest(recipe, *parts)
