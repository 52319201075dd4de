"""The SQL that finds out what a change affects, and computes it: small tables, one after the other.

Sets of key values are SELECTs with the columns k0, k1, ...; NULL is a value like any other.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from benepass_tasks.engine.quoting import quote_name
from benepass_tasks.sqlmodels.changes.trees import Tree, Trees, columns_in

PREFIX = "changes_"
"""How the name of each small table begins."""

NAME = re.compile(rf"\b{PREFIX}\d+\b")


@dataclass(frozen=True, slots=True)
class Step:
    """One small table.

    Attributes:
        name: Its name.
        sql: The SELECT that it is made of.
        part_of: The stored table whose rows it has a part of; None for a set of keys.
        must_be_empty: Why any row is affected where there is one in it; None where it is no guard.
    """

    name: str
    sql: str
    part_of: str | None = None
    must_be_empty: str | None = None


@dataclass(slots=True)
class Script:
    """Small tables in the order in which they are made; what is asked for twice is made once."""

    trees: Trees
    steps: dict[str, Step] = field(default_factory=dict)

    def make(self, sql: str, part_of: str | None = None, must_be_empty: str | None = None) -> str:
        """The name of the small table that a SELECT makes."""
        if sql not in self.steps:
            name = f"{PREFIX}{len(self.steps) + 1}"
            self.steps[sql] = Step(name, sql, part_of, must_be_empty)
        return self.steps[sql].name

    def keys(self, parts: Iterable[str]) -> str:
        """The name of the small table of the key values in several SELECTs."""
        return self.make("\nunion\n".join(dict.fromkeys(parts)))

    def values(
        self, expressions: Sequence[Tree], table: str, conditions: Sequence[Tree] = ()
    ) -> str:
        """The values of expressions in the rows of a table that meet conditions, as SELECT."""
        listed, where = self._listed(expressions), self._where(conditions)
        return f"select distinct {listed} from {table} as t{where}"

    def matching(
        self,
        expressions: Sequence[Tree],
        table: str,
        where: Sequence[Tree],
        keys: str,
        conditions: Sequence[Tree] = (),
    ) -> str:
        """The same in those rows alone in which other expressions are among some keys."""
        listed, among = self._listed(expressions), self.among(where, keys)
        return f"select distinct {listed} from {table} as t{among}{self._where(conditions)}"

    def among(self, expressions: Sequence[Tree], keys: str) -> str:
        """The join that leaves the rows of `t` whose expressions are among some keys."""
        joined, constant = list[str](), list[str]()
        for number, it in enumerate(expressions):
            same = f"{self.trees.write(it, 't')} is not distinct from k{number}"
            (joined if columns_in(it) else constant).append(same)
        found = f"(select * from {keys} where {' and '.join(constant)})" if constant else keys
        return f" semi join {found} as k on {' and '.join(joined) or 'true'}"

    def _listed(self, expressions: Sequence[Tree]) -> str:
        return ", ".join(f"{self.trees.write(it, 't')} as k{i}" for i, it in enumerate(expressions))

    def _where(self, conditions: Sequence[Tree]) -> str:
        written = dict.fromkeys(self.trees.write(it, "t") for it in conditions)
        return f" where {' and '.join(f'({it})' for it in written)}" if written else ""


def guards_first(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Steps in an order in which each guard comes as soon as what it reads is there."""
    by_name = {it.name: it for it in steps}
    ordered: dict[str, Step] = {}

    def add(step: Step) -> None:
        for name in NAME.findall(step.sql):
            if name not in ordered and name != step.name:
                add(by_name[name])
        ordered[step.name] = step

    guards = sorted((it for it in steps if it.must_be_empty), key=_reads)
    for it in (*guards, *steps):
        if it.name not in ordered:
            add(it)
    return tuple(ordered.values())


def _reads(step: Step) -> int:
    """How many small tables a step reads itself."""
    return len(NAME.findall(step.sql))


def name_of(relation: str) -> str:
    """A stored table as SQL names it."""
    return quote_name(*relation.split(".", 1))
