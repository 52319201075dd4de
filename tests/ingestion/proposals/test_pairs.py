"""A debit beside a credit is found as one amount, a date beside a time as one instant."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from projects import ROOT
from proposing import declared, file_of, names_of, proposed, written_as

from benepass_tasks.catalog import load_catalog
from benepass_tasks.catalog.editing import set_values
from benepass_tasks.config.errors import ProjectError
from benepass_tasks.ingestion.proposals.entries import settings_of

if TYPE_CHECKING:
    from pathlib import Path

    from benepass_tasks.catalog.datasets import Declarations
    from benepass_tasks.ingestion.proposals.profile import FileProfile
    from benepass_tasks.ingestion.proposals.proposal import Proposal

ZONE_NAME = "Europe/Berlin"
ZONE = {"transaction_timestamp.zone": ZONE_NAME}
NET = {"refunds": "net"}
HEAD = "Transaction ID,Employee ID,Account,Merchant"


def transactions(columns: str, *records: str) -> str:
    rows = [f"T{number},E{number},A{number},Shop,{it}" for number, it in enumerate(records, 1)]
    return "\n".join([f"{HEAD},{columns}", *rows])


@pytest.mark.parametrize(
    ("debit", "credit"),
    [
        ("Debit", "Credit"),
        ("Debit Amount", "Credit Amount"),
        ("Paid out", "Paid in"),
        ("Soll", "Haben"),
        ("Débit", "Crédit"),
        ("Cargo", "Abono"),
        ("Debit (USD)", "Credit (USD)"),
        ("出金", "入金"),
    ],
)
def test_a_debit_beside_a_credit_is_the_amount(debit: str, credit: str) -> None:
    text = transactions(
        f"{debit},{credit},Date",
        "12.00,,2025-03-01T10:00:00Z",
        "7.50,0.00,2025-03-02T10:00:00Z",
        ",5.00,2025-03-03T10:00:00Z",
    )
    assert [it.name for it in proposed(file_of(text)).questions] == ["refunds"]
    proposal = proposed(file_of(text), answers=NET)
    (amount,) = [it for it in proposal.columns if it.name == "amount"]
    parts = {it.header: it for it in proposal.columns if it.is_part}
    assert amount.made_of == {"debit": parts[debit].name, "credit": parts[credit].name}
    assert amount.why == "a debit beside a credit: 3 of 3 records have one of the two"
    assert not proposal.missing
    assert not proposal.questions
    assert {(it.guess.class_, it.guess.kind) for it in parts.values() if it.guess} == {
        ("none", "FINANCIAL")
    }


def test_debits_below_zero_are_spend_by_the_declared_sign() -> None:
    text = transactions(
        "Debit,Credit,Date", "-12.00,,2025-03-01T10:00Z", "-7.50,,2025-03-02T10:00Z",
        ",5.00,2025-03-03T10:00Z",
    )  # fmt: skip
    (question,) = proposed(file_of(text)).questions
    assert question.asks == "what are amounts below zero? 2 of 3 amounts are"
    proposal = proposed(file_of(text), answers={"refunds": "spend_net"})
    assert written_as(proposal, "amount") == {"sign": "spend_is_negative"}


def test_what_is_declared_names_the_two_which_are_as_personal_as_the_one() -> None:
    text = transactions("Soll,Haben,Date", "12.50,,2025-03-01T10:00Z", ",5.00,2025-03-02T10:00Z")
    proposal = proposed(file_of(text), answers=NET)
    said = {it.path[3:]: it.value for it in settings_of(proposal, declared()) if len(it.path) > 3}
    assert said["amount", "made_of"] == {"debit": "soll", "credit": "haben"}
    assert said["soll",] == {
        "description": "Soll, as the file has it.",
        "pii": {"class": "none", "sensitive": True, "kind": "FINANCIAL"},
    }


@pytest.mark.parametrize(
    ("columns", "record"),
    [
        # Both say something in most records: they are no two sides of one amount.
        ("Debit,Credit,Date", "12.00,5.00,2025-03-01T10:00:00Z"),
        # The amount is there, whatever stands beside it.
        ("Amount,Debit,Credit,Date", "12.00,12.00,,2025-03-01T10:00:00Z"),
    ],
)
def test_other_columns_of_these_names_are_none(columns: str, record: str) -> None:
    proposal = proposed(file_of(transactions(columns, record, record)), source="transactions")
    assert not any(it.made_of for it in proposal.columns)


@pytest.mark.parametrize(
    ("columns", "record", "form"),
    [
        ("Amount,Date,Time", "12.00,2025-03-21,10:15", {}),
        ("Amount,Time,Date", "12.00,10:15:30,2025-03-21", {}),
        ("Amount,Transaction Date,Transaction Time", "12.00,21.03.2025,10:15", {"order": "DMY"}),
        ("Betrag,Buchungstag,Uhrzeit", "12.00,21.03.2025,10:15", {"order": "DMY"}),
        ("Montant,Date opération,Heure", "12.00,21/03/2025,10h15", {"formats": ["%d/%m/%Y %Hh%M"]}),
        ("Amount,Date,Time", "12.00,03/21/2025,3:15 PM", {"order": "MDY"}),
        ("Amount,Date,Time", "12.00,20250321,0915", {"formats": ["%Y%m%d %H%M"]}),
        ("Amount,Date,Time", "12.00,20250321,915", {"formats": ["%Y%m%d %H%M"]}),
        ("Amount,Date,Time", "12.00,2025-03-21,0.458333333333333", {}),
        ("Amount,Date,Time", "12.00,45737,0.4375", {"excel_serial": 1900}),
    ],
)
def test_a_date_beside_a_time_is_the_instant(
    columns: str, record: str, form: dict[str, object]
) -> None:
    text = transactions(columns, record, record)
    assert [it.name for it in proposed(file_of(text)).questions] == ["transaction_timestamp.zone"]
    proposal = proposed(file_of(text), answers=ZONE)
    assert written_as(proposal, "transaction_timestamp") == form | {"zone": "Europe/Berlin"}
    (moment,) = [it for it in proposal.columns if it.made_of]
    assert list(moment.made_of) == ["date", "time"]
    assert moment.why == "a date beside a time: 2 of 2 are times of day"
    assert not proposal.questions


def test_which_of_several_dates_the_time_belongs_to_is_asked() -> None:
    record = "12.00,03/22/2025,03/21/2025,3:15 PM"
    text = transactions("Amount,Posting Date,Transaction Date,Time", record, record)
    (question, _) = proposed(file_of(text)).questions
    assert question.name == "transaction_timestamp.column"
    assert sorted(question.choices) == ["Posting Date", "Transaction Date"]
    answers = ZONE | {"transaction_timestamp.column": "Transaction Date"}
    proposal = proposed(file_of(text), answers=answers)
    (moment,) = [it for it in proposal.columns if it.made_of]
    assert moment.made_of == {"date": "transaction_date", "time": "time"}
    assert not proposal.questions


def test_a_date_with_its_time_stays_what_it_is() -> None:
    record = "12.00,2025-03-21T10:15:00Z,10:15"
    proposal = proposed(file_of(transactions("Amount,Transaction timestamp,Time", record, record)))
    assert names_of(proposal)["Transaction timestamp"] == "transaction_timestamp"
    assert not any(it.made_of for it in proposal.columns)


REFUNDED = transactions(
    "Amount,Amount Refunded,Timestamp",
    "12.00,0.00,2025-03-21T10:15:00Z",
    "30.00,10.00,2025-03-22T10:15:00Z",
)


def test_whether_a_column_of_what_came_back_lowers_the_amount_is_asked(tmp_path: Path) -> None:
    (question,) = proposed(file_of(REFUNDED)).questions
    assert question.name == "refunded"
    assert question.asks == "does Amount Refunded lower the amount? 1 of 2 records have one"
    apart = proposed(file_of(REFUNDED), answers={"refunded": "apart"})
    assert not apart.questions
    assert not any(it.made_of for it in apart.columns)

    net = proposed(file_of(REFUNDED), answers={"refunded": "net"})
    assert not net.questions
    assert {it.header: it.name for it in net.columns if it.is_part}["Amount"] == "charged"
    after = declare(tmp_path, net)
    amount = after.sources["transactions"].made["amount"]
    assert amount.made_of == {"charged": "charged", "refunded": "amount_refunded"}
    again = proposed(file_of(REFUNDED), catalog=after)
    assert not again.questions
    assert not again.missing
    text = after.path.read_text(encoding="utf-8")
    assert set_values(text, "it", settings_of(again, after)) == text


def beside(headers: str, *records: str) -> FileProfile:
    return file_of(
        transactions(
            f"Amount,{headers},Timestamp", *(f"{it},2025-03-21T10:15:00Z" for it in records)
        )
    )


@pytest.mark.parametrize(
    ("header", "part", "yes"),
    [
        ("Discount", "refunded", "net"),
        ("Employee Share", "refunded", "net"),
        ("Tip", "added", "plus"),
        ("MwSt.", "added", "plus"),
        ("Adjustment", "added", "plus"),
        ("Corrected Amount", "corrected", "counts"),
        ("Approved Amount", "corrected", "counts"),
        ("Amount (USD)", "corrected", "counts"),
        ("Nettobetrag", "corrected", "counts"),
    ],
)
def test_an_amount_beside_the_amount_is_asked_about(
    header: str, part: str, yes: str, tmp_path: Path
) -> None:
    file = beside(header, "12.00,2.00", "30.00,")
    (question,) = proposed(file).questions
    assert question.name == part
    assert header in question.asks
    assert "1 of 1 records have one" in question.asks
    (_, no) = question.choices
    as_before = proposed(file, answers={part: no})
    assert not as_before.questions
    assert not any(it.made_of for it in as_before.columns)
    after = declare(tmp_path, proposed(file, answers={part: yes}))
    made_of = after.sources["transactions"].made["amount"].made_of
    assert [*made_of] == ["charged", part]
    assert not proposed(file, catalog=after).questions


def test_of_several_of_one_kind_it_is_asked_which_one() -> None:
    file = beside("Tip,Tax", "12.00,2.00,1.00", "30.00,0.00,3.00")
    (question,) = proposed(file).questions
    assert [*question.choices] == ["Tip", "Tax", "within"]
    tax = proposed(file, answers={"added": "Tax"})
    assert not tax.questions
    assert {it.header for it in tax.columns if it.is_part} == {"Amount", "Tax"}


@pytest.mark.parametrize(
    "header", ["Taxable", "Tax", "Net Terms", "Original Amount", "Merchant Tip"]
)
def test_a_column_that_is_not_an_amount_of_the_charge_is_not_asked_about(header: str) -> None:
    assert not proposed(beside(header, "12.00,no", "30.00,yes")).questions


def test_an_amount_is_made_of_two_columns_and_of_no_more() -> None:
    file = beside("Tip,Discount", "12.00,2.00,1.00", "30.00,0.00,3.00")
    with pytest.raises(ProjectError, match="not of charged and Discount and Tip together"):
        proposed(file, answers={"added": "plus", "refunded": "net"})
    file = file_of(transactions("Debit,Credit,Tip,Timestamp", "12.00,,2.00,2025-03-21T10:15:00Z"))
    with pytest.raises(ProjectError, match="not of debit and credit and Tip together"):
        proposed(file, answers={"added": "plus"})


def accounts(columns: str, *records: str) -> str:
    rows = [f"A{number},E{number},meals,Daily Meals,{it}" for number, it in enumerate(records, 1)]
    return "\n".join([f"Account ID,Employee ID,Benefit Type,Program,{columns}", *rows])


def test_for_how_long_an_allowance_is_is_asked(tmp_path: Path) -> None:
    text = accounts("Allowance,Frequency", "1200.00,Annual", "100.00,Monthly", "25.00,Weekly")
    file = file_of(text, "benefit_accounts.csv")
    (question,) = proposed(file).questions
    assert question.name == "every"
    assert question.asks == "is the allowance for as long as Frequency says? 1 of 3 say a month"
    assert not any(it.made_of for it in proposed(file, answers={"every": "month"}).columns)

    after = declare(tmp_path, proposed(file, answers={"every": "each"}))
    source = after.sources["benefit_accounts"]
    assert source.made["monthly_allowance"].made_of == {"each": "allowance", "every": "frequency"}
    assert source.columns["frequency"].form.synonyms == {
        "year": ("annual",),
        "month": ("monthly",),
        "unknown": ("weekly",),
    }
    assert not proposed(file, catalog=after).questions


@pytest.mark.parametrize(
    "frequency", ["Monthly", "2025-03"], ids=["the month of an allowance", "not a period"]
)
def test_a_month_and_what_is_not_a_time_is_not_asked_about(frequency: str) -> None:
    text = accounts("Allowance,Period", f"120.00,{frequency}", f"100.00,{frequency}")
    assert not proposed(file_of(text, "benefit_accounts.csv")).questions


def test_a_yearly_allowance_is_not_taken_for_a_monthly_one() -> None:
    file = file_of(accounts("Annual Allowance", "1200.00"), "benefit_accounts.csv")
    assert proposed(file).missing == ("monthly_allowance",)
    with pytest.raises(ProjectError, match="by its name that is not what there is for a month"):
        proposed(file, answers={"monthly_allowance.column": "Annual Allowance"})


def declare(tmp_path: Path, proposal: Proposal) -> Declarations:
    """The project's catalog, once a proposal is written into it."""
    path = tmp_path / "catalog.yaml"
    text = (ROOT / "catalog.yaml").read_text(encoding="utf-8")
    path.write_text(set_values(text, path.name, settings_of(proposal, declared())))
    return load_catalog(path)


def test_declared_pairs_get_another_form_and_other_names(tmp_path: Path) -> None:
    record = "12.00,,21.03.2025,10:15", ",5.00,22.03.2025,9:05"
    first = file_of(transactions("Debit,Credit,Date,Time", *record))
    after = declare(tmp_path, proposed(first, answers=ZONE | NET))
    known = proposed(first, catalog=after)
    assert not known.questions, "the catalog has the zone, and that refunds are netted"
    text = after.path.read_text(encoding="utf-8")
    assert set_values(text, "it", settings_of(known, after)) == text

    record = "1.012;50,,03/21/2025,10:15", ",5;00,03/22/2025,9:05"
    changed = transactions("Soll,Haben,Datum,Uhrzeit", *record)
    file = file_of(changed.replace("Merchant", "Shop"))
    comma = [replace(it, values=[(v or "").replace(";", ",") or None for v in it.values])
             for it in file.columns]  # fmt: skip
    proposal = proposed(replace(file, columns=comma), answers=ZONE | NET, catalog=after)
    assert not proposal.missing
    assert names_of(proposal)["Soll"] == "debit"
    assert written_as(proposal, "amount") == {"decimal": ",", "thousands": "."}
    assert written_as(proposal, "transaction_timestamp") == {"order": "MDY", "zone": ZONE_NAME}
    said = {it.path[3:]: it.value for it in settings_of(proposal, after) if len(it.path) > 3}
    assert said["credit", "aliases"] == ["Haben"]
    assert said["amount", "made_of"] == {"debit": "debit", "credit": "credit"}


def test_what_a_file_says_again_beside_the_two_is_ignored_and_instead_of_them_is_told(
    tmp_path: Path,
) -> None:
    record = "12.00,,2025-03-21T10:15:00Z"
    first = file_of(transactions("Debit,Credit,Timestamp", record, record))
    after = declare(tmp_path, proposed(first))
    again = file_of(transactions("Amount,Debit,Credit,Timestamp", f"12.00,{record}"))
    beside = proposed(again, catalog=after)
    assert beside.records["ignored"] == ["amount"]
    assert not any(it.path[-1] == "amount" for it in settings_of(beside, after))

    alone = file_of(transactions("Amount,Timestamp", "12.00,2025-03-21T10:15:00Z"))
    instead = proposed(alone, catalog=after)
    assert sorted(instead.missing) == ["credit", "debit"]
    assert (
        "Amount is in one column what catalog.yaml makes of debit and credit. If all files are so "
        "now, take made_of of amount and its two columns out of catalog.yaml first"
    ) in instead.notes
    assert not any(it.path[-1] == "amount" for it in settings_of(instead, after))
