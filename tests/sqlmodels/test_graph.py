"""The graph of a project: its order, and what keeps it from being one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from examples import at_night
from projects import remembered

from benepass_tasks.catalog import load_catalog
from benepass_tasks.config.errors import ModelError
from benepass_tasks.config.project import open_project
from benepass_tasks.sqlmodels import read_graph
from benepass_tasks.sqlmodels.cache import Cache

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workspace import Workspace

    from benepass_tasks.sqlmodels import Model, ModelGraph
    from benepass_tasks.sqlmodels.syntax import Reader


def graph(workspace: Workspace) -> ModelGraph:
    project = open_project(workspace.root)
    cache = workspace.root / "cache.json"
    if not cache.exists():
        # What is known of the models as they are.
        cache.write_bytes(remembered())
    return read_graph(project, load_catalog(project.catalog), Cache(cache))


def problems(workspace: Workspace) -> list[str]:
    with pytest.raises(ModelError) as raised:
        graph(workspace)
    return str(raised.value).splitlines()


def test_every_model_comes_after_what_it_reads(workspace: Workspace) -> None:
    models = graph(workspace).models
    order = list(models)
    for model in models.values():
        for reference in model.references:
            assert reference.startswith("raw.") or order.index(reference) < order.index(
                model.relation
            )


def test_macros_come_before_those_that_call_them(workspace: Workspace) -> None:
    found = graph(workspace)
    names = [macro.name for macro in found.macros_of(found.models["staging.stg_transactions"])]
    assert names.index("clean_text") < names.index("clean_label")


def test_downstream_holds_all_that_reads_a_table(workspace: Workspace) -> None:
    downstream = graph(workspace).downstream(frozenset({"marts.fact_transactions"}))
    assert downstream == {
        "marts.fact_transactions",
        "marts.daily_spend",
        "marts.merchant_categories",
        "marts.dim_merchants",
        "marts.program_utilization",
        "marts.account_balances",
        "marts.monthly_balances",
        "marts.program_balances",
    }


def test_downstream_goes_on_to_what_reads_those(workspace: Workspace) -> None:
    found = graph(workspace)
    downstream = found.downstream(frozenset({"raw.employees"}))
    assert "marts.program_utilization" in downstream
    for model in found.models.values():
        assert (model.relation in downstream) == bool(downstream.intersection(model.references))


def test_a_file_without_an_entry_is_named(workspace: Workspace) -> None:
    workspace.write("sql/marts/stray.sql", "select 1 as one")
    assert problems(workspace) == [
        "sql/marts/stray.sql: marts.stray has no entry in catalog.yaml; declare it there"
    ]


def test_an_entry_without_a_file_is_named(workspace: Workspace) -> None:
    (workspace.root / "sql/marts/dim_merchants.sql").unlink()
    assert problems(workspace) == [
        "catalog.yaml: marts.dim_merchants has no SQL file; expected sql/marts/dim_merchants.sql"
    ]


def test_a_table_that_no_entry_knows_is_named_with_its_line(workspace: Workspace) -> None:
    workspace.replace(
        "sql/marts/dim_employees.sql",
        "from intermediate.accepted_employees",
        "from intermediate.nope",
    )
    text = (workspace.root / "sql/marts/dim_employees.sql").read_text()
    line = text[: text.index("from intermediate.nope")].count("\n") + 1
    (problem,) = problems(workspace)
    assert problem == (
        f"sql/marts/dim_employees.sql:{line} reads intermediate.nope, "
        "which no entry in catalog.yaml declares"
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "check: spend_adds_up",
            "check: spend_add_up",
            (
                "catalog.yaml: marts.program_utilization.metadata.tests names the check "
                "spend_add_up, which has no file; expected sql/checks/spend_add_up.sql "
                "(did you mean 'spend_adds_up'?)"
            ),
        ),
        (
            ", {check: spend_adds_up}",
            "",
            (
                "sql/checks/spend_adds_up.sql: no table names this check; add "
                "{check: spend_adds_up} to metadata.tests of a table in catalog.yaml, or "
                "remove the file"
            ),
        ),
        (
            "check: spend_adds_up",
            "check: books_balance",
            "names the check books_balance, which is the proof that ends every run",
        ),
    ],
)
def test_checks_and_their_files_belong_together(
    workspace: Workspace, old: str, new: str, message: str
) -> None:
    workspace.replace("catalog.yaml", old, new)
    assert any(message in it for it in problems(workspace))


def test_a_check_reads_tables_of_the_catalog_only(workspace: Workspace) -> None:
    workspace.write("sql/checks/spend_adds_up.sql", "select 1 from meta.loads\n")
    assert problems(workspace) == [
        "sql/checks/spend_adds_up.sql:1 reads meta.loads, which no entry in catalog.yaml declares"
    ]


def test_a_cycle_is_named_along_its_way(workspace: Workspace) -> None:
    workspace.replace(
        "sql/staging/stg_employees.sql", "from base.employees", "from intermediate.int_employees"
    )
    (problem,) = problems(workspace)
    heading, _, way = problem.partition(": ")
    assert heading == "models read each other in a circle"
    first, second, last = way.split(" -> ")
    assert {first, second} == {"staging.stg_employees", "intermediate.int_employees"}
    assert first == last


def test_macros_that_call_each_other_in_a_circle_are_named(workspace: Workspace) -> None:
    workspace.write("sql/macros/a.sql", "create or replace macro a(v) as b(v)")
    workspace.write("sql/macros/b.sql", "create or replace macro b(v) as a(v)")
    assert problems(workspace)[0].startswith("macros call each other in a circle: ")


@pytest.mark.parametrize(
    ("body", "error"),
    [("(value\n", "Parser"), ("if(value is null, null, no_such(value))\n", "Catalog")],
)
def test_of_macros_that_call_each_other_only_the_broken_one_is_named(
    workspace: Workspace, body: str, error: str
) -> None:
    workspace.write("sql/macros/money.sql", f"create or replace macro money(value) as\n    {body}")
    (problem,) = problems(workspace)
    assert problem.startswith(f"sql/macros/money.sql:2 DuckDB refuses the SQL: {error} Error: ")


def test_all_problems_come_at_once(workspace: Workspace) -> None:
    workspace.write("sql/marts/stray.sql", "select 1 as one")
    workspace.write("sql/marts/dim_merchants.sql", "select (")
    workspace.write("sql/macros/money.sql", "create macro money(v) as v")
    assert len(problems(workspace)) >= 3


def test_unchanged_files_are_not_parsed_again(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = graph(workspace)
    from benepass_tasks.sqlmodels import statements  # noqa: PLC0415

    def refuse(*_: object) -> None:
        pytest.fail("parsed although nothing changed")

    monkeypatch.setattr(statements, "make_model", refuse)
    assert graph(workspace) == first


def test_of_several_files_those_are_parsed_again_that_changed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph(workspace)
    from benepass_tasks.sqlmodels import statements  # noqa: PLC0415

    parsed: list[str] = []
    make_model = statements.make_model

    def noted(reader: Reader, relation: str, *rest: Any) -> Model:  # noqa: ANN401 - as they come
        parsed.append(relation)
        return make_model(reader, relation, *rest)

    monkeypatch.setattr(statements, "make_model", noted)
    workspace.replace("sql/marts/dim_employees.sql", "    status,", "    upper(status) as status,")
    graph(workspace)
    assert [it for it in parsed if not it.startswith("base.")] == ["marts.dim_employees"]
    parsed.clear()
    workspace.replace("sql/macros/clean_label.sql", "lower", "upper")
    graph(workspace)
    assert "staging.stg_employees" in parsed


def test_macros_are_not_read_again_for_a_model_that_changed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = graph(workspace)
    from benepass_tasks.sqlmodels import macros  # noqa: PLC0415

    monkeypatch.setattr(macros, "read_macros", lambda *_: pytest.fail("read anew"))
    workspace.replace("sql/marts/dim_employees.sql", "    status,", "    upper(status) as status,")
    assert graph(workspace).macros == first.macros


@pytest.mark.parametrize(
    "kept", ["{", *at_night("", "[]", '{"sql": 1}', '{"sql": {"key": null, "value": 3}}')]
)
def test_a_cache_that_cannot_be_read_is_made_anew(workspace: Workspace, kept: str) -> None:
    first = graph(workspace)
    key = json.loads((workspace.root / "cache.json").read_text())["sql"]["key"]
    workspace.write("cache.json", kept.replace("null", json.dumps(key)))
    assert graph(workspace) == first


def test_a_changed_file_is_parsed_again(workspace: Workspace) -> None:
    before = graph(workspace).models["marts.dim_employees"].code_version
    workspace.replace("sql/marts/dim_employees.sql", "    status,", "    upper(status) as status,")
    assert graph(workspace).models["marts.dim_employees"].code_version != before


def test_problems_are_not_cached_away(workspace: Workspace) -> None:
    workspace.write("sql/marts/stray.sql", "select 1 as one")
    assert problems(workspace) == problems(workspace)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            lambda path: path.write_bytes(b"select 1\nas \xff"),
            "sql/marts/x.sql:2 is not UTF-8 text",
        ),
        (lambda path: path.mkdir(), "x.sql cannot be read: Is a directory"),
        (lambda path: path.symlink_to("nowhere.sql"), "x.sql cannot be read: No such file"),
        (
            lambda path: path.write_text(f"select {'(' * 5000}1{')' * 5000} as a"),
            "sql/marts/x.sql:1:1 is nested too deeply",
        ),
    ],
    ids=["bytes", "folder", "dangling link", "nested"],
)
def test_what_cannot_be_read_is_named(
    workspace: Workspace, spoil: Callable[[Path], object], said: str
) -> None:
    spoil(workspace.root / "sql" / "marts" / "x.sql")
    assert any(said in problem for problem in problems(workspace))
