"""What each kind of bad input gets: loaded, rejected, or refused with a message that helps."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from examples import at_night

from benepass_tasks.cli.program import main

if TYPE_CHECKING:
    from workspace import Workspace

HEADER = (
    "transaction_id,employee_id,benefit_account_id,merchant,amount,transaction_timestamp,category"
)
GOOD = "T1,E1,A1,Gym,10.00,2025-03-01T10:00:00Z,gym"


def _lines(*lines: str, end: str = "\n") -> str:
    return "".join(line + end for line in (HEADER, *lines))


def _load(workspace: Workspace, content: str | bytes) -> None:
    workspace.write("data/transactions.csv", content)
    workspace.run("raw.transactions")


def _merchants(workspace: Workspace) -> list[str | None]:
    return [
        merchant
        for (merchant,) in workspace.query(
            "select merchant from raw.transactions order by _row_number"
        )
    ]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\xef\xbb\xbf" + _lines(GOOD).encode(), id="byte order mark"),
        pytest.param(_lines(GOOD, end="\r\n"), id="CRLF", marks=pytest.mark.nightly),
        pytest.param(_lines(GOOD).rstrip("\n"), id="no last line end", marks=pytest.mark.nightly),
        pytest.param(
            HEADER + "\r\n" + GOOD + "\n", id="mixed line ends", marks=pytest.mark.nightly
        ),
        pytest.param(_lines("", GOOD, ""), id="blank lines", marks=pytest.mark.nightly),
        pytest.param(
            HEADER.upper().replace("_", " ") + "\n" + GOOD + "\n", id="header in upper case"
        ),
        pytest.param(
            ",".join(f" {name} " for name in HEADER.split(",")) + "\n" + GOOD + "\n",
            id="spaces around header names",
            marks=pytest.mark.nightly,
        ),
        pytest.param(
            "category,TransactionTimestamp,amount,merchant,benefitAccountId,EmployeeID,transaction-id\n"
            "gym,2025-03-01T10:00:00Z,10.00,Gym,A1,E1,T1\n",
            id="another order and spelling",
        ),
    ],
)
def test_harmless_variants_load_the_same_record(workspace: Workspace, content: str | bytes) -> None:
    _load(workspace, content)
    assert workspace.query(
        "select transaction_id, employee_id, benefit_account_id, merchant, amount, "
        "transaction_timestamp, category, _source_file, _row_number from raw.transactions"
    ) == [("T1", "E1", "A1", "Gym", "10.00", "2025-03-01T10:00:00Z", "gym", "transactions.csv", 1)]


def test_raw_keeps_every_value_exactly_as_written(workspace: Workspace) -> None:
    written = ["  spaced ", '"a ""quoted"" one"', '"two\nlines"', '""', "", "NULL", "é"]
    _load(workspace, _lines(*(f"T,E,A,{merchant},1,x,y" for merchant in written)))
    assert _merchants(workspace) == [
        "  spaced ",
        'a "quoted" one',
        "two\nlines",
        "",
        None,
        "NULL",
        "é",
    ]


def test_a_field_of_five_megabytes_is_loaded_whole(workspace: Workspace) -> None:
    _load(workspace, _lines(f"T1,E1,A1,{'x' * 5_000_000},1,2025-03-01,gym", GOOD))
    assert workspace.query("select length(merchant) from raw.transactions order by 1") == [
        (3,),
        (5_000_000,),
    ]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b"T9,E1,A1,G\xff\xfem,1,2025-03-01,gym", "invalid UTF-8"),
        *at_night(
            (b"T9,E1,A1", "too few columns"),
            (b"T9,E1,A1,Gym,1,2025-03-01,gym,more", "too many columns"),
            (b'T9,E1,A1,"Gym,1,2025-03-01,gym', "unterminated quote"),
            (b'T9,E1,A1,"Gym"x,1,2025-03-01,gym', "text after a closing quote"),
        ),
    ],
)
def test_a_record_that_cannot_be_parsed_is_kept_with_its_place_and_bytes(
    workspace: Workspace, record: bytes, reason: str
) -> None:
    content = _lines(GOOD).encode() + record + b"\n" + GOOD.replace("T1", "T2").encode() + b"\n"
    _load(workspace, content)
    assert workspace.query(
        "select _source_file, record_number, line_number, reason, raw_record from raw.rejected_rows"
    ) == [("transactions.csv", 2, 3, reason, record)]
    assert workspace.query(
        "select transaction_id, _row_number from raw.transactions order by 2"
    ) == [("T1", 1), ("T2", 3)]
    assert workspace.query("select lines, records, parsed, rejected from meta.loads") == [
        (4, 3, 2, 1)
    ]


def test_a_header_without_records_loads_no_row_and_warns(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    _load(workspace, HEADER + "\n")
    assert workspace.query("select count(*) from raw.transactions") == [(0,)]
    assert "transactions.csv holds a header and no record" in caplog.text


def test_every_mart_builds_from_headers_alone(workspace: Workspace) -> None:
    for name in ("employees", "benefit_accounts", "transactions", "category_benefit_mappings"):
        path = workspace.data / f"{name}.csv"
        workspace.write(f"data/{name}.csv", path.read_text().splitlines()[0] + "\n")
    workspace.run()
    content = workspace.content()
    assert content.pop("quality.issue_types")  # which is of the project, not of its files
    assert all(not rows for rows in content.values())


WITHOUT_CATEGORY = HEADER.removesuffix(",category") + "\n" + GOOD.removesuffix(",gym") + "\n"


def test_an_optional_column_that_was_never_there_is_null_and_no_matter(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    _load(workspace, WITHOUT_CATEGORY)
    assert workspace.query("select transaction_id, category from raw.transactions") == [
        ("T1", None)
    ]
    assert caplog.messages == []


@pytest.mark.nightly
def test_an_optional_column_that_a_file_had_and_lost_is_told(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    _load(workspace, _lines(GOOD))
    _load(workspace, WITHOUT_CATEGORY)
    assert workspace.query("select transaction_id, category from raw.transactions") == [
        ("T1", None)
    ]
    assert "category removed (it was VARCHAR)" in caplog.text


def test_a_required_column_whose_absence_was_accepted_is_told_at_each_load(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    workspace.replace("catalog.yaml", 'groceries.", required: false}', 'groceries."}')
    _load(workspace, _lines(GOOD))
    workspace.write("data/transactions.csv", WITHOUT_CATEGORY)
    with workspace.configured():
        assert main(["schema", "accept", "transactions", "--as-null"]) == 0
    for merchant in ("Gym", "Hall"):
        caplog.clear()
        _load(workspace, WITHOUT_CATEGORY.replace("Gym", merchant))
        assert "transactions.csv has no column category; loaded as NULL" in caplog.text


def test_a_column_that_nobody_declared_is_loaded_with_a_warning(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    _load(workspace, HEADER + ",Cost Centre\n" + GOOD + ",C7\n")
    assert workspace.query("select cost_centre from raw.transactions") == [("C7",)]
    assert "does not declare: cost_centre" in caplog.text


def test_a_column_that_came_and_went_is_null_where_it_is_missing(workspace: Workspace) -> None:
    _load(workspace, HEADER + ",Cost Centre\n" + GOOD + ",C7\n")
    _load(workspace, _lines(GOOD))
    assert workspace.query("select cost_centre from raw.transactions") == [(None,)]
    workspace.change("drop table raw.transactions cascade")
    _load(workspace, HEADER + ",Cost Centre\n" + GOOD + ",C8\n")
    assert workspace.query("select cost_centre from raw.transactions") == [("C8",)]


def test_hostile_values_arrive_as_they_are_and_do_nothing(workspace: Workspace) -> None:
    hostile = [
        "'; drop table raw.transactions; --",
        "<script>alert(1)</script>",
        "=HYPERLINK(x)",
        "\x1b[31mred",
        "../../etc/passwd",
        "a\x00b",
    ]
    rows = [f"T{i},E1,A1,{text},5.00,2025-03-01T10:00:00Z,gym" for i, text in enumerate(hostile)]
    workspace.write("data/transactions.csv", _lines(*rows))
    workspace.run()
    assert _merchants(workspace) == hostile
    assert workspace.query("select count(*) from marts.fact_transactions") == [(6,)]


def test_hostile_file_names_are_only_names(workspace: Workspace) -> None:
    name = "transactions'; drop table x; --.csv"
    workspace.write(f"data/{name}", _lines(GOOD.replace("T1", "T77")))
    workspace.run("raw.transactions")
    assert workspace.query(
        "select _source_file from raw.transactions where transaction_id = 'T77'"
    ) == [(name,)]


@pytest.mark.usefixtures("finished")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "employees.csv is empty, without even a header", id="0 bytes"),
        pytest.param(
            None,
            "employees.csv was loaded, and now there is no file",
            id="missing",
            marks=pytest.mark.nightly,
        ),
        pytest.param(
            b"employee_id,first_name,last_name,mail,hire_date,status\n",
            "  email: is it mail? Then add that to the aliases of email in catalog.yaml",
            id="a required column renamed",
        ),
        pytest.param(
            b"employee_id,first_name,last_name,email,hire_date,status,Email \n",
            "names the column email twice, as 'email' and 'Email '",
            id="a column twice",
            marks=pytest.mark.nightly,
        ),
        pytest.param(
            b"employee_id,first_name,last_name,email,hire_date,status,_row_number\n",
            "has a column _row_number, which the load adds; rename it",
            id="a column that the load adds",
            marks=pytest.mark.nightly,
        ),
        pytest.param(
            b'"employee_id,first_name\n',
            "employees.csv",
            id="an open quote",
            marks=pytest.mark.nightly,
        ),
        pytest.param(b"\xff\xfee\x00m\x00p\x00\n\x00", "employees.csv", id="UTF-16"),
    ],
)
def test_a_broken_contract_fails_the_load_and_leaves_everything_as_it_was(
    workspace: Workspace, caplog: pytest.LogCaptureFixture, content: bytes | None, message: str
) -> None:
    before = workspace.built()
    if content is None:
        (workspace.data / "employees.csv").unlink()
    else:
        workspace.write("data/employees.csv", content)
    _, succeeded = workspace.attempt()
    assert not succeeded
    assert message in caplog.text
    assert workspace.built() == before


@pytest.mark.nightly
def test_a_glob_without_any_file_fails_and_says_which(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    (workspace.data / "transactions.csv").unlink()
    _, succeeded = workspace.attempt()
    assert not succeeded
    assert "transactions*.csv" in caplog.text


def test_the_inferred_type_of_each_column_is_kept_with_dlts_schema(workspace: Workspace) -> None:
    workspace.run("raw.transactions")
    ((schema,),) = workspace.query("select schema::json from raw._dlt_version")
    columns = json.loads(schema)["tables"]["transactions"]["columns"]
    assert {name: columns[name]["x-inferred-type"] for name in HEADER.split(",")} == {
        "transaction_id": "VARCHAR",
        "employee_id": "VARCHAR",
        "benefit_account_id": "VARCHAR",
        "merchant": "VARCHAR",
        "amount": "DECIMAL",
        "transaction_timestamp": "TIMESTAMP WITH TIME ZONE",
        "category": "VARCHAR",
    }
    assert columns["amount"]["data_type"] == "text"
    assert columns["amount"]["x-ordinal"] == 5
