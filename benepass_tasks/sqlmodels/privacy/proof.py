"""What each column carries by its lineage, held against what the catalog declares.

A class is passed on by every path that passes the value on (DIRECT); what merely decides about a
value (INDIRECT) is shown in the report and passes nothing on. An approved mask lowers an identifier
to a pseudonym and never further (GDPR, article 4(5) and recital 26: a pseudonym is personal data);
only counting leaves nothing of a person.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Literal, get_args

from benepass_tasks.catalog import Catalog, Column, Pii, PiiClass, Table, Treatment
from benepass_tasks.config.digests import digest
from benepass_tasks.config.errors import PrivacyError
from benepass_tasks.sqlmodels import ModelGraph
from benepass_tasks.sqlmodels.cache import Cache
from benepass_tasks.sqlmodels.lineage import ColumnRef, Edge, Lineage
from benepass_tasks.sqlmodels.privacy.masks import unapproved_masks

if TYPE_CHECKING:
    from benepass_tasks.sqlmodels.effective import Definitions

VERSION = "3"
"""Version of the rules; like one of what parses the SQL, a change proves every project anew."""

RANK: Mapping[str, int] = {name: rank for rank, name in enumerate(get_args(PiiClass))}
"""How closely a value leads to a person."""

COUNTED = "count"

Rule = Literal["policy", "undeclared", "leak", "treatment", "unsupported"]
"""What a finding breaks: the policy itself, a declaration that is missing, too low, not kept, or
that nothing supports."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What one source column passes on to a column, over all paths of one kind.

    Attributes:
        edge: Where it comes from, and what is done on the way.
        class_: What of the source's class arrives.
        sensitive: Whether it may harm its person if known.
        kind: What the source's values are.
        treatment: What an approved mask on the way did; None where there is none.
    """

    edge: Edge
    class_: PiiClass
    sensitive: bool
    kind: str | None
    treatment: Treatment | None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that the catalog and the SQL do not agree on.

    Attributes:
        rule: What it breaks.
        where: File and line.
        subject: The column, or the macro.
        message: What is wrong, over which path, and what to do.
    """

    rule: Rule
    where: str
    subject: str
    message: str

    def __str__(self) -> str:
        """One line for a person."""
        return f"{self.where} {self.subject}: {self.message}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One column: what is declared, what arrives, and what is wrong with it.

    Attributes:
        column: The column.
        declared: What the catalog says of it.
        is_published: Whether analysts get it.
        carried: What arrives in it.
        decided_by: What decides about its values without arriving.
        findings: What is wrong.
    """

    column: ColumnRef
    declared: Pii
    is_published: bool
    carried: tuple[Carried, ...]
    decided_by: tuple[Carried, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """The verdict on every column of every table, and on the policy."""

    verdicts: tuple[Verdict, ...]
    policy: tuple[Finding, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that is wrong; none means that the proof holds."""
        return self.policy + tuple(it for verdict in self.verdicts for it in verdict.findings)


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
    verdicts = (
        court.verdict(table, column)
        for table in catalog.tables.values()
        for column in table.columns.values()
    )
    return Proof(tuple(verdicts), policy)


def require_proof(definitions: "Definitions", cache: Cache) -> None:
    """Prove the project, unless just this catalog and SQL have been proven before.

    Args:
        definitions: The declarations and the masking policy, the SQL and its lineage.
        cache: What was proven last.

    Raises:
        PrivacyError: every finding, one a line.
        ModelError: SQL whose lineage cannot be followed.
    """
    catalog, graph = definitions.catalog, definitions.graph
    key = _key(catalog, graph)
    if cache.recall("proof", key, bool):
        return
    findings = prove(catalog, graph, definitions.lineage).findings
    if findings:
        raise PrivacyError("\n".join(map(str, findings)))
    cache.keep("proof", key, value=True)


class _Court:
    def __init__(self, catalog: Catalog, lineage: Lineage) -> None:
        self._catalog = catalog
        self._lineage = lineage

    def verdict(self, table: Table, of: Column) -> Verdict:
        column, declared = ColumnRef(table.relation, of.name), of.pii
        arriving = sorted(self._arriving(column), key=lambda it: it.edge)
        carried = tuple(it for it in arriving if it.edge.type == "DIRECT")
        untreated = [it for it in carried if _is_untreated(declared, it)]
        findings = (
            *self._not_kept(column, declared, untreated),
            *self._too_low(column, declared, [it for it in carried if it not in untreated]),
            *self._unsupported(column, declared, arriving),
        )
        return Verdict(
            column,
            declared,
            is_published=table.published and of.published,
            carried=carried,
            decided_by=tuple(it for it in arriving if it.edge.type == "INDIRECT"),
            findings=tuple({str(it): it for it in findings}.values()),
        )

    def _arriving(self, column: ColumnRef) -> Iterator[Carried]:
        for edge in self._lineage.origins(column):
            pii = self._catalog.sources[edge.origin.relation].columns[edge.origin.column].pii
            if pii.is_personal and edge.masking != COUNTED:
                yield self._lowered(edge, pii)

    def _lowered(self, edge: Edge, pii: Pii) -> Carried:
        mask = self._catalog.masks.get(edge.masking or "")
        if mask is None or (mask.kinds and pii.kind not in mask.kinds):
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


def _key(catalog: Catalog, graph: ModelGraph) -> str:
    macros = (f"{name} {macro.sql}" for name, macro in sorted(graph.macros.items()))
    models = (f"{name} {model.sql}" for name, model in sorted(graph.models.items()))
    rules = f"{VERSION} {version('benepass-tasks')} {version('duckdb')}"
    return digest(rules, catalog.path.read_text(encoding="utf-8-sig"), *macros, *models)
