"""What is done with tables, and that only the engine does it in words of its own."""

from __future__ import annotations

import ast
import contextlib
import re
from pathlib import Path

import pytest
from warehouses import warehouse

import benepass_tasks
from benepass_tasks.engine.session import let_go
from benepass_tasks.engine.tables import engine_of

PACKAGE = Path(benepass_tasks.__file__).parent

OF_THE_ENGINE = re.compile(
    r"\b(attach|detach|checkpoint|pragma_\w+|duckdb_\w+\(|set variable|describe (from )?[\"{\w]"
    r"|create (or replace )?(temp )?(table|view|schema|macro)|alter table|drop (table|view|\{)"
    r"|hash\(|copy \(|comment on)",
    re.IGNORECASE,
)

ELSEWHERE = {
    "publish": "what analysts get is a DuckDB file, whatever the tables live in",
    "sample": "the sample is made by a DuckDB of its own, and no part of the pipeline",
    "sqlmodels": "the proof asks DuckDB what it parses, and runs on marked rows of its own",
}
"""Where SQL of DuckDB is no SQL of the warehouse, and why."""


def _texts(path: Path) -> list[str]:
    """The texts of a module that are no documentation."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documentation = {
        id(it.value)
        for it in ast.walk(tree)
        if isinstance(it, ast.Expr) and isinstance(it.value, ast.Constant)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = (getattr(it, "value", "") for it in node.values)
            found.append("".join(it if isinstance(it, str) else "{}" for it in parts))
        elif isinstance(node, ast.Constant) and id(node) not in documentation:
            found.append(str(node.value))
    return found


def _is_sql_of_the_engine(text: str) -> bool:
    # A message for people names a statement in the middle of a sentence.
    return OF_THE_ENGINE.match(text.strip()) is not None or bool(
        re.match(r"\s*(select|with|from|insert|delete)\b", text) and OF_THE_ENGINE.search(text)
    )


def test_only_the_engine_speaks_its_sql() -> None:
    speaking = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if any(map(_is_sql_of_the_engine, _texts(path)))
    }
    allowed = {it for it in speaking if it.startswith(("engine/", *ELSEWHERE))}
    assert speaking - allowed == set()
    for place in ELSEWHERE:
        assert any(it.startswith(place) for it in speaking), f"{place} needs no exception any more"


@pytest.mark.parametrize(
    "sql",
    [
        "create or replace table a.b as select 1",
        "describe {}",
        "drop {} {}",
        "set variable {} = {}",
        "select 1 from duckdb_tables()",
        "select sum(hash(a)) from t",
        "attach {} as {} (read_only)",
    ],
)
def test_sql_of_the_engine_is_seen(sql: str) -> None:
    assert _is_sql_of_the_engine(sql)


def test_a_table_takes_the_place_of_what_has_its_name(tmp_path: Path) -> None:
    with warehouse(tmp_path).write() as session:
        engine = engine_of(session)
        engine.create("marts.a", "view", "select 1 as x", None)
        engine.create("marts.a", "table", "select 2 as x, 'b' as y", "view")
        assert engine.relations()["marts.a"] == "table"
        assert engine.columns("marts.a") == {"x": "INTEGER", "y": "VARCHAR"}
        engine.drop("marts.a", "table")
        assert "marts.a" not in engine.relations()


def test_a_macro_is_what_it_was_made_last(tmp_path: Path) -> None:
    first, then = ("create or replace macro told() as 1", "create or replace macro told() as 2")
    found = []
    for macro in (first, first, then, first):
        with warehouse(tmp_path).write() as session:
            engine_of(session).define("told", macro)
            found.append(session.exec_driver_sql("select told()").scalar_one())
    with contextlib.suppress(ZeroDivisionError), warehouse(tmp_path).write() as session:
        engine_of(session).define("told", then)
        raise ZeroDivisionError
    with warehouse(tmp_path).write() as session:
        engine_of(session).define("told", then)
        found.append(session.exec_driver_sql("select told()").scalar_one())
    assert found == [1, 1, 2, 1, 2]


def test_a_table_gets_the_columns_that_it_lacks(tmp_path: Path) -> None:
    with warehouse(tmp_path).write() as session:
        engine = engine_of(session)
        for columns in ({"a": "VARCHAR"}, {"b c": "BIGINT"}, {"a": "VARCHAR"}):
            engine.extend("raw.t", columns)
        assert engine.columns("raw.t") == {"a": "VARCHAR", "b c": "BIGINT"}


def test_a_brief_table_is_not_compressed(tmp_path: Path) -> None:
    query = "select range % 3 as a, 'same' as \"b c\" from range(10_000)"
    with warehouse(tmp_path).write() as session:
        engine = engine_of(session)
        assert engine.create_brief("changes.t", query) == 10_000
        assert engine.columns("changes.t") == {"a": "BIGINT", "b c": "VARCHAR"}
        engine.create("marts.t", "table", query, None)
    let_go()
    with warehouse(tmp_path).write() as session:
        found = {
            it: session.exec_driver_sql(
                f"select bool_or(compression <> 'Uncompressed') from pragma_storage_info('{it}')"
                " where segment_type <> 'VALIDITY'"
            ).scalar_one()
            for it in ("changes.t", "marts.t")
        }
    assert found == {"changes.t": False, "marts.t": True}


def test_the_columns_of_a_query_are_known_before_it_runs(tmp_path: Path) -> None:
    with warehouse(tmp_path).write() as session:
        found = engine_of(session).columns_of_query("select 1 as a, error('never') as b")
    assert list(found) == ["a", "b"]
