"""Expressions of a grammar, with and without parentheses: the lineage says what DuckDB does.

Of each that DuckDB takes, the lineage is told from DuckDB's own tree of it. Then one input after
the other is changed. Whatever of it arrives in the output must be known, or the model be refused.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import duckdb
import pytest
from tracing import MASKS, Database, catalog, graph, unseen

from benepass_tasks.config.errors import ModelError
from benepass_tasks.sqlmodels.lineage import trace
from benepass_tasks.sqlmodels.syntax import Reader, reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PEOPLE = "raw.people"
TEXTS = ("id", "first_name", "email", "boss_id", "tags[1]", "card.kind", "card['code']")

COMPARED = ("=", "==", "<>", "!=", "<", "<=", ">", ">=", "is distinct from", "is not distinct from")
MATCHED = (
    *("like", "not like", "ilike", "not ilike", "~~", "!~~", "~~*", "!~~*", "~~~", "glob"),
    *("similar to", "not similar to", "~", "!~"),
)
OF_NUMBERS = ("+", "-", "*", "/", "//", "%", "^", "**", "&", "|", "<<", ">>")
TESTS = ("is null", "is not null", "isnull", "notnull", "= 'ann'", "is not distinct from null")
TRUTHS = ("is true", "is not true", "is false", "is unknown", "is not null", "is null")
TEXT_FUNCTIONS = (
    *("upper", "lower", "reverse", "trim", "ltrim", "initcap", "md5", "sha256", "strip_accents"),
    *("url_encode", "hex", "to_base64", "quote", "mask_email", "shout", "any_value", "first"),
)
OF_TWO = (
    *("concat", "coalesce", "greatest", "least", "nullif", "ifnull", "concat_ws"),
    *("trim", "arg_max", "max_by", "arg_min", "string_agg"),
)


class Grammar:
    """Writes expressions over the columns of raw.people."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - the same expressions each time

    def expression(self) -> str:
        return self.random.choice((self.text, self.text, self.number, self.truth))(3)

    def text(self, depth: int) -> str:
        if depth == 0 or self.random.random() < 0.15:
            return self.random.choice((*TEXTS, *TEXTS, "'x'", "null"))
        a, b, c = (self.part(self.text, depth) for _ in range(3))
        n, p, q = self.part(self.number, 1), self.truth(depth - 1), self.part(self.truth, depth)
        return self.random.choice(
            (
                *[f"{a} || {b}"] * 3,
                f"{self.one(TEXT_FUNCTIONS)}({a})",
                f"{self.one(TEXT_FUNCTIONS)}({a}) over (partition by {b} order by {c})",
                f"{self.one(OF_TWO)}({a}, {b})",
                f"lag({a}, 1, {b}) over (order by {c})",
                f"replace({a}, {b}, {c})",
                f"regexp_replace({a}, '[a-z]', {b})",
                f"lpad({a}, 12, {b})",
                f"substr({a}, 1, {n})",
                f"{a}[{n}:]",
                f"{a}[1]",
                f"case when {p} then {a} when {q} then {b} else {c} end",
                f"case {a} when {b} then {c} end",
                f"if({p}, {a}, {b})",
                f"{p} || {a}",
                f"{q} or {b} is null || {a}",
                f"{a}::varchar",
                f"cast({p} as varchar)",
                f"try_cast({a} as integer)::varchar",
                f"{a} collate nocase",
                f"[{a}, {b}][{n}]",
                f"map {{{a}: {b}}}[{c}]",
                f"map {{#1: {a}}}[1]",
                f"{{'k': {a}, 'l': {b}}}.l",
                f"{{'k': {a}, 'l': {b}}}['k']",
                f"(row({a}, {b}))[2]",
                f"[z || {b} for z in [{a}, {c}] if z <> {c}][1]",
                f"list_transform([{a}], lambda z: z || {b})[1]",
                f"list_reduce([{a}, {b}], lambda z, w: z || w || {c})",
                f"array_to_string(list_filter([{a}, {b}], lambda z: z < {c}), '')",
                f"(select max(s.item || {a}) from raw.orders as s where s.id <> {b})",
                f"(select {a})",
                f"string_agg({a}, ',' order by {b}) filter (where {p})",
                f"max({a}) filter (where {p})",
                f"printf('%s %s', {a}, {b})",
                f"format('{{}} {{}}', {a}, {b})",
                f"json_object('k', {a}) ->> '$.k'",
                f"cast(to_json({a}) as varchar)",
                f"{a} at time zone 'UTC'",
                f"chr(unicode({a}))",
                f"array_agg({a})[1]",
                f"unnest([{a}, {b}])",
            )
        )

    def number(self, depth: int) -> str:
        if depth == 0:
            return self.random.choice(("1", "2", "3"))
        a, b = self.part(self.text, depth), self.part(self.text, depth)
        n, m = self.part(self.number, depth), self.part(self.number, depth)
        return self.random.choice(
            (
                *[f"{n} {self.one(OF_NUMBERS)} {m}"] * 4,
                f"-{n}",
                f"~{n}",
                f"@ {n}",
                f"length({a})",
                f"unicode({a})",
                f"strpos({a}, {b})",
                f"levenshtein({a}, {b})",
                f"hash({a}) % 9",
                f"count({a})",
                f"count(distinct {a})",
                f"count(*) filter (where {a} > {b})",
                f"row_number() over (order by {a})",
                f"rank() over (partition by {a} order by {b})",
                f"ntile(2) over (order by {a})",
                f"coalesce(try_cast({a} as integer), {n})",
                f"case when {a} = {b} then {n} else {m} end",
                f"(select count(*) from raw.orders as s where s.person_id = {a})",
            )
        )

    def truth(self, depth: int) -> str:
        if depth == 0:
            return self.random.choice(("true", "first_name is null", "email < 'b'"))
        a, b, c = (self.part(self.text, depth) for _ in range(3))
        p, q = self.part(self.truth, depth), self.part(self.truth, depth)
        n, m = self.part(self.number, depth), self.part(self.number, depth)
        return self.random.choice(
            (
                *[f"{a} {self.one(COMPARED)} {b}"] * 3,
                *[f"{a} {self.one(MATCHED)} {b}"] * 3,
                f"{n} {self.one(COMPARED)} {m}",
                f"{a} ^@ {b}",
                f"{a} {self.one(TESTS)}",
                f"{p} {self.one(TRUTHS)}",
                f"{p} and {q}",
                f"{p} or {q}",
                f"not {p}",
                f"{a} between {b} and {c}",
                f"{a} not between symmetric {b} and {c}",
                f"{a} in ({b}, {c})",
                f"{a} not in ({b})",
                f"{a} in [{b}, {c}]",
                f"({a}, {b}) = ({b}, {c})",
                f"1 <> any(select 1) || {a}",
                f"{a} = any([{b}, {c}])",
                f"{a} < all(select s.item from raw.orders as s where s.id <> {b})",
                f"{a} in (select s.person_id from raw.orders as s)",
                f"exists (select 1 from raw.orders as s where s.person_id = {a})",
                f"starts_with({a}, {b})",
                f"regexp_matches({a}, {b})",
                f"contains({a}, {b})",
                f"list_contains([{a}], {b})",
                f"bool_and({p})",
                f"bool_or({p}) over (order by {a})",
            )
        )

    def part(self, write: Callable[[int], str], depth: int) -> str:
        written = write(max(depth - 1, 0))
        return f"({written})" if self.random.random() < 0.6 else written

    def one(self, words: tuple[str, ...]) -> str:
        return self.random.choice(words)


class Fuzzing:
    """What became of the expressions that were tried."""

    def __init__(self) -> None:
        self.database = Database()
        self.followed: list[str] = []
        self.refused: list[str] = []
        self.missed: dict[str, set[str]] = {}

    def try_all(self, expressions: Iterator[str]) -> None:
        with reading() as reader:
            for expression in expressions:
                sql = f"select {expression} as x from {PEOPLE}"
                if self._is_taken(sql):
                    self._try(sql, reader)

    def _is_taken(self, sql: str) -> bool:
        try:
            return self.database.values(sql) is not None
        except duckdb.Error:
            return False

    def _try(self, sql: str, reader: Reader) -> None:
        try:
            found = trace(graph(sql), catalog(), MASKS, reader).models["marts.x"]
        except ModelError:
            self.refused.append(sql)
            return
        self.followed.append(sql)
        missed = unseen(self.database, sql, found)
        if missed:
            self.missed[sql] = missed


def written(seed: int, count: int) -> Iterator[str]:
    grammar = Grammar(seed)
    return (grammar.expression() for _ in range(count))


def test_no_flow_of_an_expression_is_missed() -> None:
    fuzzing = Fuzzing()
    fuzzing.try_all(written(0, 80))
    assert fuzzing.missed == {}
    assert len(fuzzing.followed) > 25


@pytest.mark.nightly
@pytest.mark.sweep
@pytest.mark.parametrize("seed", range(1, 9))
def test_no_flow_of_many_expressions_is_missed(seed: int) -> None:
    fuzzing = Fuzzing()
    fuzzing.try_all(written(seed, 1500))
    assert fuzzing.missed == {}
    assert len(fuzzing.followed) > 250


FUNCTIONS = """
select distinct function_name
from duckdb_functions()
where
    function_type in ('scalar', 'aggregate')
    and (stability = 'CONSISTENT' or stability is null)
    and not coalesce(has_side_effects, false)
    and regexp_full_match(function_name, '[a-z_][a-z0-9_]*')
order by all
"""
ARGUMENTS = (
    *("email", "email, first_name", "email, first_name, id", "email, 1", "email, 1, first_name"),
    *("tags", "tags, email", "tags, 1", "card", "card, 'kind'", "length(email)"),
    *("email = first_name", "length(email), length(first_name)", "email, '%s'", "'%s', email"),
)


@pytest.mark.nightly
@pytest.mark.sweep
def test_no_flow_of_any_function_is_missed() -> None:
    fuzzing = Fuzzing()
    names = [name for (name,) in fuzzing.database.connection.execute(FUNCTIONS).fetchall()]
    calls = (f"{name}({arguments})" for name in names for arguments in ARGUMENTS)
    fuzzing.try_all(calls)
    assert fuzzing.missed == {}
    assert len(fuzzing.followed) > 500
