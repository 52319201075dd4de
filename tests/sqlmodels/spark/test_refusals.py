"""What cannot be carried over to Spark is refused, with its place and what to write instead."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benepass_tasks.config.errors import ModelError
from benepass_tasks.sqlmodels import Macro, Model
from benepass_tasks.sqlmodels.spark import Columns, SparkQuery, Target, spark_query

if TYPE_CHECKING:
    from collections.abc import Mapping

NONE = frozenset[str]()
READ = {
    "t": "VARCHAR", "n": "BIGINT", "d": "DECIMAL(18,2)", "day": "DATE", "parts": "VARCHAR[]",
    "x": "DOUBLE",
}  # fmt: skip
KEY = Macro(
    "pseudonym",
    Path("sql/macros/pseudonym.sql"),
    "-- A macro.\ncreate or replace macro pseudonym(value) as\n"
    "    sha256(getvariable('hash_key_inner') || value)",
    "",
    NONE,
    frozenset({"hash_key_inner"}),
)


def query(sql: str, *macros: Macro) -> str:
    model = Model("marts.made", Path("sql/marts/made.sql"), sql, "", ("raw.given",), NONE, NONE)
    columns = Columns.of([READ], {"made": "VARCHAR"})
    return spark_query(model, {it.name: it for it in macros}, columns, Target({}, str)).sql


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("nonsense(t)", "the function nonsense has no counterpart"),
        ("t similar to 'a'", "not known to mean the same"),
        ("t like 'a%'", "not known to mean the same"),
        ("n % 3", "not known to mean the same"),
        ("n // 3", "not known to mean the same"),
        ("d * d", "not known to mean the same"),
        ("n / d", "divide by nullif"),
        ("round(d, 1)", "cast it to a decimal"),
        ("cast(t as date)", "use try_cast behind a match"),
        ("cast(t as double)", "the type DOUBLE"),
        ("cast(d as bigint)", "decimals are rounded here and cut off there"),
        ("cast(x as varchar)", "a text of DOUBLE"),
        ("cast(parts as varchar)", "a text of VARCHAR[]"),
        ("d || t", "is not text"),
        ("try_cast(t as date)", "case when regexp_full_match"),
        ("case when t <> '' then try_cast(t as date) end", "case when regexp_full_match"),
        (
            "case when regexp_full_match(t, '[0-9-]+') then try_cast(t as date) end",
            "lets '2025' in",
        ),
        (
            "case when regexp_full_match(t, '.*') then try_cast(t as decimal(18, 2)) end",
            "lets '' in",
        ),
        ("case when regexp_full_match(t, '[0-9]') then try_cast(t as bigint) end", "to a decimal"),
        ("date_trunc('week', day)", "date_trunc to the week"),
        ("date_diff('month', day, day)", "date_diff by the month"),
        ("day + interval 1 month", "an interval of months"),
        ("cast(day as timestamp) at time zone 'Europe/Berlin'", "a zone that is not UTC"),
        ("regexp_replace(t, 'a', 'b')", "the first match"),
        ("regexp_replace(t, '^a|b', 'c')", "the first match"),
        ("regexp_replace(t, 'a*', 'b', 'g')", "also matches nothing"),
        ("regexp_replace(t, 'a', 'b', 'gi')", "the options 'gi'"),
        (r"regexp_replace(t, '^(a)', '\10')", "right after a group"),
        ("regexp_matches(t, t)", "a text that is written out"),
        ("regexp_matches(t, '(?i)a')", "in a regular expression"),
        (r"regexp_matches(t, '\bword')", "in a regular expression"),
        (r"regexp_matches(t, '\p{Greek}')", "in a regular expression"),
        ("json_extract_string(t, '$[0]')", "not known to mean the same"),
        ("json_extract_string(t, '$.a.b')", "write json_extract_string(object, '$.name')"),
        ("parts[n]", "an element whose number depends on data"),
        ("parts < parts", "compares a list of a table"),
        ("[t] < ['a']", "coalesce"),
        ("list_sort([t, 'b'])", "list_sort"),
        ("row_number() over (order by [t])", "coalesce"),
        ("sum(d) over (order by n range between 1 preceding and current row)", "count rows"),
    ],
)
def test_an_expression_is_refused(expression: str, why: str) -> None:
    with pytest.raises(ModelError, match=re.escape(why)) as refused:
        query(f"-- A model.\nselect\n    {expression} as made\nfrom raw.given")
    assert re.match(r"sql/marts/made\.sql:[34] cannot run on Spark: ", str(refused.value))


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("select list(t) as made from raw.given group by n", "has no order"),
        ("select list(distinct t) as made from raw.given group by n", "holds NULL"),
        ("select list(t order by n) as made from raw.given", "group"),
        ("select first(t) as made from raw.given group by n", "first without an order"),
        ("select first(t order by t desc) as made from raw.given group by n", "descending"),
        ("select sum(x) as made from raw.given", "of a DOUBLE"),
        ("select avg(d) as made from raw.given", "not known to mean the same"),
        ("select median(d) as made from raw.given", "not known to mean the same"),
        ("select distinct on (n) t as made from raw.given", "DISTINCT ON"),
        ("select t as made from raw.given limit 1", "not known to mean the same"),
        ("select t as made from raw.given group by all", "GROUP BY ALL"),
        ("select t as made from raw.given union all by name select t from raw.given", "BY NAME"),
        ("select a.t as made from raw.given a asof join raw.given b on a.n >= b.n", "ASOF join"),
        ("with recursive it as (select 1 as made) select made from it", "RECURSIVE"),
    ],
)
def test_a_query_is_refused(sql: str, why: str) -> None:
    with pytest.raises(ModelError, match=re.escape(why)):
        query(sql)


HASHED = "select hash(lower(t)) as made from raw.given"


def taken_over(sql: str, read: Mapping[str, str] = READ) -> SparkQuery:
    """A model whose column is a hash, and whose rows DuckDB takes over."""
    model = Model("marts.made", Path("sql/marts/made.sql"), sql, "", ("raw.given",), NONE, NONE)
    columns = Columns.of([read], {"made": "UBIGINT"})
    return spark_query(model, {}, columns, Target({}, str, is_taken_over=True))


def test_a_hash_that_a_table_keeps_is_left_to_duckdb() -> None:
    made = taken_over(HASHED)
    assert made.hashed == {"made"}
    assert "hash" not in made.sql
    assert "as string) as `made`" in made.sql.lower()


def test_a_hash_that_stays_in_its_query_may_be_any() -> None:
    made = taken_over(
        "with odd as (select hash(n, d) as h from raw.given group by h having count(*) > 1)\n"
        "select n as made from raw.given inner join odd on hash(n, d) = odd.h"
    )
    assert made.hashed == frozenset()
    assert "xxhash64" in made.sql.lower()


@pytest.mark.parametrize(
    "sql",
    [
        "select hash(n) as made from raw.given",
        "select hash(t, t) as made from raw.given",
        "select distinct hash(t) as made from raw.given",
        "select hash(t) as made from raw.given where made > 0",
        "with h as (select hash(t) as it from raw.given) select it as made from h",
        "select x as made from (select it as x from (select hash(t) as it from raw.given))",
        "with h as (select hash(t) as it, n from raw.given) select n as made from h where it > 0",
        "select n as made from raw.given order by hash(t)",
    ],
)
def test_a_hash_of_another_engine_reaches_no_table(sql: str) -> None:
    with pytest.raises(ModelError, match=r"sql/marts/made\.sql:1 cannot run on Spark: .*hash"):
        taken_over(sql)


def test_a_hash_does_not_meet_one_that_a_table_keeps() -> None:
    with pytest.raises(ModelError, match="each engine's own"):
        taken_over(
            "select n as made from raw.given where kept = hash(t)", {**READ, "kept": "UBIGINT"}
        )


def test_what_is_not_understood_is_told_with_its_place() -> None:
    with pytest.raises(ModelError, match=r"^sql/marts/made\.sql:2 cannot run on Spark: "):
        query("select t as made\nfrom raw.given where ((t")


def test_the_key_of_the_pseudonyms_stays_here() -> None:
    with pytest.raises(ModelError, match="the key of the pseudonyms would be sent") as refused:
        query("select pseudonym(t) as made from raw.given", KEY)
    assert str(refused.value).startswith("sql/macros/pseudonym.sql:3 ")


def test_a_macro_whose_name_is_a_function_elsewhere_is_the_macro() -> None:
    macro = Macro(
        "utc_timestamp",
        Path("sql/macros/utc_timestamp.sql"),
        "create or replace macro utc_timestamp(value) as value || 'Z'",
        "",
        NONE,
        NONE,
    )
    assert "concat(" in query("select utc_timestamp(t) as made from raw.given", macro).lower()


def test_names_of_lambdas_are_never_confused() -> None:
    macro = Macro(
        "longer",
        Path("sql/macros/longer.sql"),
        "create or replace macro longer(given) as list_filter(parts, lambda it: it = given)",
        "",
        NONE,
        NONE,
    )
    with pytest.raises(ModelError, match="rename one of them"):
        query(
            "select list_filter(parts, lambda it: longer(it) = parts) as made from raw.given", macro
        )
