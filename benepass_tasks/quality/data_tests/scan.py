"""The SQL that tests a table: one query that counts, and one more for what fails.

Counting takes one scan however many tests there are, and for tests that pass that is all. Only
where rows fail are they looked at again, for the keys of the first of them.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from benepass_tasks.catalog import (
    AcceptedValues,
    Column,
    DataTest,
    NotNull,
    Range,
    Regex,
    Relationships,
    RowCount,
    SqlCheck,
    Table,
    Unique,
)
from benepass_tasks.catalog.datasets import ERASED_HOST, ERASED_WORD, Scalar, written
from benepass_tasks.engine.quoting import quote_name, quote_relation, quote_text

MOST_KEYS = 5
"""How many failing rows are named."""

LONGEST_KEY = 200
"""How many characters of a key's value are kept."""


LEADING = ("identifier", "pseudonym")
"""The classes of what becomes a random word where its person is erased."""

ERASED_FORM = f"(?i)^{ERASED_WORD}|{re.escape(ERASED_HOST)}$"
"""The form of such a word, or of an address in its place, as DuckDB reads expressions."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A test as SQL over the table, which is called `tested`.

    Attributes:
        column: The column that the test stands on, if on one.
        test: What is tested.
        count: An aggregate that is 0 if no row fails, and otherwise how many do; of `Unique` it
            may be above 0 although none does.
        condition: What is true of a failing row; empty for `Unique`.
        join: What is joined to the table for it, one row to a row.
        distinct: For `Unique`, the columns.
    """

    column: str | None
    test: DataTest
    count: str
    condition: str = ""
    join: str = ""
    distinct: tuple[str, ...] = ()


def probes_of(table: Table) -> list[Probe]:
    """What a scan of the table finds out: all its tests but those of the row count and by query."""
    return [
        _probe(table, column, test, f"referenced_{index}")
        for index, (column, test) in enumerate(table.promises)
        if not isinstance(test, RowCount | SqlCheck)
    ]


def counting_query(table: Table, probes: Iterable[Probe]) -> str:
    """One row: the number of rows, and the count of each probe."""
    probes = list(probes)
    counts = ", ".join(["count(*)", *(probe.count for probe in probes)])
    return f"select {counts} {_from(table, probes)}"


def sampling_query(table: Table, probes: Sequence[Probe]) -> str:
    """One row: for each probe the keys of its first failing rows, each a list of texts.

    A last value is there for other queries alone. Where nothing is found there is NULL.
    """
    samples = [f"{_smallest(_key(table))} filter (where {probe.condition})" for probe in probes]
    return _texts_of(samples, _from(table, probes))


def repetition_query(table: Table, probe: Probe) -> str:
    """One row: the keys of the first rows that share their values with another, and how many do.

    A value that is repeated has one key, that of its first row.
    """
    columns = _columns(probe.distinct)
    present = " and ".join(f"{column} is not null" for column in columns)
    key = f"min({_key(table)})" if table.key else "{'texts': [null]}"
    repeated = (
        f"from (select count(*) as row_count, {key} as first_key {_from(table, ())} "
        f"where {present} group by {', '.join(columns)} having count(*) > 1)"
    )
    return _texts_of(
        [_smallest("first_key")], repeated, "cast(coalesce(sum(row_count), 0) as bigint)"
    )


def check_count_query(sql: str) -> str:
    """One row: how many rows a check returns."""
    return f"select count(*) from (\n{sql}\n)"  # noqa: S608


def check_sampling_query(table: Table, sql: str) -> str:
    """One row: the keys of the first rows of the table that a check, which has them all, returns.

    They are the table's own, whatever the check calls by their names.
    """
    own, returned = ", ".join(_columns(table.key)), ", ".join(map(quote_name, table.key))
    source = f"{_from(table, ())} where ({own}) in (select ({returned}) from (\n{sql}\n))"  # noqa: S608
    return _texts_of([_smallest(_key(table))], source)


def _probe(table: Table, column: str | None, test: DataTest, alias: str) -> Probe:
    if isinstance(test, Unique):
        columns = test.columns or (str(column),)
        return Probe(column, test, _surplus(columns), distinct=columns)
    name = _columns((str(column),))[0]
    if isinstance(test, NotNull):
        return Probe(column, test, f"count(*) - count({name})", f"{name} is null")
    if isinstance(test, Relationships):
        if table.columns[str(column)].type.endswith("[]"):
            return _relationship_of_items(column, test, name, alias)
        return _relationship(column, test, name, alias)
    condition = _condition(test, name, table.columns[str(column)])
    return Probe(column, test, f"count(*) filter (where {condition})", condition)


def _surplus(columns: tuple[str, ...]) -> str:
    """Rows beyond the distinct ones; by hash, which takes less time and memory than the values.

    Values that are equal have equal hashes, so that no repetition is missed; different ones with
    the same hash are told apart later.
    """
    names = _columns(columns)
    present = " and ".join(f"{name} is not null" for name in names)
    rows = f"count({names[0]})" if len(names) == 1 else f"count(*) filter (where {present})"
    return f"{rows} - count(distinct case when {present} then hash({', '.join(names)}) end)"


def _relationship(column: str | None, test: Relationships, name: str, alias: str) -> Probe:
    referenced, found = quote_name(test.column), f"{alias}.found"
    others = quote_relation(test.to)
    return Probe(
        column,
        test,
        f"count({name}) - count({found})",
        f"{name} is not null and {found} is null",
        f"left join (select distinct {referenced} as found "  # noqa: S608
        f"from {others} where {referenced} is not null) as {alias} on {name} = {found}",
    )


def _relationship_of_items(column: str | None, test: Relationships, name: str, alias: str) -> Probe:
    referenced, others = quote_name(test.column), quote_relation(test.to)
    condition = f"not list_has_all({alias}.found, {name})"
    return Probe(
        column,
        test,
        f"count(*) filter (where {condition})",
        condition,
        f"cross join (select coalesce(list(distinct {referenced}), []) as found "  # noqa: S608
        f"from {others}) as {alias}",
    )


def _condition(test: DataTest, name: str, column: Column) -> str:
    if isinstance(test, AcceptedValues):
        values = ", ".join(_literal(value, column.type) for value in test.values)
        if column.type.endswith("[]"):
            return f"not list_has_all([{values}], {name})"
        return f"{name} not in ({values})"
    if isinstance(test, Range):
        return " or ".join(_outside(test, name, column.type))
    if isinstance(test, Regex):
        broken = f"not regexp_matches({name}, {quote_text(test.pattern)})"
        if column.pii.class_ not in LEADING:
            return broken
        # What stands for somebody erased has no form that anybody could promise.
        return f"{broken} and not regexp_matches({name}, {quote_text(ERASED_FORM)})"
    raise NotImplementedError(test.kind)


def _outside(test: Range, name: str, kind: str) -> Iterator[str]:
    if test.minimum is not None:
        yield f"{name} < {_literal(test.minimum, kind)}"
    if test.maximum is not None:
        yield f"{name} > {_literal(test.maximum, kind)}"
    if kind == "DOUBLE":
        yield f"isnan({name})"


def _literal(value: Scalar, kind: str) -> str:
    return f"cast({quote_text(written(value))} as {kind.removesuffix('[]')})"


def _smallest(key: str) -> str:
    return f"min({key}, {MOST_KEYS})"


def _texts_of(keys: Iterable[str], source: str, more: str = "null") -> str:
    """Of lists of keys only the texts; apart, since no column may be called like a key there."""
    keys = list(keys)
    named = ", ".join(f"{key} as keys_{index}" for index, key in enumerate(keys))
    texts = (f"[one.texts for one in keys_{index}]" for index in range(len(keys)))
    return f"select {', '.join(texts)}, more from (select {named}, {more} as more {source})"  # noqa: S608


def _key(table: Table) -> str:
    """A struct that is ordered as the key's columns are, and holds them as texts."""
    names = _columns(table.key)
    parts = [f"k{index} := {name}" for index, name in enumerate(names)]
    texts = ", ".join(f"left(cast({name} as varchar), {LONGEST_KEY})" for name in names)
    return f"struct_pack({', '.join(parts)}, texts := [{texts}])"


def _from(table: Table, probes: Iterable[Probe]) -> str:
    joins = [probe.join for probe in probes if probe.join]
    return " ".join([f"from {quote_relation(table.relation)} as tested", *joins])


def _columns(names: Iterable[str]) -> list[str]:
    return [f"tested.{quote_name(name)}" for name in names]
