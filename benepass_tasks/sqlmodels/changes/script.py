"""The SQL that finds out what a change affects, and computes it: small tables, one after the other.

Sets of key values are SELECTs with the columns k0, k1, ...; NULL is a value like any other.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from benepass_tasks.engine.key_hashes import hash_of_text
from benepass_tasks.engine.quoting import quote_name, quote_relation
from benepass_tasks.sqlmodels.changes.expressions import in_terms_of, is_function_of
from benepass_tasks.sqlmodels.changes.trees import (
    Tree,
    Trees,
    column,
    columns_in,
    walk,
    with_settings,
)

PREFIX = "changes_"
"""How the name of each small table begins."""

NAME = re.compile(rf"\b{PREFIX}\d+\b")

Hashes: TypeAlias = Mapping[str, Mapping[str, str]]
"""By stored table, as SQL names it, columns with the names of their stored hashes."""

LookUp: TypeAlias = tuple[str, str]
"""A table, and the join that leaves those of its rows that are looked for."""


@dataclass(frozen=True, slots=True)
class Part:
    """A SELECT of key values, or of the ids of rows.

    Attributes:
        listed: What is selected, as SQL.
        table: What it is selected from.
        keys: The small table of the keys of the rows that are looked for, if not all of them are.
        among: The join with it that leaves these rows.
        where: The conditions that they meet.
        filled: How many of its first columns are not NULL.
        is_wide: Whether it reads more columns of these rows than the join does.
        instead: What has all of its values, and perhaps others.
        origin: The stored table in whose rows, of now or of before, the values are found.
    """

    listed: str
    table: str
    keys: str = ""
    among: str = ""
    where: tuple[str, ...] = ()
    filled: int = 0
    is_wide: bool = field(default=False, compare=False)
    instead: "Part | None" = field(default=None, compare=False)
    origin: str = field(default="", compare=False)

    def sql(self, ids: Sequence[str] = (), *, is_distinct: bool = True) -> str:
        """The SELECT.

        Args:
            ids: The small tables of the ids of its rows, where these have been looked for.
            is_distinct: Whether each value is to be there once.
        """
        rows = [f"select id from {it}" for it in ids]
        if ids and self.listed == ROW_ID and not self.where:
            return "\nunion\n".join(rows)
        found = [f"t.rowid in ({' union all '.join(rows)})"] if ids else []
        where = " and ".join([*found, *(f"({it})" for it in self.where)])
        among, where = "" if ids else self.among, f" where {where}" if where else ""
        distinct = "distinct " if is_distinct and self.listed != ROW_ID else ""
        selected = f"select {distinct}{self.listed} from {self.table} as t{among}{where}"
        if not self.filled:
            return selected
        filled = " and ".join(f"k{number} is not null" for number in range(self.filled))
        return f"select * from ({selected}) where {filled}"


ROW_ID = "t.rowid as id"
"""What is selected where the ids of rows are wanted."""


@dataclass(frozen=True, slots=True)
class Step:
    """One small table.

    Attributes:
        name: Its name.
        sql: The SELECT that it is made of.
        part_of: The stored table whose rows it has a part of; None for a set of keys.
        must_be_empty: Why any row is affected if there is one in it; None where it is not a guard.
        parts: What `sql` unites.
    """

    name: str
    sql: str
    part_of: str | None = None
    must_be_empty: str | None = None
    parts: tuple[Part, ...] = ()


@dataclass(slots=True)
class Script:
    """Small tables in the order in which they are made; what is asked for twice is made once.

    Attributes:
        trees: Writes expressions.
        figures: What the figures are.
        hashes: By stored table, the columns by whose hashes its rows are looked up, with the names
            of these. What is found may then be more than was looked for.
        sought: By stored table, the columns that rows are looked up by.
    """

    trees: Trees
    figures: Mapping[str, Tree] = field(default_factory=dict)
    hashes: Hashes = field(default_factory=dict)
    sought: dict[str, set[str]] = field(default_factory=dict)
    _steps: dict[str, Step] = field(default_factory=dict)
    _parts: dict[str, tuple[Part, ...]] = field(default_factory=dict)
    _origins: dict[str, set[str]] = field(default_factory=dict)

    def make(
        self,
        sql: str,
        part_of: str | None = None,
        must_be_empty: str | None = None,
        parts: tuple[Part, ...] = (),
    ) -> str:
        """The name of the small table that a SELECT makes."""
        if sql not in self._steps:
            name = f"{PREFIX}{len(self._steps) + 1}"
            self._steps[sql] = Step(name, sql, part_of, must_be_empty, parts)
        return self._steps[sql].name

    def keys(self, parts: Iterable[Part], part_of: str | None = None) -> str:
        """The name of the small table of the key values in several SELECTs."""
        given = list(dict.fromkeys(parts))
        united = self._without_repeated(given)
        if len(united) == 1 and self._made_of(united[0]):
            return united[0].table
        name = self.make(_united(united, {}), part_of, parts=united)
        self._parts[name] = united
        self._origins[name] = {it.origin for it in given}.union(
            *(self._origins[it.table] for it in given if self._made_of(it))
        )
        return name

    def _without_repeated(self, given: Sequence[Part]) -> tuple[Part, ...]:
        """The SELECTs but those whose values are among those of the others."""
        kept = [*given]
        # What is made already costs least.
        for part in sorted(given, key=lambda it: bool(self._made_of(it))):
            others = [it for it in kept if it is not part]
            if self._is_within(part, others):
                kept = others
        return tuple(kept)

    def _made_of(self, part: Part) -> tuple[Part, ...]:
        """What a small table unites, of which a SELECT has all values; none for another SELECT."""
        return self._parts.get(part.table, ()) if part == whole(part.table) else ()

    def _is_within(self, part: Part, others: Sequence[Part]) -> bool:
        """Whether all values of a SELECT are among those of others, told by its text."""
        if any(self._holds(it, part) for it in others):
            return True
        if part.instead and self._is_within(part.instead, others):
            return True
        united = self._made_of(part)
        return bool(united) and all(self._is_within(it, others) for it in united)

    def _holds(self, one: Part, other: Part) -> bool:
        """Whether all values of a SELECT are among those of one."""
        if any(self._holds(it, other) for it in self._made_of(one)):
            return True
        if (one.listed, one.table) != (other.listed, other.table) or one.filled > other.filled:
            return False
        if other.keys != one.keys and self._is_within(whole(other.keys), [whole(one.keys)]):
            among = other.among.replace(f" {other.keys} as k ", f" {one.keys} as k ")
            other = replace(other, keys=one.keys, among=among)
        is_alike = (one.keys, one.among) == (other.keys, other.among)
        return is_alike and set(one.where) <= set(other.where)

    def rows(self, relation: str, sought: Iterable[tuple[Sequence[Tree], str]]) -> str:
        """The name of the small table of the ids of rows of a stored table.

        Args:
            relation: The table.
            sought: Expressions over it, with the keys that they are among.
        """
        table = quote_relation(relation)
        parts = (Part(ROW_ID, table, keys, self._among(key, keys, table)) for key, keys in sought)
        return self.keys(parts, relation)

    def guard(self, part: Part, why: str) -> None:
        """Note that a change by rows is not to be had where a SELECT has a row."""
        self.make(f"select * from ({part.sql()}) limit 1", must_be_empty=why)

    def values(
        self, expressions: Sequence[Tree], table: str, conditions: Sequence[Tree], origin: str
    ) -> Part:
        """The values of expressions in the touched rows of a stored table that meet conditions."""
        where = self._where(conditions)
        return Part(self._listed(expressions), table, where=where, origin=origin)

    def matching(
        self,
        expressions: Sequence[Tree],
        table: str,
        where: Sequence[Tree],
        keys: str,
        conditions: Sequence[Tree] = (),
    ) -> Part:
        """The same in those rows alone in which other expressions are among some keys.

        Values that follow from keys of the same table need not be looked up.
        """
        instead, is_own = None, table in self._origins.get(keys, ())
        if all(is_function_of(it, where) for it in expressions):
            given = [column(f"k{number}") for number in range(len(where))]
            of_keys = [in_terms_of(it, where, given) for it in expressions]
            if of_keys == given:
                instead = whole(keys)
            elif is_own:
                # Keys of another table may be of another type.
                instead = Part(self._listed(of_keys), keys, origin=table)
        if instead and is_own and not conditions:
            return instead
        listed, among = self._listed(expressions), self._among(where, keys, table)
        found = Part(listed, table, keys, among, self._where(conditions), origin=table)
        joined = {it["name"] for it in columns_in(*where)}
        read = {it["name"] for it in columns_in(*expressions, *conditions)}
        return replace(found, is_wide=not read <= joined, instead=instead)

    def among(self, expressions: Sequence[Tree], keys: str) -> str:
        """The join that leaves the rows of `t` whose expressions are among some keys."""
        return self._among(expressions, keys, "")

    def _among(self, expressions: Sequence[Tree], keys: str, table: str) -> str:
        """The same for a stored table, which may be looked up by hashes."""
        joined, constant, hashes = list[str](), list[str](), self.hashes.get(table, {})
        for number, it in enumerate(expressions):
            if it["class"] == "COLUMN" and not it["fields"]:
                self.sought.setdefault(table, set()).add(it["name"])
                if stored := hashes.get(it["name"]):
                    joined.append(f"t.{quote_name(stored)} = {hash_of_text(f'k{number}')}")
                    continue
            same = f"{self._written(it)} is not distinct from k{number}"
            (joined if columns_in(it) else constant).append(same)
        found = f"(select * from {keys} where {' and '.join(constant)})" if constant else keys
        return f" semi join {found} as k on {' and '.join(joined) or 'true'}"

    def steps(self) -> tuple[Step, ...]:
        """All steps, and before some of them one that finds the ids of rows.

        There is one before the first of several that look for the same rows, and before one that
        reads other columns of them: a scan reads all that it is asked for of every row.
        """
        sought = Counter(
            (part.table, part.among)
            for step in self._steps.values()
            for part in step.parts
            if part.among
        )
        ids, ordered = dict[LookUp, str](), list[Step]()
        for step in self._steps.values():
            for part in step.parts:
                look_up = (part.table, part.among)
                is_apart = sought[look_up] > 1 or (part.among and part.is_wide)
                if is_apart and look_up not in ids:
                    ids[look_up] = f"{PREFIX}{len(self._steps) + len(ids) + 1}"
                    sql = replace(part, listed=ROW_ID, where=(), filled=0).sql()
                    ordered.append(Step(ids[look_up], sql))
            sql = _united(step.parts, ids) if step.parts else step.sql
            ordered.append(replace(step, sql=sql))
        return tuple(ordered)

    def _listed(self, expressions: Sequence[Tree]) -> str:
        return ", ".join(f"{self._written(it)} as k{i}" for i, it in enumerate(expressions))

    def _where(self, conditions: Sequence[Tree]) -> tuple[str, ...]:
        # A condition only takes rows away; one with a figure that is not known takes none.
        known = (it for it in conditions if not _unknown(with_settings(it, self.figures)))
        return tuple(dict.fromkeys(map(self._written, known)))

    def _written(self, expression: Tree) -> str:
        return self.trees.write(with_settings(expression, self.figures), "t")


def _unknown(condition: Tree) -> bool:
    return any(it["class"] == "FIGURE" for it in walk(condition))


def whole(table: str) -> Part:
    """All values in a small table."""
    return Part("*", table)


def _united(parts: Sequence[Part], ids: Mapping[LookUp, str]) -> str:
    """The SELECT of all values of several, each once.

    Args:
        parts: They.
        ids: The small tables of the ids of rows that are looked for apart.
    """
    looked_up, others = dict[Part, list[str]](), list[Part]()
    for part in parts:
        if found := ids.get((part.table, part.among)):
            looked_up.setdefault(replace(part, keys="", among=""), []).append(found)
        else:
            others.append(part)
    # UNION leaves each value once; to have each branch do so as well takes twice as long.
    is_one = len(looked_up) + len(others) == 1
    selects = [
        *(it.sql(is_distinct=is_one) for it in others),
        *(it.sql(found, is_distinct=is_one) for it, found in looked_up.items()),
    ]
    return "\nunion\n".join(selects)


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
