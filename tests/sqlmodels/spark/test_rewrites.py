"""What a construct means is the same on Spark: each rewrite, over values that tell it apart."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benepass_tasks.sqlmodels import Model
from benepass_tasks.sqlmodels.spark import Columns, Target, spark_query
from benepass_tasks.sqlmodels.spark.building import FUNCTIONS, REWRITES
from benepass_tasks.sqlmodels.spark.times import MONTHS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import duckdb
    from sparking import BothEngines

TEXTS = (
    None, "", " ", "a", "A", "ab", "a\n", "\n", "a\nb", "\ta ", "\u00a0a\u2003", "\u0085", "é",
    "e\u0301", "a\u200d\u0301", "İstanbul", "ΣΑΣ", "ẞ", "\U0001e900", "Ⅷ", "\ua7d0", "🦆\u0301",
    "\u0378", "\U000e0fff", "٣", "7", "007", "0", "a0", "x@y@z", "@", "NULL", "a,b", "a, b", "'",
    '"', "\\", "\\'", "$1", "{a}", "(a", "a:b", "T1Z", "\u2028", "\u3000a", "a\u00ad", "\x7f",
    "9999999999999999.99", "10000000000000000", "-0", "+5", "5.", ".5", "1.005", "0" * 60 + "1",
    "2025-02-30", "2024-02-29", "1582-10-10", "1500-02-29", "9999-12-31",
    "2025-06-15T12:00:00Z", "2025-06-15 12:00:00.5", "2025-06-15T12:00:00.123456789Z",
    "2025-13-01T08:00:00Z", "2025-06-15T24:00:00Z", "2025-06-15 24:00:00.000",
    "2025-06-15T24:00:01Z",
    "2025-06-15T25:00:00Z", "2025-06-15T12:60:00Z", "2025-06-15T12:00:60Z",
    "2025-06-15T12:00:00+14:00", "2025-06-15T12:00:00-0530", "2025-06-15T12:00:00+05",
    "2025-06-15T24:00:00+01:00", "9999-12-31T23:59:59-14:00", "1000-01-01T00:00:00Z",
)  # fmt: skip
NUMBERS = (None, 0, 1, -1, 2, 3, 7, 1000, 9_007_199_254_740_993)
DECIMALS = (None, "0.00", "0.01", "-0.50", "1.00", "2.85", "100.05", "9999999999999999.99")
MOMENTS = (
    None, "2025-01-31 23:59:59.5", "2025-02-01 00:00:00", "2024-02-29 12:00:00.000001",
    "1000-01-01 00:00:00", "1969-12-31 23:59:59", "9999-12-31 00:00:00",
)  # fmt: skip
DAY = "[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}"
CLOCK = "[T ][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?"
ZONE = "(Z|[+-][0-9]{2}(:?[0-9]{2})?)"
MONEY = "[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)"


def shaped(shape: str, then: str) -> str:
    return f"case when regexp_full_match(t, '{shape}') then {then} end"


EXPRESSIONS: dict[str, list[str]] = {
    "texts.written_out": ["chr(65279)", "chr(160) || chr(955)"],
    "texts.lower": ["lower(t)"],
    "texts.trim": ["trim(t)", "ltrim(t, '0')", "rtrim(t, 'a ')", "trim(t, chr(32) || chr(9))"],
    "texts.translate": ["translate(t, 'ab🦆é', 'xy')"],
    "texts.suffix": ["suffix(t, 'Z')"],
    "texts.strlen": ["strlen(t)"],
    "texts.length": ["length(t)"],
    "texts.nfc_normalize": ["nfc_normalize(t)"],
    "texts.of_json": [
        """json_extract_string('{"made":"' || regexp_extract(t, '[a-z0-9]*') || '"}', '$.made')""",
        """json_extract_string('{"other":"é", "made":"the \\u00e9 of café"}', '$.made')""",
        """json_extract_string('{"made":null}', '$.made')""",
        "json_extract_string('{}', '$.made')",
    ],
    "texts.full_match": ["regexp_full_match(t, '[a-z]|a.b')", "regexp_full_match(t, 'a$')"],
    "texts.matches": [
        "regexp_matches(t, 'a$')", r"regexp_matches(t, '^\s')", r"regexp_matches(t, '\d$')",
        "regexp_matches(t, '^.$')", r"regexp_matches(t, '\w')", r"regexp_matches(t, '[\p{C}]')",
        r"regexp_matches(t, '[^\p{Z}]')", "regexp_matches(t, '[&&[a]')",
    ],
    "texts.extract": ["regexp_extract(t, '@([^@]*)$', 1)", "regexp_extract(t, '[0-9]+')"],
    "texts.replace": [
        r"regexp_replace(t, '^(.)(.*)$', '\2\1')", r"regexp_replace(t, '[\p{Z}\n]+', ' ', 'g')",
        "regexp_replace(t, '[.][^.]*$', '')",
    ],
    "times.at_utc": [shaped(DAY + CLOCK + ZONE, "try_cast(t as timestamptz) at time zone 'UTC'")],
    "times.truncated": [f"date_trunc('{it}', moment)" for it in MONTHS],
    "times.days_between": ["date_diff('day', moment, timestamp '2025-02-01 00:30:00')"],
    "times.interval": ["moment - interval 90 minutes"],
    "times.from_midnight": ["day + interval 1 hour", "day - interval 1 day"],
    "times.alike": ["moment < day", "moment >= day + interval 1 day", "day = moment"],
    "numbers.named_type": ["cast(null as timestamp)", "cast(moment as date)"],
    "numbers.try_cast": [
        shaped(MONEY, "try_cast(t as decimal(18, 2))"), shaped(DAY, "try_cast(t as date)"),
        shaped(f"{DAY}{CLOCK}Z?", "try_cast(t as timestamp)"),
    ],
    "numbers.plain_cast": [
        "cast(d as varchar)", "cast(moment as varchar)", "cast(day as varchar)",
        "cast(n as varchar)", "cast([t, cast(moment as varchar), 'x'] as varchar)",
    ],
    "numbers.quotient": ["n / nullif(d, 0)", "d / 7"],
    "numbers.rounded": ["round(d / 1000, 2)", "round(n / 7, 4)", "round(d / 3, 0)"],
    "hashes.own_hash": ["hash(t) = hash(t)", "hash('a', n) <> hash('b', n)", "hash(n) >= 0"],
    "numbers.joined": ["t || '-' || t"],
    "lists.array": ["[t, 'b']", "if(n > 1, [t], [])", "cast([] as varchar[])"],
    "lists.element": ["[t, 'b'][1]", "[t, 'b'][-2]", "[t][3]"],
    "lists.filtered": ["list_filter([t, 'b'], lambda it: it = 'b')"],
    "lists.transformed": ["list_transform([n, 1], lambda it: it + 1)"],
    "lists.reduced": ["list_reduce([n, 1], lambda sum, it: sum + it, cast(n as bigint))"],
    "lists.appended": ["list_append([t], 'b')", "list_append(if(n > 1, [t], null), 'c')"],
    "lists.contains": ["list_contains([t, 'a'], 'a')", "list_contains([t, null], t)"],
    "lists.struct": ["{'a': t, 'b': n}.a", "struct_pack(a := t, b := n).b"],
    "queries.never_unknown": ["t is distinct from 'a'", "[t] is not distinct from ['a']"],
    "queries.truth": ["(n > 1) is true", "(n > 1) is not true", "(n > 1) is false"],
}  # fmt: skip
"""Expressions over the columns of `given`, by the rewrites that they need."""

QUERIES: dict[str, str] = {
    "lists.listed": "select n, list(t order by t, id) as made from raw.given group by n",
    "lists.sorted_list": "select n, list_sort(list(distinct [coalesce(t, '')])) as made "
    "from raw.given group by n",
    "lists.first": "select n, first(t order by d desc, t, id) as made from raw.given group by n",
    "lists.least_by": "select n, arg_min(t, id) as made from raw.given group by n",
    "numbers.exact": "select n, cast(sum(d) as decimal(38, 2)) as made from raw.given group by n",
    "queries.distinct_in_window": "select id, count(distinct t) over (partition by n) as made "
    "from raw.given",
    "queries.apart": "select id, row_number() over same - 1 as made from raw.given "
    "window same as (partition by n order by id)",
    "queries.without_hint": "with it as materialized (select id from raw.given) select id from it",
    "queries.not_recursive": "with it as (select id from raw.given) select id from it",
    "queries.known_join": "select a.id from raw.given as a anti join raw.given as b "
    "on a.t = b.t and a.id < b.id",
    "queries.by_position": "select id, null as made from raw.given union all "
    "select id, t from raw.given",
    "queries.of_all": "select distinct t from raw.given",
    "queries.named_groups": "select lower(t) as made, count(*) as c from raw.given group by made",
    "queries.by_rows": "select id, last_value(t) over (partition by n order by id rows between "
    "unbounded preceding and unbounded following) as made from raw.given",
    "order": "select id, row_number() over (order by t, moment desc, id) as made from raw.given",
    "lists in order": "select id, row_number() over (order by made desc, id) as place from "
    "(select id, if(n > 1, [coalesce(t, ''), 'x'], []) as made from raw.given) as it",
    "equal lists": "select count(distinct made) as c from "
    "(select [t, cast(d as varchar)] as made from raw.given) as it",
    "generator": "select n, unnest([t, 'x']) as made from raw.given",
    "qualified": "select id from raw.given qualify row_number() over (partition by n order by id) "
    "= 1",
}
"""Whole queries, by the rewrites that they need, or by what they are about."""


@pytest.fixture(scope="module")
def given(engines: BothEngines) -> Iterator[duckdb.DuckDBPyConnection]:
    with engines.workbench.loaded({}) as connection:
        connection.execute(
            "create table raw.given (id bigint, t varchar, n bigint, d decimal(18, 2), "
            "day date, moment timestamp)"
        )
        rows = [
            (
                id_, text, NUMBERS[id_ % len(NUMBERS)], DECIMALS[id_ % len(DECIMALS)],
                (MOMENTS[id_ % len(MOMENTS)] or "2025-01-01")[:10], MOMENTS[id_ % len(MOMENTS)],
            )
            for id_, text in enumerate(TEXTS * 4)
        ]  # fmt: skip
        connection.executemany("insert into raw.given values (?, ?, ?, ?, ?, ?)", rows)
        kinds = engines.kinds(connection, "raw.given")
        engines.give("raw.given", connection.sql("from raw.given").to_arrow_table(), kinds)
        yield connection


def model_of(sql: str) -> Model:
    return Model(
        "raw.made", Path("sql/made.sql"), sql, "", ("raw.given",), frozenset(), frozenset()
    )


@pytest.mark.parametrize("rewrite", EXPRESSIONS)
def test_an_expression_comes_out_as_on_duckdb(
    rewrite: str, given: duckdb.DuckDBPyConnection, engines: BothEngines
) -> None:
    made = ", ".join(f"{it} as made{place}" for place, it in enumerate(EXPRESSIONS[rewrite]))
    sql = f"select id, t, {made} from raw.given"
    different = engines.compared(given, model_of(sql), sql)
    assert not different, different


@pytest.mark.parametrize("rewrite", QUERIES)
def test_a_query_comes_out_as_on_duckdb(
    rewrite: str, given: duckdb.DuckDBPyConnection, engines: BothEngines
) -> None:
    sql = QUERIES[rewrite]
    different = engines.compared(given, model_of(sql), sql)
    assert not different, different


def test_every_rewrite_is_needed_by_something_here() -> None:
    every = {it for found in REWRITES.values() for it in found} | set(FUNCTIONS.values())
    assert set(map(name_of, every)) == {it for it in (*EXPRESSIONS, *QUERIES) if "." in it}


def test_what_is_written_is_the_same_each_time() -> None:
    sql = "select id, lower(t) as made from raw.given"
    columns = Columns({}, frozenset(), {"id": "BIGINT", "made": "VARCHAR"})
    queries = {spark_query(model_of(sql), {}, columns, Target({}, str)) for _ in range(2)}
    assert len(queries) == 1


def name_of(rewrite: Callable[..., object]) -> str:
    return f"{rewrite.__module__.rpartition('.')[2]}.{rewrite.__name__}"
