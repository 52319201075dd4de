"""What the records are: again, spend, refunds, words for a status and for nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from proposing import file_of, proposed

if TYPE_CHECKING:
    from benepass_tasks.ingestion.proposals.profile import FileProfile

HEADER = "transaction_id,employee_id,benefit_account_id,merchant,amount,transaction_timestamp"


def charges(*records: str, name: str = "transactions.csv", more: str = "") -> FileProfile:
    return file_of("\n".join([f"{HEADER}{more}", *records]), name)


def charge(number: int, amount: str = "10.00", more: str = "", employee: int = 1) -> str:
    person = f"E{employee},A{employee}"
    return f"T{number},{person},Gym,{amount},2025-01-0{number}T10:00:00Z{more}"


def people(*records: str) -> FileProfile:
    return file_of("\n".join(["employee_id,first_name,last_name,email,hire_date,status", *records]))


def person(number: int, status: str = "active", hired: str = "2020-01-01") -> str:
    return f"E{number},A,B,a@example.com,{hired},{status}"


def test_what_a_status_says_of_a_charge_decides_whether_it_counts() -> None:
    file = charges(charge(1, more=",Complete"), charge(2, more=",DENIED"), more=",State")
    proposal = proposed(file)
    assert proposal.records["counts_when"] == {"state": ["complete"]}
    assert "1 of 2 records are spend by their state" in proposal.notes
    state = proposal.columns[-1]
    assert (state.name, state.is_new, str(state.guess)) == ("state", True, "none")


def test_a_status_that_always_counts_needs_no_declaration() -> None:
    file = charges(charge(1, more=",posted"), charge(2, more=",settled"), more=",status")
    assert "counts_when" not in proposed(file).records


def test_words_that_no_list_knows_are_asked_about_and_not_shown() -> None:
    file = charges(charge(1, more=",posted"), charge(2, more=",zurpo"), more=",status")
    (question,) = proposed(file).questions
    assert question.name == "counts_when.status"
    assert "zurpo" not in question.asks
    answers = {"counts_when.status": "posted, ZURPO"}
    assert "counts_when" not in proposed(file, answers=answers).records
    answers = {"counts_when.status": "zurpo"}
    assert proposed(file, answers=answers).records["counts_when"] == {"status": ["zurpo"]}


def test_an_authorization_and_its_capture_count_once() -> None:
    file = charges(charge(1, more=",authorization"), charge(2, more=",capture"), more=",Type")
    assert proposed(file).records["counts_when"] == {"type": ["capture"]}


def test_a_column_of_currencies_is_declared_with_that_of_the_reports() -> None:
    file = charges(charge(1, more=",USD"), charge(2, more=",JPY"), more=",Currency")
    assert proposed(file).records["currency"] == {"column": "currency", "reporting": "USD"}


def test_charges_of_which_none_is_in_the_currency_of_the_reports_are_asked_about() -> None:
    file = charges(charge(1, more=",EUR"), charge(2, more=",GBP"), more=",Währung")
    (question,) = proposed(file).questions
    assert question.flags == ["--answer currency=EUR", "--answer currency=GBP"]
    assert proposed(file, answers={"currency": "EUR"}).records["currency"] == {
        "column": "wahrung",
        "reporting": "EUR",
    }


def test_the_currency_of_a_header_becomes_that_of_the_reports_once_somebody_says_so() -> None:
    file = file_of(f"{HEADER.replace('amount', 'Amount (€)')}\n{charge(1)}\n{charge(2)}")
    (question,) = proposed(file).questions
    assert question.flags == ["--answer amount.currency=EUR"]
    records = proposed(file, answers={"amount.currency": "EUR"}).records
    assert records["currency"] == {"reporting": "EUR"}


def test_amounts_below_zero_are_asked_about() -> None:
    file = charges(charge(1), charge(2), charge(3, "-2.50"))
    (question,) = proposed(file).questions
    assert question.flags == ["--answer refunds=net", "--answer refunds=quarantine"]
    assert proposed(file, answers={"refunds": "net"}).records["refunds"] == "net"


def test_records_that_say_that_money_came_back_are_asked_about_whatever_their_sign() -> None:
    rows = [charge(1, more=",Kauf"), charge(2, more=",Kauf"), charge(3, more=",Erstattung")]
    file = charges(*rows, more=",Buchungsart")
    (question,) = proposed(file).questions
    assert question.flags == ["--answer refunds=net", "--answer refunds=quarantine"]
    net = proposed(file, answers={"refunds": "net"}).records
    assert net["refunds"] == {"buchungsart": ["erstattung"]}
    assert "counts_when" not in net
    kept_out = proposed(file, answers={"refunds": "quarantine"}).records
    assert kept_out["counts_when"] == {"buchungsart": ["kauf"]}


def test_a_mark_of_charges_that_do_not_count_is_read_as_one() -> None:
    file = charges(charge(1, more=",0"), charge(2, more=",1"), more=",is_deleted")
    assert proposed(file).records["counts_when"] == {"is_deleted": ["0"]}


def test_charges_that_are_all_below_zero_may_be_spend() -> None:
    file = charges(charge(1, "-4.00"), charge(2, "-2.50"))
    (question,) = proposed(file).questions
    assert "spend" in question.choices
    amount = next(
        it for it in proposed(file, answers={"refunds": "spend"}).columns if it.name == "amount"
    )
    assert amount.form.written_as == {"sign": "spend_is_negative"}


def test_ids_that_begin_anew_in_each_file_are_asked_about() -> None:
    first = charges(charge(1), charge(2), name="transactions_1.csv")
    second = charges(charge(1, employee=3), charge(2, employee=4), name="transactions_2.csv")
    (question,) = proposed(first, second).questions
    assert question.flags == ["--answer key=file", "--answer key=id"]
    answered = proposed(first, second, answers={"key": "file"})
    assert answered.records["key"] == ["transaction_id", "_source_file"]


def test_records_that_come_again_in_a_later_file_are_told() -> None:
    first = charges(charge(1), charge(2), name="transactions_1.csv")
    second = charges(charge(1), charge(2, "12.00"), name="transactions_2.csv")
    assert proposed(first, second).notes == [
        "1 of 2 transaction_ids that are in more than one file say the same there; 1 are restated"
    ]


def test_which_of_several_records_of_a_person_counts_is_asked() -> None:
    file = people(person(1, hired="2024-02-01"), person(1, "terminated", "2019-02-01"))
    (question,) = proposed(file).questions
    assert question.flags == [
        "--answer ordered_by=hire_date",
        "--answer ordered_by=_source_file",
    ]


def test_words_for_a_status_become_synonyms() -> None:
    file = people(person(1, "Inactive"), person(2, "Terminated."), person(3, "AKTIV"))
    status = proposed(file).columns[-1]
    assert status.synonyms == {"terminated": ["inactive", "terminated."], "active": ["aktiv"]}
    assert status.form.evidence == "3 of 3 values are known words"


def test_an_unknown_status_is_told_by_its_shape() -> None:
    file = people(person(1), person(2, "Zorp-7"))
    assert proposed(file).columns[-1].form.evidence == (
        "1 of 2 values are known words; the others look like A-9 (1), and are published as unknown"
    )


@pytest.mark.parametrize("word", ["NULL", "n/a", "\\N", "-", "#N/A", "k.A.", "なし"])
def test_words_that_mean_nothing_are_declared_as_they_are_written(word: str) -> None:
    file = charges(f"T1,E1,A1,{word},1.00,2025-01-05T10:00:00Z", charge(2))
    assert proposed(file).written.load_args == {"na_values": [word]}
