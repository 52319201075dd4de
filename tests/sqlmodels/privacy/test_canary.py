"""The search by experiment: tokens in every identifying raw column, and where they come out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from projects import definitions, definitions_of

from benepass_tasks.config.errors import WarehouseError
from benepass_tasks.sqlmodels.privacy.canary import Search, search

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workspace import Workspace

    from benepass_tasks.sqlmodels import ModelGraph

VARIABLES = {"as_of_date": "date '2026-01-01'"}


def searched(
    workspace: Workspace, graph: ModelGraph, variables: Mapping[str, str] = VARIABLES
) -> Search:
    return search(workspace.warehouse, definitions().catalog, graph, variables)


def seen(workspace: Workspace, graph: ModelGraph) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for it in searched(workspace, graph).sightings:
        found.setdefault(str(it.column), set()).add(str(it.origin))
    return found


def edited(relation: str, old: str, new: str) -> ModelGraph:
    """The models of the project, with another text in the SQL of one."""
    graph = definitions().graph
    model = graph.models[relation]
    assert old in model.sql
    return replace(
        graph, models={**graph.models, relation: replace(model, sql=model.sql.replace(old, new))}
    )


def masked_by(body: str) -> ModelGraph:
    """The models of the project, with another mask of addresses."""
    graph = definitions().graph
    sql = f"create or replace macro mask_email(value) as {body};"
    mask = replace(graph.macros["mask_email"], sql=sql, macros=frozenset())
    return replace(graph, macros={**graph.macros, "mask_email": mask})


def up_to(relation: str, graph: ModelGraph) -> ModelGraph:
    """A model and what it reads, without the others."""
    needed = {relation}
    for model in reversed(list(graph.models.values())):
        if model.relation in needed:
            needed.update(model.references)
    return replace(graph, models={it: graph.models[it] for it in graph.models if it in needed})


@pytest.mark.usefixtures("finished")
def test_the_project_shows_nothing_that_it_does_not_declare(workspace: Workspace) -> None:
    result = searched(workspace, definitions().graph)
    assert result.sightings == ()
    assert result.tokens == 4, "first name, last name, email and the bytes of rejected records"
    assert result.columns > 150


@pytest.mark.usefixtures("finished")
def test_an_unmasked_email_is_seen_all_the_way(workspace: Workspace) -> None:
    graph = edited("staging.stg_employees", "mask_email(email) as email", "email")
    found = seen(workspace, up_to("marts.dim_employees", graph))
    assert found.keys() >= {
        "staging.stg_employees.email",
        "intermediate.int_employees.email",
        "marts.dim_employees.email",
    }
    assert set.union(*found.values()) == {"raw.employees.email"}


@pytest.mark.usefixtures("finished")
@pytest.mark.parametrize(
    ("macro", "leaks"),
    [
        ("regexp_extract(value, '@(.+)$', 1)", True),
        ("split_part(value, '@', 2)", True),
        ("left(value, 12) || '****'", True),
        ("reverse(split_part(reverse(value), '@', 1))", True),
        ("if(contains(value, '@'), split_part(value, '@', -1), '****')", False),
    ],
    ids=[
        "from the first at on",
        "between the ats",
        "the beginning",
        "whole where there is no at",
        "nothing but the domain",
    ],
)
def test_a_mask_that_leaves_something_is_seen(
    workspace: Workspace, macro: str, *, leaks: bool
) -> None:
    found = seen(workspace, up_to("marts.dim_employees", masked_by(macro)))
    assert ("marts.dim_employees.email" in found) is leaks


@pytest.mark.usefixtures("finished")
def test_a_name_that_goes_round_the_mask_is_seen(workspace: Workspace) -> None:
    graph = edited(
        "marts.dim_employees", "    status,", "    mask_email('a@' || last_name) as status,"
    )
    assert seen(workspace, up_to("marts.dim_employees", graph)) == {
        "marts.dim_employees.status": {"raw.employees.last_name"}
    }


@pytest.mark.usefixtures("finished")
def test_a_list_and_a_quarantined_record_are_searched_too(workspace: Workspace) -> None:
    graph = edited(
        "quality.quarantine_transactions",
        "    transactions.merchant,",
        "    (select list(first_name) from raw.employees)::varchar as merchant,",
    )
    assert seen(workspace, up_to("quality.quarantine_transactions", graph)) == {
        "quality.quarantine_transactions.merchant": {"raw.employees.first_name"}
    }


@pytest.mark.usefixtures("finished")
def test_masking_is_on_whatever_the_setting(workspace: Workspace) -> None:
    graph = up_to("marts.dim_employees", definitions().graph)
    assert searched(workspace, graph, VARIABLES | {"pii_masking": "false"}).sightings == ()


@pytest.mark.usefixtures("finished")
def test_the_warehouse_is_only_read(workspace: Workspace) -> None:
    before = workspace.warehouse.read_bytes()
    searched(workspace, up_to("base.employees", definitions().graph))
    assert workspace.warehouse.read_bytes() == before


def test_without_a_warehouse_it_says_what_to_do(workspace: Workspace) -> None:
    with pytest.raises(WarehouseError, match="run BuildMarts first"):
        searched(workspace, definitions().graph)


@pytest.mark.usefixtures("finished")
def test_a_value_that_is_cut_is_seen(workspace: Workspace) -> None:
    cut = "    left(first_name, 5) || '/' || left(last_name, 4) as status,"
    graph = edited("marts.dim_employees", "    status,", cut)
    assert seen(workspace, up_to("marts.dim_employees", graph)) == {
        "marts.dim_employees.status": {"raw.employees.first_name", "raw.employees.last_name"}
    }


BECOMES = {
    "md5": "md5(email)",
    "sha1": "sha1(lower(email))",
    "sha256": "upper(sha256(upper(email)))",
    "DuckDB's hash": "hash(email)::varchar",
    "base64": "to_base64(encode(email))",
    "hexadecimal digits": "hex(email)",
    "its letters in reverse": "reverse(email)",
    "the codes of its letters": "[ord(it) for it in string_split(email, '')]::varchar",
}


@pytest.mark.usefixtures("finished")
def test_what_a_value_becomes_without_a_key_is_seen(workspace: Workspace) -> None:
    leaks = ",\n".join(f"    {it} as leak_{n}" for n, it in enumerate(BECOMES.values()))
    workspace.write("sql/staging/stg_leaks.sql", f"select\n{leaks}\nfrom base.employees\n")
    columns = "\n".join(
        f"      leak_{n}: {{description: It., pii: {{class: pseudonym, kind: EMAIL_ADDRESS}}}}"
        for n in range(len(BECOMES))
    )
    workspace.replace(
        "catalog.yaml",
        "  staging.stg_benefit_accounts:\n",
        "  staging.stg_leaks:\n    description: Leaks.\n    domain: people\n"
        f"    columns:\n{columns}\n  staging.stg_benefit_accounts:\n",
    )
    read = definitions_of(workspace.root)
    graph = up_to("staging.stg_leaks", read.graph)
    result = search(workspace.warehouse, read.catalog, graph, VARIABLES)
    shapes = {str(it.column): it.shape for it in result.sightings}
    assert shapes == {f"staging.stg_leaks.leak_{n}": shape for n, shape in enumerate(BECOMES)}
