"""A file is loaded as its source says it is written, from the catalog to the raw table."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

import pytest
from examples import at_night
from loading import content_of

from benepass_tasks.catalog import Column, Pii, Source, load_catalog
from benepass_tasks.catalog.layout import Layout
from benepass_tasks.config.errors import SourceError
from benepass_tasks.ingestion.headers import match_header
from benepass_tasks.pipeline.nodes.source_file import SourceFileNode
from benepass_tasks.state.source_files import SourceFile

if TYPE_CHECKING:
    from workspace import Workspace

    from benepass_tasks.catalog import Table
    from benepass_tasks.catalog.datasets import DeclaredSource

HEADER = (
    "transaction_id,employee_id,benefit_account_id,merchant,amount,transaction_timestamp,category"
)
ROWS = (
    "T1,E1,A1,Kölner Bad,60.00,2025-03-01T10:00:00Z,gym",
    "T2,E1,A1,Café Noir,50.00,2025-03-02T10:00:00Z,gym",
    "T3,E2,A2,Plum Crate,12.50,2025-03-03T10:00:00Z,",
)
VALUES: list[tuple[str | None, ...]] = [
    ("T1", "Kölner Bad", "60.00", "gym"),
    ("T2", "Café Noir", "50.00", "gym"),
    ("T3", "Plum Crate", "12.50", None),
]


def lines(*of_file: str, end: str = "\n") -> str:
    return "".join(line + end for line in of_file)


def spaced(row: str) -> str:
    return ", ".join(f'"{field}"' if field else "" for field in row.split(","))


@dataclass(frozen=True)
class Case:
    """A file, what its source says of it, and how many lines of it are no records."""

    content: bytes
    load_args: str = "{}"
    layout: str = ""
    passed_over: int = 0
    rejected: int = 0
    file: str = "transactions.csv"
    values: list[tuple[str | None, ...]] = field(default_factory=lambda: list(VALUES))


CASES = {
    "spaces before quotes": Case(
        lines(*map(spaced, (HEADER, *ROWS))).encode(),
        "{skipinitialspace: true}",
    ),
    "semicolons": Case(
        lines(HEADER, *ROWS).replace(",", ";").encode(), "{sep: ';', decimal: ','}"
    ),
    "tabs without quotes": Case(
        lines(HEADER, *ROWS).replace(",", "\t").encode(), r'{delimiter: "\t", quoting: 3}'
    ),
    "a line that names the separator": Case(
        lines('"sep=|"', HEADER, *ROWS, end="\r\n").replace(",", "|").encode(),
        "{sep: '|'}",
        passed_over=1,
    ),
    "UTF-16 with a byte order mark": Case(
        lines(HEADER, *ROWS).encode("utf-16"), "{encoding: utf-16}"
    ),
    "Windows-1252": Case(lines(HEADER, *ROWS).encode("cp1252"), "{encoding: cp1252}"),
    "Windows-1252 that is not declared": Case(
        lines(HEADER, *ROWS).encode("cp1252"), rejected=2, values=VALUES[2:]
    ),
    "carriage returns": Case(lines(HEADER, *ROWS, end="\r").encode()),
    "title lines, a line of units, a comment and a footer": Case(
        lines(
            "Card transactions", "", HEADER, "-,-,-,-,USD,UTC,-", ROWS[0], "# page 2", *ROWS[1:],
            "3 records", "printed yesterday",
        ).encode(),
        "{skiprows: 2, skipfooter: 2, comment: '#'}",
        "{header_lines: 2}",
        passed_over=5,
    ),
    "totals": Case(
        lines(HEADER, *ROWS[:2], "Total,,,,110.00,,", ROWS[2], "Total 122.50").encode(),
        layout=r"{skip_lines: ['^Total\b']}",
        passed_over=2,
    ),
    "a header on each page": Case(
        lines(HEADER, ROWS[0], HEADER, *ROWS[1:], HEADER).encode(), passed_over=2
    ),
    "surplus separators": Case(lines(HEADER, *(f"{row},," for row in ROWS)).encode()),
    "separators that are dropped": Case(
        lines(HEADER, *(row.removesuffix(",") for row in ROWS)).encode()
    ),
    "gzip": Case(
        gzip.compress(lines(HEADER, *ROWS).encode()),
        layout="",
        load_args="{compression: gzip}",
    ),
}  # fmt: skip


def declare(workspace: Workspace, case: Case) -> DeclaredSource:
    """Edit the catalog as somebody would whose files are like this."""
    entry = "transactions:\n  <<: *csv\n"
    workspace.replace("catalog.yaml", entry, f"{entry}  load_args: {case.load_args}\n")
    if case.layout:
        metadata = "    description: Card transactions, in one file or in several.\n"
        workspace.replace("catalog.yaml", metadata, f"{metadata}    layout: {case.layout}\n")
    workspace.write(f"data/{case.file}", case.content)
    return load_catalog(workspace.root / "catalog.yaml").sources["transactions"]


@pytest.mark.parametrize("name", CASES)
def test_a_file_is_read_as_it_is_declared(name: str, workspace: Workspace) -> None:
    case = CASES[name]
    source = declare(workspace, case)
    required = tuple(column.name for column in source.columns.values() if column.required)
    content = content_of(workspace.data / case.file, source.layout, required)
    assert content.header == tuple(HEADER.split(","))
    assert [(row[1], row[4], row[5], row[7]) for row in content.rows] == case.values
    assert len(content.rejected) == case.rejected
    assert content.accounting.passed_over.total() == case.passed_over


def test_a_run_loads_a_file_as_it_is_declared_and_keeps_how_many_lines_are_not_records(
    workspace: Workspace,
) -> None:
    case = CASES["title lines, a line of units, a comment and a footer"]
    declare(workspace, case)
    workspace.run("raw.transactions")
    stored = "select transaction_id, merchant, amount, category from raw.transactions order by 1"
    assert workspace.query(stored) == VALUES
    assert workspace.query(
        "select lines, passed_over, records, rejected from meta.loads where source = 'transactions'"
    ) == [(10, 5, 3, 0)]
    workspace.replace("catalog.yaml", "skipfooter: 2", "skipfooter: 3")
    workspace.run("raw.transactions")
    assert workspace.query(stored) == VALUES[:2]


def test_how_numbers_are_written_is_nothing_to_load_a_file_anew_for() -> None:
    def version_of(layout: Layout) -> str:
        source = Source("s", "data/s.csv", "S.", "people", MappingProxyType({}), layout=layout)
        file = SourceFile("s", "s.csv", Path("s.csv"))
        return SourceFileNode(source, cast("Table", None), file).code_version

    usual = version_of(Layout())
    assert version_of(Layout(decimal=",", thousands=".", na_values=("NULL",))) == usual
    assert version_of(Layout(skip_lines=("^Total",))) != usual
    assert version_of(Layout(encoding="cp1252")) != usual


def test_a_message_about_the_header_counts_the_lines_above_it() -> None:
    columns = {"id": Column("id", "Id.", "VARCHAR", "people", Pii("none"))}
    source = Source(
        "s", "data/s.csv", "S.", "people", MappingProxyType(columns), layout=Layout(skiprows=2)
    )
    with pytest.raises(SourceError, match=r"s: s\.csv:3 lacks the required columns id"):
        match_header(source, "s.csv", ("x", "y"))
    with pytest.raises(SourceError, match="is empty below the 2 lines that skiprows passes over"):
        match_header(source, "s.csv", ())


REFUSED = {
    "another separator than the file names": (
        lines("sep=;", HEADER, *ROWS).encode(),
        "{}",
        "transactions.csv:1 says that ';' separates its fields, and catalog.yaml that ','",
    ),
    "a compressed file that is cut short, long after its header": (
        gzip.compress(lines(HEADER, *ROWS * 60_000).encode())[:-9],
        "{compression: gzip}",
        "transactions.csv is cut short or damaged",
    ),
}


@pytest.mark.parametrize("name", [next(iter(REFUSED)), *at_night(*list(REFUSED)[1:])])
def test_a_file_that_is_not_as_declared_loads_nothing_and_keeps_what_was_there(
    name: str, workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    content, load_args, message = REFUSED[name]
    workspace.run("raw.transactions")
    before = workspace.query("from raw.transactions order by _row_number")
    declare(workspace, Case(content, load_args))
    assert not workspace.attempt("raw.transactions")[1]
    assert message in caplog.text
    assert "Traceback" not in caplog.text
    assert workspace.query("from raw.transactions order by _row_number") == before
