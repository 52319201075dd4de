"""What cannot be followed is refused, with file and line and what to write instead."""

from __future__ import annotations

from dataclasses import replace

import duckdb
import pytest
from tracing import COLUMNS, catalog, graph, lineage_of, raw, traced

from benepass_tasks.catalog import Table
from benepass_tasks.config.errors import ModelError
from benepass_tasks.sqlmodels.lineage import trace

EXPLICITLY = "write the columns one by one"


def problems(*models: str | tuple[str, str], **macros: str) -> list[str]:
    with pytest.raises(ModelError) as raised:
        traced(*models, macros=macros)
    return str(raised.value).splitlines()


@pytest.mark.parametrize(
    ("sql", "what", "advice"),
    [
        ("select columns(*)\nfrom raw.orders", "1 COLUMNS(...)", EXPLICITLY),
        ("select id,\n columns('i.*') from raw.orders", "2 COLUMNS(...)", EXPLICITLY),
        ("select max(columns(*)) from raw.orders", "1 COLUMNS(...)", EXPLICITLY),
        ("select id, * like 'i%'\nfrom raw.orders", "1 a star in an expression", EXPLICITLY),
        ("select to_json(\no.*) as j from raw.orders as o", "2 a star in ", EXPLICITLY),
        ("select count(o.*) as n from raw.orders as o", "1 a star in an expression", EXPLICITLY),
        ("select card.* from raw.people", "1 card.* is not a table", "write its alias before .*"),
        ("select\no from raw.orders as o", "2 o is a whole row", "write the columns"),
        ("select\nto_json(o) as j from raw.orders as o", "2 o is a whole row", "write the columns"),
        (
            "select 1 as x\nfrom raw.orders where\norders is null",
            "3 orders is a whole",
            "write the",
        ),
        (
            "select id.lower() as x\nfrom raw.orders",
            "1 the call id.lower(...) after",
            "lower(value)",
        ),
        (
            "select o.id.lower() as x from raw.orders as o",
            "1 the call o.id.lower(...) af",
            "lower(v",
        ),
        (
            "select main.shout(id) as x from raw.orders",
            "1 the call main.shout(...)",
            "shout(value)",
        ),
        (
            "select id from raw.orders\nunion by name select item from raw.orders",
            "1 UNION BY NAME",
            "write UNION with the same columns in the same order",
        ),
        (
            "select id from raw.orders union all by name select item from raw.orders",
            "1 UNION BY NAME",
            "write UNION",
        ),
        (
            "with p as (\npivot raw.orders on item using max(id))\nselect note from p",
            "2 PIVOT or UNPIVOT",
            "aggregate with FILTER, or write a UNION ALL",
        ),
        (
            "select note from raw.orders\npivot (max(id) for item in ('pen'))",
            "1 PIVOT or UNPIVOT",
            "aggregate with FILTER",
        ),
        (
            "select value from (unpivot raw.orders on id, item)",
            "1 PIVOT or UNPIVOT",
            "UNION ALL",
        ),
        (
            "select value from raw.orders unpivot (value for name in (id, item))",
            "1 PIVOT or UNPIVOT",
            "UNION ALL",
        ),
        (
            (
                "with recursive r as (select id from raw.orders union all select id from r)\n"
                "select id from r"
            ),
            "1 WITH RECURSIVE",
            "write the levels as CTEs of their own",
        ),
        (
            "select id from\nquery_table('raw.orders')",
            "2 the table function query_table",
            "read a table of the catalog",
        ),
        (
            "select name from (\nsummarize raw.orders) as s",
            "1 SUMMARIZE, DESCRIBE or SHOW",
            "a SELECT without it",
        ),
        ("select id from query('from raw.orders')", "1 the table function query", "read a table"),
        ("select * from read_csv('x.csv')", "1 the table function read", "read a table"),
        ("select\n#1 as x from raw.orders", "2 a column by its position, #1", "write its name"),
        ("select $1 as x from raw.orders", "1 a parameter of a", "write the value"),
        ("select id || ? as x from raw.orders", "1 a parameter of a", "write the value"),
        (
            "select unnest(card, recursive := true) as x from raw.people",
            "1 UNNEST with more than a list",
            "write a struct's fields one by one",
        ),
        (
            "select tag from raw.people, unnest(tags) with ordinality as u(tag, i)",
            "1 WITH ORDINALITY",
            "write the query without it",
        ),
        ("select id from raw.orders using sample 2", "1 SAMPLE", "write the query without it"),
        ("select id from raw.orders tablesample 2", "1 SAMPLE", "write the query without it"),
        (
            "select id from raw.orders at (version => 3)",
            "1 AT;",
            "write the query without it",
        ),
        (
            "with r using key (id) as (select id from raw.orders) select id from r",
            "1 ",
            "",
        ),
        ("select id, item\nas id from raw.orders", "1 two columns id", "give each column its own"),
        ("select id as x, item\nas X from raw.orders", "1 two columns x", "give each column its"),
        (
            "select * from raw.people join raw.orders\non people.id = orders.person_id",
            "1 two columns id",
            "give each column its own name",
        ),
        (
            "select x from (select id as x,\nitem as x from raw.orders)",
            "1 two columns x",
            "give ea",
        ),
        ("select id,\ncount(*) from raw.orders group by id", "2 a column without", "write AS and"),
        ("select * from (select upper(id) from raw.orders)", "1 a column without a name", "AS and"),
        ("select\nnope from raw.orders", "2 no column nope", "write the name of a column"),
        ("select o.nope from raw.orders as o", "1 o has no column nope", "write the name of one"),
        ("select id from raw.people, raw.orders", "1 id is a column of several", "alias before it"),
        ("select id from raw.orders,\nraw.nope", "2 raw.nope is not a table", "layer.table"),
        ("select id from orders", "1 orders is not a table that comes before", "the name of a CTE"),
        (
            "with orders as (select id from orders) select id from orders",
            "1 orders is not a table that comes before",
            "the name of a CTE above",
        ),
        (
            "select id from raw.people join raw.orders using (email)",
            "1 email is not a column of both sides",
            "join with ON",
        ),
        (
            "select * exclude (p.id) from raw.people as p join raw.orders as o using (id)",
            "1 EXCLUDE of one side of a USING column",
            "write its name without the table",
        ),
        (
            "select id from raw.orders\nunion all select id, item from raw.orders",
            "2 2 columns where the SELECT before has 1",
            "the same columns in the same order",
        ),
        (
            "select o.id from (raw.orders as o join raw.people as p on o.id = p.id) as j",
            "1 two columns id in what is read",
            "give each column its own name",
        ),
        (
            "select json_extract(id -> '$.a',\n'$') as x from raw.orders",
            "1 ->",
            "lambda x: ... for a lambda, and json_extract(value, path)",
        ),
        (
            "select list_transform(tags,\nt -> t || email) as x from raw.people",
            "2 ->",
            "write lambda x: ...",
        ),
        (
            "select list_transform(tags, lambda p: p.email) as x from raw.people as p",
            "1 the parameter p is also a table, a column or an alias",
            "give the parameter another name",
        ),
        (
            "select list_transform(tags, lambda card: card.kind) as x from raw.people",
            "1 the parameter card is also a table, a column or an alias",
            "give the parameter another name",
        ),
        (
            "select [email.x for email in tags] as x from raw.people",
            "1 the parameter email is also a table, a column or an alias",
            "give the parameter another name",
        ),
        (
            (
                "select upper(id) as x, (select upper(item) as x, x as y from raw.people) as z "
                "from raw.orders"
            ),
            "1 ",
            "give the alias another name",
        ),
        ("select id from raw.orders;\nselect 1 as x", "1 must hold exactly one SELECT", ""),
        ("select (", "1 cannot be read as SQL: ", ""),
    ],
)
def test_a_construct_is_refused(sql: str, what: str, advice: str) -> None:
    (problem,) = problems(sql)
    assert problem.startswith(f"sql/marts/x.sql:{what}")
    assert advice in problem


def test_everything_is_said_at_once() -> None:
    found = problems(
        ("staging.a", "select\ncolumns(*) from raw.orders"),
        ("staging.b", "select id.lower() as x from raw.orders"),
        ("marts.x", "select id from staging.a\nunion by name select x from staging.b"),
    )
    assert [problem.partition(" ")[0] for problem in found] == [
        "sql/staging/a.sql:2",
        "sql/staging/b.sql:1",
        "sql/marts/x.sql:1",
    ]


def test_a_select_that_is_nested_too_deeply_is_refused() -> None:
    deep = "select id from raw.orders"
    for _ in range(400):
        deep = f"select id from ({deep})"
    (problem,) = problems(deep)
    assert problem.startswith("sql/marts/x.sql:1 ")


@pytest.mark.parametrize(
    ("sql", "what", "advice"),
    [
        (
            "create or replace macro m(v) as\n(select max(id) || v from raw.orders)",
            "2 a macro that reads a table",
            "join the table in the model",
        ),
        (
            "create or replace macro m(v) as v || (from raw.orders select max(id))",
            "1 a macro that reads a table",
            "join the table in the model",
        ),
        (
            "create or replace macro m(v) as\ntable select id from raw.orders",
            "2 a table macro",
            "write a model instead",
        ),
        (
            "create or replace macro m(v) as v || 'a', (v, w) as v || w",
            "1 no scalar macro",
            "write create or replace macro",
        ),
        (
            "create or replace macro m(v) as",
            "1 DuckDB refuses the SQL: Parser Error",
            "syntax error",
        ),
        ("create or replace macro m(v) as list_transform(v, x -> x)", "", "lambda x"),
    ],
)
def test_a_macro_is_refused(sql: str, what: str, advice: str) -> None:
    (problem,) = problems("select id from raw.orders", m=sql)
    assert problem.startswith(f"sql/macros/m.sql:{what}")
    assert advice in problem


@pytest.mark.parametrize("name", ["list", "cast"])
def test_a_macro_that_the_parser_takes_for_a_function_is_refused(name: str) -> None:
    sql = f"create or replace macro {name}(v) as v"
    (problem,) = problems("select id from raw.orders", **{name: sql})
    assert problem == (
        f"sql/macros/{name}.sql:1 a macro with the name of a function, {name}; rename it"
    )


def test_a_mask_must_not_have_the_name_of_a_function() -> None:
    sql = "create or replace macro count(v) as 'x'"
    with pytest.raises(ModelError, match=r"count\.sql:1 a macro with the name"):
        trace(graph("select id from raw.orders", macros={"count": sql}), catalog(), {"count"})


def test_a_macro_with_the_name_of_another_database_s_function_is_a_macro() -> None:
    sql = "create or replace macro utc_timestamp(v) as v"
    found = traced("select utc_timestamp(id) as x from raw.orders", macros={"utc_timestamp": sql})
    ((edge,),) = found.models["marts.x"].columns.values()
    assert (edge.subtype, edge.masking) == ("TRANSFORMATION", None)


def test_a_mask_that_is_not_a_macro_of_the_project_masks_nothing() -> None:
    found = trace(graph("select md5(id) as x from raw.orders"), catalog(), {"md5"})
    ((edge,),) = found.models["marts.x"].columns.values()
    assert edge.masking is None


def test_columns_must_be_those_of_the_catalog() -> None:
    declared = raw("orders")
    table = Table("marts", "x", "", None, "table", None, None, declared.columns)
    known = catalog()
    widened = replace(known, tables={**known.tables, table.relation: table})
    kept = ", ".join(name for name in declared.columns if name != "note")
    with pytest.raises(ModelError) as raised:
        trace(graph(f"select {kept},\nid as other from raw.orders"), widened, ())
    assert str(raised.value).splitlines() == [
        (
            "sql/marts/x.sql:2 gives a column other that marts.x does not declare; "
            "declare it in catalog.yaml, or take it out"
        ),
        (
            "sql/marts/x.sql:1 gives no column note, which marts.x declares; "
            "select it, or take it out of catalog.yaml"
        ),
    ]


def test_a_struct_whose_fields_become_columns_does_not_pass_for_one_column() -> None:
    declared = raw("orders").columns
    columns = {name: declared[it] for name, it in (("kind", "id"), ("code", "item"))}
    table = Table("marts", "x", "", None, "table", None, None, columns)
    known = catalog()
    widened = replace(known, tables={**known.tables, table.relation: table})
    with pytest.raises(ModelError, match=r"gives a column x that .* does not declare"):
        trace(graph("select unnest(card) as x from raw.people"), widened, ())


def functions() -> list[str]:
    with duckdb.connect() as connection:
        rows = connection.execute(
            "select distinct function_name from duckdb_functions() where function_type in "
            "('scalar', 'aggregate', 'macro') and regexp_full_match(function_name, '[a-z0-9_]+') "
            "order by all"
        ).fetchall()
    return [name for (name,) in rows]


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize(
    "step",
    [pytest.param(10, id="every tenth"), pytest.param(1, id="all", marks=pytest.mark.nightly)],
)
def test_no_function_loses_an_argument(count: int, step: int) -> None:
    """Whatever DuckDB has under the name: all arguments are followed, or the call is refused."""
    arguments = list(COLUMNS["people"])[:count]
    for name in functions()[::step]:
        try:
            found = lineage_of(f"select {name}({', '.join(arguments)}) as x from raw.people")
        except ModelError:
            continue
        assert {edge.origin.column for edge in found.columns["x"]} == set(arguments), name


@pytest.mark.parametrize(
    "sql",
    [
        "select count(id) as count from raw.orders",
        "select row_number() over (order by id) as row_number from raw.orders",
        "with t as (select max(id) as max from raw.orders) select max(max) as most from t",
    ],
)
def test_a_column_may_have_the_name_of_the_function_that_makes_it(sql: str) -> None:
    trace(graph(sql), catalog(), ())
