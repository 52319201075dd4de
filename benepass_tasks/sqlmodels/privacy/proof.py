"""What each column carries by its lineage, held against what the catalog declares.

A class is passed on by every path that passes the value on (DIRECT), and by what an identifier
decides, as `decisions` has it (INDIRECT); what else decides is shown in the report. An approved
mask lowers an identifier to a pseudonym and never further (GDPR, article 4(5) and recital 26: a
pseudonym is personal data); only counting leaves nothing of a person.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import fields
from importlib.metadata import version
from typing import TYPE_CHECKING, get_args

from benepass_tasks.catalog import Catalog, Column, Pii, PiiClass, Source, Table
from benepass_tasks.catalog.audiences import Audience, Disclosure
from benepass_tasks.catalog.datasets import DerivedFrom
from benepass_tasks.config.digests import digest
from benepass_tasks.config.errors import PrivacyError
from benepass_tasks.sqlmodels import ModelGraph
from benepass_tasks.sqlmodels.cache import Cache
from benepass_tasks.sqlmodels.lineage import ColumnRef, Edge, Lineage
from benepass_tasks.sqlmodels.privacy import decisions
from benepass_tasks.sqlmodels.privacy.flows import Flows
from benepass_tasks.sqlmodels.privacy.masks import unapproved_masks
from benepass_tasks.sqlmodels.privacy.verdicts import (
    COUNTED,
    RANK,
    Carried,
    Finding,
    Proof,
    Rule,
    Verdict,
)

if TYPE_CHECKING:
    from benepass_tasks.sqlmodels.effective import Definitions

VERSION = "5"
"""Version of the rules; like one of what parses the SQL, a change proves every project anew."""

UNASKED = frozenset(
    {"basis", "description", "domain", "freshness", "grain", "guards", "tests", "volume"}
)
"""What is declared of datasets and columns and says nothing of what is personal: words, promises
and limits. Whatever else is declared, a change of it proves the project anew."""


def prove(catalog: Catalog, graph: ModelGraph, lineage: Lineage) -> Proof:
    """Hold every column's declaration against what its lineage carries.

    Args:
        catalog: The declarations and the masking policy.
        graph: The SQL.
        lineage: Traced with the approved masks.
    """
    policy = tuple(
        Finding("policy", catalog.path.name, f"_masking_policy.{name}", message)
        for name, message in unapproved_masks(catalog, graph)
    )
    court = _Court(catalog, lineage)
    verdicts: dict[str, list[Verdict]] = {}
    rows: list[Finding] = []
    for relation in lineage.models:
        table = catalog.tables[relation]
        rows += court.rows(table)
        verdicts[relation] = [court.verdict(table, it) for it in table.columns.values()]
    in_order = (it for relation in catalog.tables for it in verdicts[relation])
    return Proof(tuple(in_order), policy, tuple(rows), dict(_grounds(catalog)))


def _grounds(catalog: Catalog) -> Iterator[tuple[str, DerivedFrom]]:
    for table in catalog.tables.values():
        if table.derived_from:
            yield table.relation, table.derived_from
        for column in table.columns.values():
            if column.derived_from:
                yield f"{table.relation}.{column.name}", column.derived_from


def require_proof(definitions: "Definitions", cache: Cache) -> None:
    """Prove the project, unless just this catalog and SQL have been proven before.

    Args:
        definitions: The declarations and the masking policy, the SQL and its lineage.
        cache: What was proven last.

    Raises:
        PrivacyError: every finding, one a line.
        ModelError: SQL whose lineage cannot be followed.
    """
    if cache.recall("proof", definitions.proof_key, bool):
        return
    findings = definitions.proof.findings
    if findings:
        raise PrivacyError("\n".join(map(str, findings)))
    cache.keep(definitions.proof_key, proof=True)


class _Court:
    def __init__(self, catalog: Catalog, lineage: Lineage) -> None:
        self._catalog = catalog
        self._lineage = lineage
        self._flows = Flows(lineage, lambda edge: decisions.spells_out(self._carried(edge)))

    def rows(self, table: Table) -> Iterator[Finding]:
        """What decides unsaid which rows a table has; it is told once, where it does so first."""
        model = self._lineage.models[table.relation]
        found = self._flows.of_rows(table.relation)
        settled = {*decisions.columns_of(table.derived_from)}
        for origin in decisions.needless(table.derived_from, found):
            yield self._needless(table.relation, origin, None)
        yield from self._guessed(table)
        for edge in sorted(found):
            it = self._carried(edge)
            told = decisions.told_by_rows(table, it)
            if told and it.origin not in settled:
                settled.add(it.origin)
                is_file = model.path.suffix == ".sql"
                where = f"{model.path}:{found[edge]}" if is_file else str(model.path)
                path = f". Path: {self._flows.path(table.relation, edge)}"
                said = f"{decisions.said_of_rows(it, told)}{path}"
                yield Finding("decided", where, table.relation, said)
        self._flows.hand_on_rows(
            table.relation, (it for it in found if str(it.origin) not in settled)
        )

    def _guessed(self, table: Table) -> Iterator[Finding]:
        """What is hashed with the key and is nobody's, such as names that are guessed."""
        model = self._lineage.models[table.relation]
        for step in sorted(model.rows.union(*model.columns.values())):
            mask = self._catalog.masks.get(step.masking or "")
            if mask is None or mask.treatment != "hash":
                continue
            made_of = map(self._carried, self._flows.of(step.origin))
            if not any(it.class_ != "none" or it.sensitive for it in made_of):
                said = (
                    f"hashes {step.origin}, in which nothing is personal, by {step.masking}: "
                    "whoever compares the hashes finds out whose they are. Take it out"
                )
                yield Finding("decided", str(model.path), table.relation, said)

    def verdict(self, table: Table, of: Column) -> Verdict:
        """What is to be said of a column, once the columns that it derives from are judged."""
        column, declared = ColumnRef(table.relation, of.name), of.pii
        everything = sorted(map(self._carried, self._flows.of(column)), key=lambda it: it.edge)
        told = [*decisions.told_by_column(of, everything)]
        settled = {*decisions.columns_of(of.derived_from), *(it.origin for it in told)}
        kept = (it.edge for it in everything if not (it.decides and it.origin in settled))
        self._flows.hand_on(column, kept)
        arriving = [
            it
            for it in everything
            if it.edge.masking != COUNTED and (it.class_ != "none" or it.sensitive)
        ]
        carried = tuple(it for it in arriving if it.edge.type == "DIRECT")
        untreated = [it for it in carried if _is_untreated(declared, it)]
        findings = (
            *self._not_kept(column, declared, untreated),
            *self._too_low(column, declared, [it for it in carried if it not in untreated]),
            *self._unsupported(column, declared, arriving),
            *(self._decided(column, declared, it) for it in told),
            *self._seen(column, table, of, [it for it in carried if it not in untreated]),
            *(
                self._needless(str(column), origin, column)
                for origin in decisions.needless(of.derived_from, self._flows.of(column))
            ),
        )
        return Verdict(
            column,
            declared,
            audiences={it.name: how for it, how in self._audiences_of(table, of)},
            carried=carried,
            decided_by=tuple(it for it in arriving if it.edge.type == "INDIRECT"),
            findings=tuple({str(it): it for it in findings}.values()),
        )

    def _carried(self, edge: Edge) -> Carried:
        pii = self._catalog.sources[edge.origin.relation].columns[edge.origin.column].pii
        mask = self._catalog.masks.get(edge.masking or "")
        is_of_kind = mask is not None and (not mask.kinds or pii.kind in mask.kinds)
        if mask is None or mask.treatment == "tidy" or not is_of_kind:
            return Carried(edge, pii.class_, pii.sensitive, pii.kind, None)
        lowered: PiiClass = "pseudonym" if pii.class_ == "identifier" else pii.class_
        return Carried(edge, lowered, pii.sensitive, pii.kind, mask.treatment)

    def _too_low(
        self, column: ColumnRef, declared: Pii, carried: Iterable[Carried]
    ) -> Iterator[Finding]:
        rule: Rule = "leak" if declared.is_personal else "undeclared"
        for it in carried:
            told = "" if declared.is_personal else "; nothing personal is declared"
            if RANK[it.class_] > RANK[declared.class_]:
                message = (
                    f"carries {it.class_} {it.kind} and declares class {declared.class_}{told}"
                )
                yield self._finding(rule, column, f"{message}. {self._way_out(it)}", it)
            if it.sensitive and not declared.sensitive:
                message = f"carries sensitive {it.kind}, which is not declared{told}"
                advice = "Declare sensitive: true, or take it out of the SQL"
                yield self._finding(rule, column, f"{message}. {advice}", it)

    def _way_out(self, carried: Carried) -> str:
        if carried.class_ == "identifier":
            masks = ", ".join(self._catalog.masks) or "none is in the masking policy"
            return f"Mask it on this path ({masks}), take it out, or declare it with a reason"
        return f"Declare class {carried.class_}, or take it out of the SQL"

    def _not_kept(
        self, column: ColumnRef, declared: Pii, untreated: Iterable[Carried]
    ) -> Iterator[Finding]:
        for it in untreated:
            if declared.treatment == "drop":
                message = f"declares drop, and {it.kind} arrives all the same"
            else:
                did = f"{it.treatment} is what" if it.treatment else "no approved mask is"
                message = f"declares {declared.treatment}, and {did} applied to {it.kind}"
            yield self._finding("treatment", column, message, it)

    def _unsupported(
        self, column: ColumnRef, declared: Pii, arriving: Collection[Carried]
    ) -> Iterator[Finding]:
        # What is decided by a personal value (status = 'terminated') may be declared so, too.
        if declared.treatment == "drop":
            return
        most = max((RANK[it.class_] for it in arriving), default=0)
        if RANK[declared.class_] > most:
            highest = get_args(PiiClass)[most]
            message = f"declares class {declared.class_}, and no more than {highest} arrives"
            yield self._finding("unsupported", column, f"{message}. Declare what it is")
        if declared.sensitive and not any(it.sensitive for it in arriving):
            message = "declares sensitive: true, and nothing sensitive arrives. Remove it"
            yield self._finding("unsupported", column, message)
        kinds = {it.kind for it in arriving if it.kind}
        # What is made of several kinds may be called something else.
        if len(kinds) == 1 and declared.kind and declared.kind not in kinds:
            message = f"declares kind {declared.kind}, and {', '.join(kinds)} is what arrives"
            yield self._finding("unsupported", column, message)

    def _decided(self, column: ColumnRef, declared: Pii, carried: Carried) -> Finding:
        message = decisions.said_of_column(carried, declared.class_)
        return self._finding("decided", column, message, carried)

    def _needless(self, subject: str, origin: str, column: ColumnRef | None) -> Finding:
        message = f"declares derived_from {origin}, which decides nothing about it. Remove it"
        if column is not None:
            return self._finding("unsupported", column, message)
        return Finding("unsupported", str(self._catalog.path.name), subject, message)

    def _audiences_of(self, table: Table, of: Column) -> Iterator[tuple[Audience, Disclosure]]:
        """Who gets a column, and how."""
        for audience in self._catalog.audiences.values():
            how = audience.shows(of)
            is_given = table.published and of.published and audience.gets(table.relation)
            if is_given and how != "drop":
                yield audience, how

    def _seen(
        self, column: ColumnRef, table: Table, of: Column, carried: Iterable[Carried]
    ) -> Iterator[Finding]:
        """What arrives at an audience by a column of another kind, and not as it may see it."""
        for audience, how in self._audiences_of(table, of):
            for it in carried:
                wanted = audience.disclosure_of(it.class_, it.kind)
                # What is more than the column declares is told of the column.
                is_declared = RANK[it.class_] <= RANK[of.pii.class_]
                if is_declared and wanted not in ("plaintext", how, it.treatment):
                    message = (
                        f"audience {audience.name} gets this column as {how}, and by it "
                        f"{it.class_} {it.kind}, for which it declares {wanted}. Declare what it "
                        f"is under _audiences.{audience.name}.treatment, or take it out of the SQL"
                    )
                    yield self._finding("audience", column, message, it)

    def _finding(
        self, rule: Rule, column: ColumnRef, message: str, carried: Carried | None = None
    ) -> Finding:
        model = self._lineage.models[column.relation]
        line = model.lines.get(column.column)
        where = f"{model.path}:{line}" if line else f"{self._catalog.path.name}"
        path = f". Path: {self._lineage.path(column, carried.edge)}" if carried else ""
        return Finding(rule, where, str(column), f"{message}{path}")


def _is_untreated(declared: Pii, carried: Carried) -> bool:
    """Whether a declared treatment is not what happens to the values on their way."""
    if declared.treatment in (None, "plaintext", carried.treatment):
        return False
    return carried.class_ == "identifier" or carried.kind == declared.kind


def proof_key(catalog: Catalog, graph: ModelGraph) -> str:
    """Digest of all that a proof follows from."""
    macros = (f"{name} {macro.sql}" for name, macro in sorted(graph.macros.items()))
    models = (f"{name} {model.sql}" for name, model in sorted(graph.models.items()))
    rules = f"{VERSION} {version('benepass-tasks')} {version('duckdb')}"
    return digest(rules, *_declared(catalog), *macros, *models)


def _declared(catalog: Catalog) -> Iterator[str]:
    """All that is declared, but for what no proof asks."""
    yield f"{catalog.masks!r} {catalog.audiences!r}"
    datasets: list[Source | Table] = [*catalog.sources.values(), *catalog.tables.values()]
    for dataset in datasets:
        yield " ".join(_told(dataset, (*UNASKED, "columns")))
        for column in dataset.columns.values():
            yield " ".join(_told(column, UNASKED))


def _told(of: Source | Table | Column, but: Collection[str]) -> Iterator[str]:
    return (f"{it.name}={getattr(of, it.name)!r}" for it in fields(of) if it.name not in but)
