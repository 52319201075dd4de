"""What loads record about the columns of their files, and what a contract keeps out."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from workspace import Workspace

HEADER = "benefit_type,valid_category"
MAPPINGS = "data/category_benefit_mappings.csv"
MAPPINGS_STAGED = "    reconciliation: {staging: staging.stg_category_benefit_mappings}"
FROZEN = "schema_contract: {tables: evolve, columns: freeze, data_type: freeze}"


def load(workspace: Workspace, *lines: str, header: str = HEADER, name: str = MAPPINGS) -> None:
    workspace.write(name, "".join(f"{line}\n" for line in (header, *lines)))
    workspace.run("raw.category_benefit_mappings")


def history(workspace: Workspace, columns: str = "column_name, change, before, after") -> list[Any]:
    return workspace.query(
        f"select {columns} from meta.schema_changes "
        "where source = 'category_benefit_mappings' order by changed_at, entry"
    )


@pytest.fixture
def evolving(workspace: Workspace) -> Workspace:
    """A project whose mappings may change, of which one column has numbers."""
    workspace.replace("catalog.yaml", f"    {FROZEN}\n", "")
    load(workspace, "a,1.5", "b,2.5")
    return workspace


def test_a_first_load_adds_every_column(evolving: Workspace) -> None:
    assert history(evolving, "column_name, change, after, severity, file, relation") == [
        (name, "added", kind, "info", "category_benefit_mappings.csv", relation)
        for relation in ["raw.category_benefit_mappings"]
        for name, kind in (("benefit_type", "VARCHAR"), ("valid_category", "DECIMAL"))
    ]


@pytest.mark.nightly
def test_a_type_that_goes_and_comes_back_is_three_entries(
    evolving: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    load(evolving, "a,1.5", "b,?", "c,", "d,2.5", "e,?")
    load(evolving, "a,1.5", "b,3.5", "c,")
    load(evolving, "a,1.5", "b,4.5", "c,")
    entries = history(
        evolving, "change, before, after, misfits, misfit_rows, severity, is_guess, column_name"
    )
    assert [entry[:-1] for entry in entries if entry[-1] == "valid_category"] == [
        ("added", None, "DECIMAL", None, [], "info", False),
        ("type_changed", "DECIMAL", "VARCHAR", 2, [2, 5], "warning", False),
        ("type_changed", "VARCHAR", "DECIMAL", None, [], "info", False),
    ]
    assert (
        "category_benefit_mappings.csv has changed since the last load: valid_category changed "
        "from DECIMAL to VARCHAR: 2 values do not fit, the first in rows 2, 5. All changes: "
        "benepass schema history category_benefit_mappings"
    ) in caplog.text
    assert caplog.text.count("has changed since the last load") == 1


@pytest.mark.nightly
def test_a_file_without_a_value_changes_no_type_and_forgets_none(evolving: Workspace) -> None:
    evolving.settings["accept"] = "category_benefit_mappings"
    load(evolving)
    load(evolving, "a,", "b,")
    assert len(history(evolving)) == 2
    load(evolving, "a,?", "b,")
    assert history(evolving)[2:] == [("valid_category", "type_changed", "DECIMAL", "VARCHAR")]


def test_columns_that_come_go_return_and_move_are_told(evolving: Workspace) -> None:
    load(evolving, "x,a,1.5", header=f"note,{HEADER}")
    load(evolving, "a,1.5")
    load(evolving, "1.5,a,7", header="valid_category,benefit_type,note")
    assert history(evolving)[2:] == [
        ("note", "added", None, "VARCHAR"),
        ("note", "removed", "VARCHAR", None),
        ("valid_category", "reordered", "2", "1"),
        ("note", "reappeared", None, "BIGINT"),
    ]


def test_a_rename_is_guessed_by_the_values_in_raw(
    evolving: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    load(evolving, "a,1.5,x y z", "b,2.5,p q", header=f"{HEADER},note")
    load(evolving, "x y z,a,1.5", "p q,b,2.5", "r,c,3.5", header=f"remark,{HEADER}")
    assert history(evolving, "column_name, change, before, is_guess")[3:] == [
        ("remark", "renamed", "note", True)
    ]
    assert "note renamed to remark (a guess by values and position)" in caplog.text


OWN_NAME = "transaction_timestamp"
ALIAS = "timestamp"


def renamed(workspace: Workspace, header: str, name: str = "data/transactions.csv") -> None:
    """Write the transactions with another header for their timestamps, and load them."""
    first, *records = (workspace.data / "transactions.csv").read_text().splitlines()
    columns = first.split(",")
    columns[5] = header
    workspace.write(name, "\n".join([",".join(columns), *records, ""]))
    workspace.run("raw.transactions")


def test_a_column_comes_by_an_alias_and_the_history_says_so(workspace: Workspace) -> None:
    renamed(workspace, ALIAS)
    assert workspace.query(
        "select change, after, header, severity from meta.schema_changes "
        f"where column_name = '{OWN_NAME}'"
    ) == [("added", "TIMESTAMP WITH TIME ZONE", ALIAS, "info")]
    assert workspace.query(f"select count({OWN_NAME}) from raw.transactions") == [(5,)]


@pytest.mark.nightly
def test_from_one_name_to_another_a_column_is_respelled_which_no_contract_stops(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    workspace.replace(
        "catalog.yaml",
        "    freshness: {load: true, warn_after: 2d, fail_after: 7d}\n",
        f"    {FROZEN}\n",
    )
    workspace.replace("catalog.yaml", f"aliases: [{ALIAS}]", f"aliases: [{ALIAS}, Charged on]")
    names = (OWN_NAME, ALIAS, "charged-on", OWN_NAME)
    for name in names:
        renamed(workspace, name)
    assert workspace.query(
        "select change, before, after, header, severity from meta.schema_changes "
        f"where column_name = '{OWN_NAME}' order by changed_at offset 1"
    ) == [("respelled", before, after, after, "info") for before, after in pairwise(names)]
    assert workspace.query("select count(*) from meta.schema_changes") == [(7 + 3,)]
    assert caplog.messages == []


@pytest.mark.nightly
def test_files_of_one_source_may_use_different_names(workspace: Workspace) -> None:
    workspace.run("raw.transactions")
    renamed(workspace, ALIAS, "data/transactions-2.csv")
    assert workspace.query(
        f"select _source_file, count({OWN_NAME}) from raw.transactions group by all order by all"
    ) == [("transactions-2.csv", 5), ("transactions.csv", 5)]
    workspace.replace("data/transactions.csv", "60.00", "61.00")
    workspace.run("raw.transactions")
    assert workspace.query("select file, change, header from meta.schema_changes offset 7") == [
        ("transactions-2.csv", "respelled", ALIAS)
    ]


@pytest.mark.nightly
def test_a_new_alias_loads_again_what_came_by_that_name(workspace: Workspace) -> None:
    header, *records = (workspace.data / "benefit_accounts.csv").read_text().splitlines()
    lines = [f"{header},What is left", *(f"{record},12.50" for record in records), ""]
    workspace.write("data/benefit_accounts.csv", "\n".join(lines))
    workspace.run("raw.benefit_accounts")
    balances = "select distinct current_balance from raw.benefit_accounts"
    assert workspace.query(balances) == [(None,)]
    workspace.replace(
        "catalog.yaml",
        "pii: *money, required: false, holds: amount}",
        "pii: *money, required: false, holds: amount, aliases: [What is left]}",
    )
    assert "benefit_accounts/benefit_accounts.csv" in workspace.run("raw.benefit_accounts")
    assert workspace.query(balances) == [("12.50",)]


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_a_new_alias_lets_a_file_load_that_was_refused(workspace: Workspace) -> None:
    text = (workspace.data / "transactions.csv").read_text()
    workspace.write("data/transactions.csv", text.replace(OWN_NAME, "charged_on"))
    assert not workspace.attempt("raw.transactions")[1]
    workspace.replace("catalog.yaml", f"aliases: [{ALIAS}]", "aliases: [Charged On]")
    assert "transactions/transactions.csv" in workspace.run("raw.transactions")


@pytest.mark.nightly
def test_files_of_two_schemas_that_load_in_turns_record_nothing(workspace: Workspace) -> None:
    header, first, *rest = (workspace.data / "transactions.csv").read_text().splitlines()
    workspace.run("raw.transactions")
    other = f"{header},note\n{first.replace('T1,', 'T9,')},x\n"
    workspace.write("data/transactions-2.csv", other)
    workspace.run("raw.transactions")
    changes = workspace.query("select file, column_name, change from meta.schema_changes offset 7")
    assert changes == [("transactions-2.csv", "note", "added")]
    for amount in ("61.00", "62.00"):
        changed = "\n".join([header, first.replace("60.00", amount), *rest])
        workspace.write("data/transactions.csv", changed)
        workspace.write("data/transactions-2.csv", other.replace("60.00", amount))
        workspace.run("raw.transactions")
    assert workspace.query("select count(*) from meta.loads where source = 'transactions'") == [
        (2,)
    ]
    assert workspace.query("select count(*) from meta.schema_changes") == [(8,)]


@pytest.mark.nightly
def test_dlts_own_tables_have_the_schema_of_each_load_with_its_file(evolving: Workspace) -> None:
    load(evolving, "a,?")
    load(evolving, "a,1.5")
    loads = evolving.query(
        "select v.schema from raw._dlt_loads as l join raw._dlt_version as v "
        "on v.version_hash = l.schema_version_hash order by l.load_id"
    )
    tables = [json.loads(schema)["tables"]["category_benefit_mappings"] for (schema,) in loads]
    assert [it["columns"]["valid_category"]["x-inferred-type"] for it in tables] == [
        *("DECIMAL", "VARCHAR", "DECIMAL")
    ]
    assert {it["columns"]["_source_file"]["x-source-file"] for it in tables} == {
        "category_benefit_mappings.csv"
    }
    assert evolving.query("select count(*) from raw._dlt_version") == [(2,)]


def test_a_load_that_was_killed_is_not_in_the_history(evolving: Workspace, killer: str) -> None:
    original = (evolving.root / MAPPINGS).read_bytes()
    evolving.write(MAPPINGS, f"{HEADER}\na,?\n")
    assert evolving.run_until_killed(killer, "loaded", task="raw.category_benefit_mappings")
    assert len(evolving.query("from raw._dlt_loads")) == 2
    evolving.write(MAPPINGS, original)
    evolving.run("raw.category_benefit_mappings")
    assert len(history(evolving)) == 2


@pytest.mark.nightly
def test_hostile_and_enormous_headers_are_loaded_and_told_briefly(
    evolving: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    names = ["\x1b[31mred", "'; drop table x; --", "<b>" * 100_000]
    for value in "qr":
        load(evolving, f"a,1.5,p,{value},s", header=",".join([HEADER, *names]))
    found = history(evolving, "column_name, change")[2:]
    assert found[:2] == [("_31mred", "added"), ("drop_table_x", "added")]
    assert len(found) == 3
    assert "\x1b" not in caplog.text
    assert len(caplog.text) < 5000
    assert evolving.query('select "_31mred", drop_table_x from raw.category_benefit_mappings') == [
        ("p", "r")
    ]


def test_no_value_is_in_what_is_kept_about_columns(workspace: Workspace) -> None:
    workspace.run("raw.employees")
    workspace.replace("data/employees.csv", "2020-01-01", "ann.archer@example.com")
    workspace.run("raw.employees")
    kept = [row for row in workspace.content(("meta",)).values() if row]
    assert "type_changed" in repr(kept)
    for personal in ("ann.archer", "Archer", "bo.baker"):
        assert personal not in repr(kept)


@pytest.fixture
def frozen(workspace: Workspace, finished: None) -> Workspace:  # noqa: ARG001
    """A project that was run, whose mappings are frozen."""
    return workspace


def test_a_frozen_column_stops_the_load_and_leaves_everything_as_it_was(
    frozen: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    before = frozen.built()
    frozen.write(MAPPINGS, f"{HEADER},note\nwellness,gym,x\n")
    made, succeeded = frozen.attempt()
    assert not succeeded
    assert made == set()
    assert (
        "category_benefit_mappings: category_benefit_mappings.csv has other columns than were "
        "accepted, which catalog.yaml forbids (columns: freeze).\n  note added (VARCHAR)\n"
        "Nothing was loaded, and what was built before stays as it is. Either fix the file, or "
        "accept it as it is now: benepass schema accept category_benefit_mappings"
    ) in caplog.text
    assert frozen.built() == before


def test_a_frozen_type_stops_the_load_and_the_message_says_where_it_does_not_fit(
    evolving: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    evolving.replace(
        "catalog.yaml",
        f"{MAPPINGS_STAGED}\n",
        f"{MAPPINGS_STAGED}\n    schema_contract: {{data_type: freeze}}\n",
    )
    evolving.write(MAPPINGS, f"{HEADER}\na,1.5\nb,?\nc,2\n")
    assert not evolving.attempt("raw.category_benefit_mappings")[1]
    assert (
        "category_benefit_mappings.csv has values that do not fit the types that were accepted, "
        "which catalog.yaml forbids (data_type: freeze).\n"
        "  valid_category changed from DECIMAL to VARCHAR: 1 value does not fit, in row 2\n"
    ) in caplog.text
    load(evolving, "a,1", "b,2")
    assert history(evolving)[2:] == [("valid_category", "type_changed", "DECIMAL", "BIGINT")]


@pytest.mark.nightly
def test_a_contract_that_is_edited_loads_nothing_again(frozen: Workspace) -> None:
    frozen.replace("catalog.yaml", FROZEN, "schema_contract: {columns: freeze}")
    assert frozen.run() == set()
    frozen.replace("catalog.yaml", "    schema_contract: {columns: freeze}\n", "")
    assert frozen.run() == set()


def test_a_source_whose_tables_are_frozen_is_not_loaded_unless_accepted(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    workspace.replace("catalog.yaml", "tables: evolve, columns", "tables: freeze, columns")
    _, succeeded = workspace.attempt("raw.category_benefit_mappings")
    assert not succeeded
    assert "is the first of its source, which catalog.yaml forbids (tables: freeze)" in caplog.text
    assert workspace.content(["raw"]) == {}


@pytest.mark.nightly
def test_four_workers_record_what_one_does_and_stop_at_a_contract(workspace: Workspace) -> None:
    assert workspace.run_command("--workers", "4").returncode == 0
    counts = "select source, count(*) from meta.schema_changes group by all order by 1"
    assert workspace.query(counts) == [
        ("benefit_accounts", 5),
        ("category_benefit_mappings", 2),
        ("employees", 6),
        ("transactions", 7),
    ]
    workspace.write(MAPPINGS, f"{HEADER},note\nwellness,gym,x\n")
    workspace.replace("data/transactions.csv", "12.50", "a few")
    done = workspace.run_command("--workers", "4")
    assert done.returncode == 30
    assert "(columns: freeze).\n  note added (VARCHAR)\nNothing was loaded" in done.stderr
    assert "amount changed from DECIMAL to VARCHAR: 1 value does not fit, in row 3" in done.stderr
    assert "Traceback" not in done.stderr
