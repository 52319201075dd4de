"""What is said of columns: what they carry, what is wrong with them, and the proof as a whole."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from benepass_tasks.catalog import Pii, PiiClass, Treatment
from benepass_tasks.catalog.audiences import Disclosure
from benepass_tasks.catalog.datasets import DerivedFrom
from benepass_tasks.sqlmodels.lineage import ColumnRef, Edge

RANK: Mapping[str, int] = {name: rank for rank, name in enumerate(get_args(PiiClass))}
"""How closely a value leads to a person."""

COUNTED = "count"

Rule = Literal["policy", "undeclared", "leak", "decided", "treatment", "unsupported", "audience"]
"""What a finding breaks: the policy itself, a declaration that is missing, too low, silent about
what decides, not kept, or that nothing supports; or what an audience may see."""


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

    @property
    def origin(self) -> str:
        """The source's column, as `derived_from` names it."""
        return str(self.edge.origin)

    @property
    def decides(self) -> bool:
        """Whether it decides, or is no more than counted."""
        return self.edge.type == "INDIRECT" or self.edge.masking == COUNTED


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that the catalog and the SQL do not agree on.

    Attributes:
        rule: What it breaks.
        where: File and line.
        subject: The column, the table or the macro.
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
        audiences: Who gets it, and what becomes of its values on the way there.
        carried: What arrives in it.
        decided_by: What decides about its values without arriving.
        findings: What is wrong.
    """

    column: ColumnRef
    declared: Pii
    audiences: Mapping[str, Disclosure]
    carried: tuple[Carried, ...]
    decided_by: tuple[Carried, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """The verdict on every column, and what is wrong with the policy and with rows of tables.

    Attributes:
        grounds: What may decide about a column or a table, by its name, and what is told of it.
    """

    verdicts: tuple[Verdict, ...]
    policy: tuple[Finding, ...]
    rows: tuple[Finding, ...]
    grounds: Mapping[str, DerivedFrom]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that is wrong; none means that the proof holds."""
        of_columns = (it for verdict in self.verdicts for it in verdict.findings)
        return (*self.policy, *self.rows, *of_columns)
