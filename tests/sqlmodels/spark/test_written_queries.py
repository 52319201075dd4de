"""The queries that `catalog --spark` writes make the marts in the catalog of an engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from projects import ROOT, definitions_of

from benepass_tasks.config.errors import ModelError
from benepass_tasks.publish.exporters.spark import write_queries

if TYPE_CHECKING:
    from sparking import BothEngines
    from workbench import RawRows, Workbench

    from benepass_tasks.sqlmodels.effective import Definitions

SETTINGS = {"as_of_date": "date '2026-01-01'", "pii_masking": "true"}
GIVEN: RawRows = {
    "raw.employees": [{"employee_id": "E1", "first_name": "Ann", "status": "active"}],
    "raw.benefit_accounts": [
        {"benefit_account_id": "A1", "employee_id": "E1", "monthly_allowance": "60"}
    ],
    "raw.transactions": [
        {
            "transaction_id": f"T{number}",
            "employee_id": "E1",
            "benefit_account_id": "A1",
            "amount": "20.50",
            "transaction_timestamp": f"2025-0{number}-15T12:00:00Z",
        }
        for number in (5, 6)
    ],
}


@pytest.fixture(scope="module")
def definitions() -> Definitions:
    return definitions_of(ROOT)


def test_each_comes_after_what_it_reads(definitions: Definitions, tmp_path: Path) -> None:
    (tmp_path / "07-marts.gone.sql").write_text("select 1")
    written = [it.stem.partition("-")[2] for it in write_queries(definitions, SETTINGS, tmp_path)]
    models = [it for it in definitions.graph.models.values() if not it.is_generated]
    assert written == [it.relation for it in models]
    assert (tmp_path / "functions.py").is_file()


def test_all_that_is_refused_is_told_at_once(definitions: Definitions, tmp_path: Path) -> None:
    models = {
        name: replace(it, sql=f"{it.sql}\nlimit 1") if name.startswith("marts.dim") else it
        for name, it in definitions.graph.models.items()
    }
    other = replace(definitions, graph=replace(definitions.graph, models=models))
    with pytest.raises(ModelError) as refused:
        write_queries(other, SETTINGS, tmp_path)
    lines = str(refused.value).splitlines()
    files = [Path(it.partition(":")[0]).stem for it in lines]
    assert sorted(files) == ["dim_benefit_programs", "dim_employees", "dim_merchants"]
    assert not list(tmp_path.iterdir())


@pytest.mark.spark
def test_they_make_the_marts_one_after_the_other(
    definitions: Definitions, workbench: Workbench, engines: BothEngines, tmp_path: Path
) -> None:
    session = engines.session
    with workbench.built(GIVEN) as connection:
        for layer in ("base", "staging", "intermediate", "quality", "marts"):
            session.sql(f"create database if not exists {layer}")
        for source in definitions.catalog.sources:
            engines.give(
                "given",
                connection.sql(f"from base.{source}").to_arrow_table(),
                engines.kinds(connection, f"base.{source}"),
            )
            session.sql("select * from given").write.mode("overwrite").saveAsTable(f"base.{source}")
        for file in write_queries(definitions, SETTINGS, tmp_path):
            relation = file.stem.partition("-")[2]
            made = session.sql(file.read_text(encoding="utf-8"))
            made.write.mode("overwrite").saveAsTable(relation)
        for relation in (it for it in workbench.models if it.startswith("marts.")):
            there = session.sql(f"select * from {relation}").toArrow()
            connection.register("there", there)
            ours = ", ".join(f'"{it}"' for it in there.column_names)
            rest = connection.execute(f"from there except all select {ours} from {relation}")
            assert rest.fetchall() == []
            assert len(there) == len(connection.sql(f"from {relation}"))
