"""Which of the project's own tables are kept up to date by changes, and why others are not."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from workbench import Workbench

from benepass_tasks.pipeline.upkeep import Upkeep
from benepass_tasks.sqlmodels.cache import Cache
from benepass_tasks.sqlmodels.changes import Basis, InFull, Storage

if TYPE_CHECKING:
    from pathlib import Path

RECORD = ("_source_file", "_row_number")
HOW = {
    "intermediate.int_alike_transactions": RECORD,
    "intermediate.int_benefit_accounts": RECORD,
    "intermediate.int_employees": RECORD,
    "intermediate.int_program_names": ("benefit_type", "program_name"),
    "intermediate.int_refunds": RECORD,
    "intermediate.int_transaction_issues": RECORD,
    "intermediate.int_transaction_repeats": RECORD,
    "intermediate.int_transactions_enriched": RECORD,
    "intermediate.int_uncounted_ids": RECORD,
    "marts.account_balances": ("benefit_account_id", "balance_month"),
    "marts.daily_spend": ("spent_on", "benefit_type", "program_name"),
    "marts.dim_benefit_programs": ("benefit_type", "program_name"),
    "marts.dim_employees": ("employee_id",),
    "marts.dim_merchants": ("merchant",),
    "marts.fact_transactions": ("transaction_id",),
    "marts.merchant_categories": ("merchant", "category"),
    "marts.monthly_balances": ("balance_month", "benefit_type", "program_name", "differs_since"),
    "marts.program_balances": ("balance_month", "benefit_type", "program_name"),
    "marts.program_utilization": "list without ORDER BY",
    "quality.benefit_account_issues": RECORD,
    "quality.employee_issues": RECORD,
    "quality.issue_types": "column names after a table",
    "quality.quarantine_benefit_accounts": RECORD,
    "quality.quarantine_employees": RECORD,
    "quality.quarantine_transactions": RECORD,
    "quality.transaction_issues": RECORD,
    "quality.uncounted_transactions": RECORD,
}
"""The key by which each table is kept up to date, or why it is built in full."""

UNLESS = {
    "intermediate.int_transaction_repeats": "what no equality joins is touched",
}
"""What may be found on the way, so that the table is built in full after all."""


@pytest.fixture(scope="module")
def workbench() -> Workbench:
    return Workbench.of_project()


def test_each_table_is_known_by_its_rule(workbench: Workbench) -> None:
    upkeep = Upkeep(workbench.catalog, workbench.graph)
    found: dict[str, object] = {}
    unless: dict[str, str] = {}
    for name in set(workbench.models) - upkeep.views:
        model = workbench.graph.models[name]
        basis = Basis(figures=dict.fromkeys(upkeep.figures(model), "cast('2026-01-01' as date)"))
        plan = upkeep.plan(model, dict.fromkeys(upkeep.inputs(model), "touched"), Storage(), basis)
        if isinstance(plan, InFull):
            found[name] = plan.why
        else:
            found[name] = plan.key
            for why in (it.must_be_empty for it in plan.finding if it.must_be_empty):
                unless[name] = why
    assert found == HOW
    assert unless == UNLESS


def test_a_table_is_read_through_views(workbench: Workbench) -> None:
    upkeep = Upkeep(workbench.catalog, workbench.graph)
    enriched = workbench.graph.models["intermediate.int_transactions_enriched"]
    assert "raw.transactions" in upkeep.inputs(enriched)
    assert "intermediate.int_transactions_enriched" in upkeep.readers("raw.transactions")
    assert upkeep.readers("marts.program_balances") == ()


def test_a_table_hands_on_what_those_read_that_go_by_its_changes(workbench: Workbench) -> None:
    upkeep = Upkeep(workbench.catalog, workbench.graph)
    assert upkeep.handed_on("quality.quarantine_employees") == {"_source_file", "_row_number"}
    of_balances = {"benefit_account_id", "amount", "transaction_timestamp"}
    of_others = {"merchant", "category", "benefit_type", "program_name"}
    assert upkeep.handed_on("marts.fact_transactions") == of_balances | of_others
    # One of those that read it is built in full, whatever changes.
    assert "marts.program_utilization" in upkeep.readers("marts.daily_spend")
    of_anonymised = {"anonymised_spend", "anonymised_refunds"}
    of_months = {"spent_on", "benefit_type", "program_name"}
    assert upkeep.handed_on("marts.daily_spend") == of_anonymised | of_months
    assert upkeep.handed_on("marts.program_balances") == frozenset()


def test_figures_are_kept_until_the_sql_is_other_that_they_are_read_from(
    workbench: Workbench, tmp_path: Path
) -> None:
    catalog, graph, file = workbench.catalog, workbench.graph, tmp_path / "kept.json"
    enriched = graph.models["intermediate.int_transactions_enriched"]
    (view,) = (it for it in enriched.references if it == "staging.stg_transactions")
    found = Upkeep(catalog, graph, Cache(file)).figures(enriched)
    kept = json.loads(file.read_text(encoding="utf-8"))
    kept["figures"]["value"][enriched.relation][1] = {"kept": "select 1"}
    file.write_text(json.dumps(kept), encoding="utf-8")
    assert Upkeep(catalog, graph, Cache(file)).figures(enriched) == {"kept": "select 1"}
    for edited in (enriched, graph.models[view]):
        models = {**graph.models, edited.relation: replace(edited, sql=f"{edited.sql}\n")}
        file.write_text(json.dumps(kept), encoding="utf-8")
        assert (
            Upkeep(catalog, replace(graph, models=models), Cache(file)).figures(enriched) == found
        )


def test_how_rows_are_looked_up_is_kept_as_it_is_found(
    workbench: Workbench, tmp_path: Path
) -> None:
    cache = tmp_path / "kept.json"
    for _ in range(2):
        upkeep = Upkeep(workbench.catalog, workbench.graph, Cache(cache))
        without = Upkeep(workbench.catalog, workbench.graph)
        for relation in workbench.graph.models.keys() - upkeep.views:
            assert {*upkeep.looked_up(relation)} == {*without.looked_up(relation)}
            assert upkeep.handed_on(relation) == without.handed_on(relation)


def test_rows_are_looked_up_by_what_a_change_of_others_affects(workbench: Workbench) -> None:
    upkeep = Upkeep(workbench.catalog, workbench.graph)
    ids = {"transaction_id", "employee_id", "benefit_account_id"}
    assert ids <= {*upkeep.looked_up("intermediate.int_transactions_enriched")}
    assert "benefit_account_id" in upkeep.looked_up("marts.fact_transactions")


@pytest.mark.parametrize(
    "sql",
    [
        "select * from marts.fact_transactions",
        "with charges as (select * from marts.fact_transactions) select merchant from charges",
        # No rule covers it, so that nobody knows what the star is.
        "select list(merchant) as merchants from (select * from marts.fact_transactions)",
    ],
)
def test_nothing_is_added_to_a_table_of_which_a_model_reads_all_columns(
    workbench: Workbench, sql: str
) -> None:
    reader = "marts.program_utilization"
    models = dict(workbench.graph.models)
    models[reader] = replace(models[reader], sql=sql, references=("marts.fact_transactions",))
    upkeep = Upkeep(workbench.catalog, replace(workbench.graph, models=models))
    assert not upkeep.looked_up("marts.fact_transactions")
    assert upkeep.looked_up("intermediate.int_transactions_enriched")
