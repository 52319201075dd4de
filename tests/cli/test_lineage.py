"""`lineage`: where a value comes from, and where it goes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from benepass_tasks.catalog import load_catalog

if TYPE_CHECKING:
    from collections.abc import Callable

    from workspace import Workspace

    from tests.cli.conftest import Said

    Say = Callable[..., Said]


def test_a_column_is_followed_up_to_its_source_with_file_and_line(
    say: Say, workspace: Workspace
) -> None:
    said = say("lineage", "marts.fact_transactions.amount")
    assert said.code == 0
    tree, _, rows = said.out.partition("\n\n")
    places = [
        line_of(workspace, "sql/marts/fact_transactions.sql", "transactions.amount"),
        line_of(workspace, "sql/intermediate/int_transactions_enriched.sql", "transactions.amount"),
        line_of(workspace, "sql/staging/stg_transactions.sql", "amount"),
        declared_at(workspace, "transactions", "amount"),
    ]
    assert tree.splitlines() == [
        "marts.fact_transactions.amount",
        "└── intermediate.int_transactions_enriched.amount  DIRECT IDENTITY  " + places[0],
        "    └── staging.stg_transactions.amount  DIRECT IDENTITY  " + places[1],
        "        ├── base.transactions._is_refund  INDIRECT CONDITIONAL  " + places[2],
        "        └── base.transactions.amount  DIRECT TRANSFORMATION  " + places[2],
        "            └── raw.transactions.amount  DIRECT IDENTITY  " + places[3],
        "                └── transactions.amount  DIRECT IDENTITY  loaded from files",
    ]
    assert rows.startswith("Rows of marts.fact_transactions (more with --rows): ")


def line_of(workspace: Workspace, file: str, text: str) -> str:
    """The only line of a file that is this text, with or without a comma, as messages name it."""
    lines = (workspace.root / file).read_text().splitlines()
    (number,) = (number for number, line in enumerate(lines, 1) if line.strip().rstrip(",") == text)
    return f"{file}:{number}"


def declared_at(workspace: Workspace, source: str, column: str) -> str:
    """Where the catalog declares the column of a source."""
    entries = load_catalog(workspace.root / "catalog.yaml").entries
    assert entries
    return f"catalog.yaml:{entries.line(source, 'columns', column)}"


def test_what_masks_a_value_is_named(say: Say) -> None:
    assert "base.employees.email  DIRECT TRANSFORMATION  masked by mask_email  sql/" in (
        say("lineage", "marts.dim_employees.email").out
    )


def test_downstream_leads_to_the_marts(say: Say) -> None:
    lines = say("lineage", "employees.hire_date", "--downstream").lines
    assert lines[0] == "employees.hire_date"
    shown = {line.lstrip(" │├└─").split()[0] for line in lines[1:]}
    assert {"marts.dim_employees.hire_date", "marts.dim_employees.tenure_days"} <= shown
    assert not any(name.startswith("transactions") for name in shown)


def test_rows_that_a_column_decides_are_shown_when_asked_for(say: Say) -> None:
    asked = ("lineage", "staging.stg_employees.status", "--downstream")
    assert "rows of" not in say(*asked).out
    assert "rows of quality.employee_issues  INDIRECT FILTER  sql/" in say(*asked, "--rows").out


def test_what_decides_on_rows_is_followed_up_when_asked_for(say: Say) -> None:
    _, _, rows = say("lineage", "quality.employee_issues.issue", "--rows").out.partition("\n\n")
    lines = rows.splitlines()
    assert lines[0] == "rows of quality.employee_issues"
    assert lines[1].startswith("├── intermediate.int_employees.employee_id  INDIRECT FILTER  sql/")
    assert len(lines) > 2


def test_a_table_shows_the_tables_on_the_way(say: Say) -> None:
    assert say("lineage", "staging.stg_employees").lines == [
        "staging.stg_employees",
        "└── base.employees  sql/staging/stg_employees.sql",
        "    └── raw.employees  catalog.yaml",
        "        └── employees  loaded from files",
    ]


def test_what_was_shown_once_is_not_shown_again(say: Say) -> None:
    lines = say("lineage", "marts.program_utilization").lines
    assert any(line.endswith("  (see above)") for line in lines)
    followed = [line for line in lines if "raw.employees" in line and "see above" not in line]
    assert len(followed) == 1


def test_a_value_that_comes_from_no_column_stands_alone(say: Say) -> None:
    assert (
        say("lineage", "quality.employee_issues.issue").lines[0] == "quality.employee_issues.issue"
    )


def test_names_may_be_written_in_any_case(say: Say) -> None:
    said = say("lineage", "Marts.Dim_Employees.EMAIL")
    assert said.lines[0] == "marts.dim_employees.email"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "marts.fact_transactions.amout",
            "marts.fact_transactions has no column 'amout' (did you mean 'amount'?)\n",
        ),
        (
            "mart.dim_employees.email",
            (
                "no dataset or column is called 'mart.dim_employees.email' "
                "(did you mean 'marts.dim_employees.email'?)\n"
            ),
        ),
        (
            "marts.fact_transaction",
            (
                "no dataset or column is called 'marts.fact_transaction' "
                "(did you mean 'marts.fact_transactions'?)\n"
            ),
        ),
        (
            "0",
            (
                "no dataset or column is called '0'; "
                "write marts.fact_transactions or marts.fact_transactions.amount\n"
            ),
        ),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(say: Say, name: str, message: str) -> None:
    said = say("lineage", name)
    assert (said.code, said.out, said.err) == (1, "", message)


def test_sql_that_cannot_be_followed_is_an_error(say: Say, workspace: Workspace) -> None:
    workspace.replace("sql/marts/dim_employees.sql", "    email,", "    columns('email'),")
    said = say("lineage", "marts.dim_employees.email")
    assert said.code == 1
    assert "sql/marts/dim_employees.sql:" in said.err


def test_json_has_every_link_once(say: Say) -> None:
    found = say("lineage", "marts.dim_employees.email", "--json").json
    assert found["name"] == "marts.dim_employees.email"
    assert found["direction"] == "upstream"
    assert [(link["from"], link["masking"]) for link in found["links"]] == [
        ("intermediate.accepted_employees.email", None),
        ("intermediate.int_employees.email", None),
        ("staging.stg_employees.email", None),
        ("base.employees.email", "mask_email"),
        ("raw.employees.email", None),
        ("employees.email", None),
    ]
    assert found["links"][3] | {"place": ""} == {
        "from": "base.employees.email",
        "to": "staging.stg_employees.email",
        "type": "DIRECT",
        "subtype": "TRANSFORMATION",
        "masking": "mask_email",
        "place": "",
    }
    assert "rows" in say("lineage", "marts.dim_employees.email", "--json", "--rows").json


@pytest.mark.parametrize("arguments", [(), ("marts.dim_employees", "--openlineage", "x")])
def test_there_is_one_thing_to_do_at_a_time(say: Say, arguments: tuple[str, ...]) -> None:
    said = say("lineage", *arguments)
    assert said.code == 2
    assert "give one of NAME, --openlineage FILE and --markdown" in said.err


@pytest.fixture
def events(say: Say, tmp_path: Path) -> dict[str, Any]:
    file = tmp_path / "deep" / "events.ndjson"
    said = say("lineage", "--openlineage", str(file))
    assert said.code == 0
    found = [json.loads(line) for line in file.read_text().splitlines()]
    assert said.out == f"{len(found)} events written to {file}\n"
    return {event["job"]["name"]: event for event in found}


def test_each_table_has_a_complete_event_after_those_of_its_inputs(events: dict[str, Any]) -> None:
    assert events.keys() == load_catalog(Path("catalog.yaml")).tables.keys()
    done = {"file"}
    for name, event in events.items():
        assert event["eventType"] == "COMPLETE"
        for dataset in event["inputs"]:
            assert (dataset["name"] if dataset["namespace"] != "file" else "file") in done
        done.add(name)


def test_runs_have_ids_of_their_own(events: dict[str, Any]) -> None:
    assert len({event["run"]["runId"] for event in events.values()}) == len(events)


def test_an_event_has_the_sql_and_what_it_reads_and_writes(events: dict[str, Any]) -> None:
    event = events["staging.stg_employees"]
    assert event["job"]["facets"]["sql"]["query"].lstrip().startswith("--")
    assert [dataset["name"] for dataset in event["inputs"]] == ["base.employees"]
    (output,) = event["outputs"]
    assert output["namespace"] == "duckdb://data/warehouse.duckdb"
    fields = output["facets"]["schema"]["fields"]
    assert ("hire_date", "DATE") in [(field["name"], field["type"]) for field in fields]


def test_files_are_datasets_and_their_loads_are_jobs_without_sql(events: dict[str, Any]) -> None:
    event = events["raw.transactions"]
    (file,) = event["inputs"]
    assert (file["namespace"], file["name"]) == ("file", "data/transactions*.csv")
    assert event["job"]["facets"] == {}


def test_column_lineage_says_how_and_whether_it_masks(events: dict[str, Any]) -> None:
    (output,) = events["staging.stg_employees"]["outputs"]
    assert output["facets"]["columnLineage"]["fields"]["email"]["inputFields"] == [
        {
            "namespace": "duckdb://data/warehouse.duckdb",
            "name": "base.employees",
            "field": "email",
            "transformations": [
                {
                    "type": "DIRECT",
                    "subtype": "TRANSFORMATION",
                    "masking": True,
                    "description": "mask_email",
                }
            ],
        }
    ]


def test_what_decides_on_rows_concerns_the_dataset(events: dict[str, Any]) -> None:
    (output,) = events["quality.quarantine_employees"]["outputs"]
    (tier,) = [it for it in output["facets"]["columnLineage"]["dataset"] if it["field"] == "tier"]
    assert tier["transformations"] == [{"type": "INDIRECT", "subtype": "FILTER", "masking": False}]
