"""What is up to date, what has to be built, and why.

Every node has a fingerprint, a digest of its code version and of the data hashes of its inputs. A
node is up to date when its record holds the fingerprint that would be computed now. Since it is the
data that counts, an input that was rebuilt with the same rows leaves what is downstream up to date.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from benepass_tasks.catalog import Catalog, Source, SqlCheck, Table
from benepass_tasks.catalog.datasets import Relationships
from benepass_tasks.config.digests import digest
from benepass_tasks.config.errors import ProjectError
from benepass_tasks.engine.nodes import BOOKS, CONTRACTS, PUBLISHED, SITE
from benepass_tasks.sqlmodels import Model, ModelGraph
from benepass_tasks.state.markers import Load, Materialization, Snapshot, is_relation
from benepass_tasks.state.publication import Publication, file_node
from benepass_tasks.state.source_files import SourceFile
from benepass_tasks.state.this_run import run_id

READER = "2"
"""Version of how files are read; a change of it loads every file anew."""


@dataclass(frozen=True, slots=True)
class Status:
    """Whether a node is up to date.

    Attributes:
        reason: Why it has to be built; None where it is up to date.
        fingerprint: What its record will hold; None while an input is not up to date.
        data_hash: Digest of its rows; None where it is not up to date.
        code_version: Digest of how it is made.
    """

    reason: str | None
    fingerprint: str | None
    data_hash: str | None
    code_version: str

    @property
    def is_current(self) -> bool:
        """Whether nothing has to be done."""
        return self.reason is None


@dataclass(frozen=True, slots=True)
class SiteFiles:
    """The site's pages.

    Attributes:
        code_version: Digest of how they are made, and of what they quote of the project.
        state: Digest of the files there are; empty where there are none.
    """

    code_version: str = ""
    state: str = ""


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
        publication: What analysts are to get; None where nothing may be published.
        published: The states of the files that analysts have.
        site: The site's pages.
        force: Tables to build anew with all that is downstream of them.
        run_id: This run, in which what was forced is built once, and what was published stays so.
    """

    catalog: Catalog
    graph: ModelGraph
    variables: Mapping[str, str]
    files: Mapping[str, Sequence[SourceFile]]
    snapshot: Snapshot
    proof: str = ""
    force: frozenset[str] = frozenset()
    run_id: str = field(default_factory=run_id)
    published: Mapping[str, str] = field(default_factory=dict)
    publication: Publication | None = None
    site: SiteFiles = SiteFiles()


REJECTED = "raw.rejected_rows"
"""The table of the records that could not be parsed, of all sources."""

Plan = Mapping[str, Status]
"""Status by node: a file (`employees/employees.csv`), a relation, the books, the contracts, of all
tables and of each (`contracts/marts.dim_employees`), what is published, and the site."""

RESULTS = "meta.check_results"
"""The table of what became of the tests."""


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
    plan |= _contract_statuses(situation, plan)
    plan |= _published_files(situation, plan)
    plan[PUBLISHED] = _published_status(situation, plan)
    plan[SITE] = _site_status(situation, plan)
    return plan


def source_code_version(source: Source) -> str:
    """Digest of what the catalog and the reader make of a source's files."""
    columns = (
        repr((column.name, column.required, sorted(column.aliases)))
        for column in source.columns.values()
    )
    return digest(READER, source.name, *columns)


def model_code_version(situation: Situation, model: Model) -> str:
    """Digest of the SQL and of the settings that it reads."""
    table = situation.catalog.tables[model.relation]
    return digest(table.materialized, model.recipe, *_shape(table), *_settings(situation, model))


def raw_code_version(situation: Situation, source: Source) -> str:
    """Digest of what the catalog makes of a source's files and of their raw table."""
    table = situation.catalog.raw_table_of(source.name)
    return digest(source_code_version(source), *_shape(table))


def contract_of(relation: str) -> str:
    """The node of a table's contract."""
    return f"{CONTRACTS}/{relation}"


def contract_code_version(situation: Situation, table: Table) -> str:
    """Digest of what a table promises, and of the queries that test it."""
    promises = (f"{column} {test}" for column, test in table.promises)
    checks = [situation.graph.checks[name] for name in _checks_of(table)]
    settings = (setting for check in checks for setting in _settings(situation, check))
    code_versions = (check.recipe for check in checks)
    return digest(*_shape(table), repr(table.key), *promises, *code_versions, *settings)


def _shape(table: Table) -> Iterator[str]:
    return (f"{column.name} {column.type}" for column in table.columns.values())


def _settings(situation: Situation, model: Model) -> Iterator[str]:
    return (f"{name}={situation.variables[name]}" for name in sorted(model.variables))


def _checks_of(table: Table) -> list[str]:
    return [test.name for test in table.tests if isinstance(test, SqlCheck)]


def raw_fingerprint(loads: Mapping[str, Load]) -> str:
    """Digest of which loads a raw table is made of."""
    return digest(*(f"{file} {loads[file].load_id}" for file in sorted(loads)))


def leftovers(catalog: Catalog, snapshot: Snapshot) -> dict[str, str | None]:
    """What was built once and has no entry any more: relations, with what there is of them."""
    return {
        name: snapshot.relations.get(name)
        for name in snapshot.materializations
        if is_relation(name) and name not in catalog.tables
    }


def is_contract(name: str) -> bool:
    """Whether a record vouches for contracts."""
    return name.partition("/")[0] == CONTRACTS


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
    code_version = source_code_version(source)
    load = situation.snapshot.loads.get((source.name, file.name))
    if not file.exists():
        reason: str | None = "file missing"
    elif load is None:
        reason = "first load"
    elif not situation.snapshot.relations.keys() >= {relation, REJECTED}:
        reason = "table missing"
    elif load.code_version != code_version:
        reason = "catalog changed"
    elif is_forced and load.run_id != situation.run_id:
        reason = "forced"
    elif load.file_state != file.state and load.sha256 != file.sha256:
        reason = "file changed"
    else:
        reason = None
    return Status(reason, None, None, code_version)


def _raw_status(situation: Situation, source: Source, relation: str, plan: Plan) -> Status:
    files = situation.files[source.name]
    loads = situation.snapshot.loads_of(source.name)
    record = situation.snapshot.materializations.get(relation)
    current = {file.name: loads[file.name] for file in files if plan[file.key].is_current}
    fingerprint = raw_fingerprint(current) if len(current) == len(files) else None
    code_version = raw_code_version(situation, source)
    if fingerprint is None:
        reason: str | None = next(
            plan[file.key].reason for file in files if not plan[file.key].is_current
        )
    elif loads.keys() != current.keys():
        reason = "file removed"
    elif record is None:
        reason = "first run"
    elif record.code_version != code_version:
        reason = "catalog changed"
    elif record.fingerprint != fingerprint:
        reason = "file loaded"
    else:
        return Status(None, fingerprint, record.data_hash, code_version)
    return Status(reason, fingerprint, None, code_version)


def _rejected_status(situation: Situation, plan: Plan) -> Status:
    # Nothing builds this table: each load writes its own share.
    if not all(plan[file.key].is_current for files in situation.files.values() for file in files):
        return Status("input to be built", None, None, "")
    loads = (
        f"{load.source} {load.file} {load.load_id}"
        for _, load in sorted(situation.snapshot.loads.items())
        if load.source in situation.catalog.sources
    )
    data_hash = digest(*loads)
    return Status(None, data_hash, data_hash, "")


def _model_status(situation: Situation, model: Model, plan: Plan, *, is_forced: bool) -> Status:
    code_version = model_code_version(situation, model)
    inputs = {reference: plan[reference].data_hash for reference in model.references}
    fingerprint = _fingerprint(code_version, inputs)
    record = situation.snapshot.materializations.get(model.relation)
    kind = situation.catalog.tables[model.relation].materialized
    if record is None:
        reason: str | None = "first run"
    elif situation.snapshot.relations.get(model.relation) != kind:
        reason = "table missing"
    elif record.code_version != code_version:
        reason = "SQL or setting changed"
    elif is_forced and record.run_id != situation.run_id:
        reason = "forced"
    elif fingerprint is None:
        reason = "input to be built"
    elif record.fingerprint != fingerprint:
        reason = "input changed"
    else:
        return Status(None, fingerprint, record.data_hash, code_version)
    return Status(reason, fingerprint, None, code_version)


def _books_status(situation: Situation, plan: Plan) -> Status:
    relations = sorted(situation.catalog.tables)
    sources = situation.catalog.sources.values()
    declared = (f"{source.name} {source.reconciliation}" for source in sources)
    code_version = digest(situation.proof, *relations, *declared)
    fingerprint = _fingerprint(code_version, {name: plan[name].data_hash for name in relations})
    record = situation.snapshot.materializations.get(BOOKS)
    if fingerprint is None:
        reason: str | None = "input to be built"
    elif record is None or record.fingerprint != fingerprint:
        reason = _unlike(record, "not proven yet")
    elif leftovers(situation.catalog, situation.snapshot):
        reason = "tables that the catalog no longer has"
    else:
        reason = None
    return Status(reason, fingerprint, None, code_version)


def _contract_statuses(situation: Situation, plan: Plan) -> dict[str, Status]:
    tables = [table for table in situation.catalog.tables.values() if any(table.promises)]
    if not plan[BOOKS].is_current:
        to_be_built = Status("input to be built", None, None, "")
        return dict.fromkeys([CONTRACTS, *(contract_of(it.relation) for it in tables)], to_be_built)
    statuses = {
        contract_of(table.relation): _contract_status(situation, table, plan) for table in tables
    }
    fingerprints = {name: status.fingerprint for name, status in statuses.items()}
    return statuses | {CONTRACTS: _kept_status(situation, CONTRACTS, "", fingerprints)}


def _contract_status(situation: Situation, table: Table, plan: Plan) -> Status:
    read = {table.relation}
    read.update(test.to for _, test in table.promises if isinstance(test, Relationships))
    read.update(*(situation.graph.checks[name].references for name in _checks_of(table)))
    code_version = contract_code_version(situation, table)
    inputs = {name: plan[name].data_hash for name in read}
    return _kept_status(situation, contract_of(table.relation), code_version, inputs)


def _kept_status(
    situation: Situation, name: str, code_version: str, inputs: Mapping[str, str | None]
) -> Status:
    fingerprint = _fingerprint(code_version, inputs)
    record = situation.snapshot.materializations.get(name)
    if record is None or record.fingerprint != fingerprint:
        reason: str | None = _unlike(record, "not checked yet")
    elif RESULTS not in situation.snapshot.relations:
        reason = "results missing"
    else:
        reason = None
    return Status(reason, fingerprint, None, code_version)


def _published_files(situation: Situation, plan: Plan) -> dict[str, Status]:
    """The status of each file that analysts get: current where it is the one that was written."""
    if situation.publication is None:
        return {}
    hashes = {name: plan[name].data_hash for name in situation.publication.relations}
    statuses = {}
    for file, code_version in situation.publication.files.items():
        relations = situation.publication.relations_of(file)
        fingerprint = _fingerprint(code_version, {name: hashes[name] for name in relations})
        record = situation.snapshot.materializations.get(file_node(file))
        state = situation.published.get(file)
        if fingerprint is None or not plan[CONTRACTS].is_current:
            reason: str | None = "input to be built"
        elif record is None or state is None:
            reason = "not published"
        elif record.fingerprint != fingerprint:
            reason = "input changed"
        else:
            reason = None if record.data_hash == state else "changed by hand"
        statuses[file_node(file)] = Status(reason, fingerprint, state, code_version)
    return statuses


def _published_status(situation: Situation, plan: Plan) -> Status:
    publication = situation.publication
    if publication is None:
        return Status("personal data is not masked", None, None, "")
    inputs = {name: plan[name].data_hash for name in publication.inputs}
    fingerprint = (
        _fingerprint(publication.code_version, inputs) if plan[CONTRACTS].is_current else None
    )
    record = situation.snapshot.materializations.get(PUBLISHED)
    files = (plan[file_node(file)].reason for file in publication.files)
    if fingerprint is None:
        reason: str | None = "input to be built"
    elif record is None or record.fingerprint != fingerprint:
        reason = _unlike(record, "not published yet")
    elif record.run_id == situation.run_id:
        # This run published everything. Files that differ now were published since, by a run on
        # another warehouse that has the same folder: they are the business of the next run.
        reason = None
    elif situation.published.keys() - publication.files.keys():
        reason = "files that are published no longer"
    else:
        reason = next(filter(None, files), None)
    return Status(reason, fingerprint, None, publication.code_version)


def _site_status(situation: Situation, plan: Plan) -> Status:
    """The status of the pages, which show the runs that made what they show."""
    site = situation.site
    if situation.publication is None:
        return Status("personal data is not masked", None, None, site.code_version)
    if not plan[PUBLISHED].is_current:
        return Status("input to be built", None, None, site.code_version)
    records = situation.snapshot.materializations
    shown = {name: records[name].run_id for name in (BOOKS, CONTRACTS, PUBLISHED)}
    fingerprint = _fingerprint(site.code_version, shown | {"files": plan[PUBLISHED].fingerprint})
    record = records.get(SITE)
    if record is None or record.fingerprint != fingerprint:
        reason: str | None = _unlike(record, "not built yet")
    elif record.data_hash != site.state and record.run_id != situation.run_id:
        reason = "changed by hand" if site.state else "pages missing"
    else:
        reason = None
    return Status(reason, fingerprint, None, site.code_version)


def _unlike(record: Materialization | None, at_first: str) -> str:
    """Why what has another fingerprint than its record is not current."""
    return at_first if record is None else "input changed"


def _fingerprint(code_version: str, inputs: Mapping[str, str | None]) -> str | None:
    parts = []
    for name, data_hash in sorted(inputs.items()):
        if data_hash is None:
            return None
        parts.append(f"{name} {data_hash}")
    return digest(code_version, *parts)
