"""No personal value is ever told: neither of rows that fail a test, nor of files that fail."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from projects import catalog_of

from benepass_tasks.config.channels import SecretUrl
from benepass_tasks.config.settings import current_settings
from benepass_tasks.quality.alerts import Present, alert
from benepass_tasks.state.warehouse import warehouse_of

if TYPE_CHECKING:
    from receiving import Receiver
    from workspace import Workspace

PERSONAL = ("ann", "archer", "baker", "cole", "example.", "@", "t2", "t5")
"""What of names, addresses and ids would show, in any case."""


def end(workspace: Workspace, receiver: Receiver) -> None:
    settings = replace(
        current_settings(),
        project_dir=workspace.root,
        warehouse=workspace.warehouse,
        alert_webhook=SecretUrl(receiver.url),
    )
    catalog = catalog_of(workspace.root)
    nodes = [node for (node,) in workspace.query("select node from meta.materializations")]
    alert(warehouse_of(settings), settings, "this", Present(nodes, catalog))


def silent(receiver: Receiver, workspace: Workspace) -> list[str]:
    """The lines of the only message, in which no value of a person is, nor in the incidents."""
    (message,) = receiver.messages
    for text in (json.dumps(message), repr(workspace.query("from meta.incidents"))):
        assert [value for value in PERSONAL if value in text.lower()] == []
    lines: list[str] = message["text"].splitlines()
    return lines[1:]


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_of_rows_that_fail_a_test_there_is_the_number(
    workspace: Workspace, receiver: Receiver
) -> None:
    workspace.replace(
        "data/employees.csv", "E2,Bo,", "E1,Ann,Archer,ann@example.com,2020-01-01,active\nE2,Bo,"
    )
    workspace.require_amounts_from("55")
    people = "    description: People who take part in the benefits programme.\n"
    workspace.replace("catalog.yaml", people, f"{people}    guards: {{min_clean: 50%}}\n")
    workspace.replace(
        "catalog.yaml",
        "description: email as written., type: VARCHAR, published: false}",
        "description: email as written., type: VARCHAR, published: false, tests: [{regex: ^none}]}",
    )
    assert not workspace.attempt("CheckContracts")[1]
    assert workspace.query("select raw_email from quality.quarantine_employees") == [
        ("ann.archer@example.com",)
    ]
    end(workspace, receiver)
    more = "; `meta.check_results` has the keys of the first"
    lines = [re.sub(", since .* UTC", "", line) for line in silent(receiver, workspace)]
    assert lines == [
        "*New*",
        f"• fail: `marts.fact_transactions.amount: range (min 55)`: 2 of 3 rows fail it{more}",
        (
            "• fail: `quality.quarantine_employees.raw_email: regex (^none)`: 1 of 1 rows fail it"
            f"{more}"
        ),
    ]


@pytest.mark.usefixtures("finished")
@pytest.mark.parametrize(
    ("header", "why"),
    [
        pytest.param("", "employees.csv:1 lacks the required columns", id="none"),
        pytest.param(
            "employee_id,first_name,last_name,email,hire_date,Ann Archer",
            "lacks the required column status",
            id="another",
        ),
        pytest.param(
            "employee_id,first_name,last_name,email,hire_date,status,ann archer,Status",
            "two columns of its header, number 6 and 8, mean the same one",
            id="twice",
        ),
    ],
)
def test_of_a_file_that_is_refused_the_reason_is_told_and_no_header(
    workspace: Workspace, receiver: Receiver, header: str, why: str
) -> None:
    """A header may be somebody's record, which errors are about."""
    content = (workspace.data / "employees.csv").read_text()
    rows = content.partition("\n")[2]
    workspace.write("data/employees.csv", f"{header}\n{rows}" if header else rows)
    assert not workspace.attempt()[1]
    end(workspace, receiver)
    _, line = silent(receiver, workspace)
    assert line.startswith("• fail: `employees/employees.csv could not be loaded`, since ")
    assert why in line
    assert line.endswith(" shows more")
