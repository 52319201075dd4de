"""What the records are: again, spend, refunds, words for a status and for nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from proposing import file_of, proposed, written_as

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


def test_parts_of_a_charge_that_stands_there_too_are_asked_about() -> None:
    records = (charge(1, more=","), charge(2, "4.00", ",T1"), charge(3, "6.00", ",T1"))
    file = charges(*records, more=",Split From")
    (question,) = proposed(file).questions
    assert question.name == "split_from.names"
    assert "2 of 2 records with a split_from do" in question.asks
    assert "T1" not in question.asks
    whole = proposed(file, answers={"split_from.names": "whole"})
    assert whole.records["counts_when"] == {"split_from": [None]}
    assert whole.columns[-1].guess == proposed(file).columns[-1].guess, "it holds ids"
    assert "counts_when" not in proposed(file, answers={"split_from.names": "another"}).records


@pytest.mark.parametrize(
    ("more", "first", "second"),
    [
        (",parent_id", ",", ",T2"),
        (",parent_id", ",", ",X1"),
        (",type,original_id", ",capture,", ",refund,T1"),
        (",type,original_id", ",authorization,", ",capture,T1"),
    ],
)
def test_a_column_that_is_not_a_part_is_not_asked_about(more: str, first: str, second: str) -> None:
    file = charges(charge(1, more=first), charge(2, more=second), more=more)
    names = {it.name for it in proposed(file, answers={"refunds": "net"}).questions}
    assert not any(it.endswith(".names") for it in names)


def test_a_refund_that_names_its_charge_is_not_part_of_it() -> None:
    file = charges(charge(1, more=","), charge(2, "-10.00", ",T1"), more=",parent_id")
    assert proposed(file, answers={"refunds": "net"}).questions == []


def test_ids_that_look_like_those_of_parts_are_asked_about() -> None:
    wholes = (charge(1), charge(2), charge(3))
    parts = [charge(1, "4.00").replace("T1", f"T1{it}") for it in ("-1", "-2")]
    refund = charge(2).replace("T2", "T2-R")
    (question,) = proposed(charges(*wholes, *parts, refund)).questions
    assert question.name == "transaction_id.parts"
    assert question.asks.startswith("are 2 records parts of 1 others?")
    answers = {"transaction_id.parts": "none"}
    assert not proposed(charges(*wholes, *parts, refund), answers=answers).questions
    assert not proposed(charges(*wholes, refund)).questions


def test_a_mark_of_charges_that_count_is_one() -> None:
    file = charges(charge(1, more=",TRUE"), charge(2, more=",FALSE"), more=",Approved")
    assert proposed(file).records["counts_when"] == {"approved": ["true"]}
    file = charges(charge(1, more=",2025-01-01"), charge(2, more=",2025-01-02"), more=",Posted")
    assert "counts_when" not in proposed(file).records


def test_a_charge_that_was_voided_some_day_does_not_count() -> None:
    file = charges(charge(1, more=","), charge(2, more=",2025-01-09"), more=",Voided At")
    assert proposed(file).records["counts_when"] == {"voided_at": [None]}
    file = charges(charge(1, more=","), charge(2, more=","), more=",Voided At")
    assert "counts_when" not in proposed(file).records


def test_payments_are_charges_unless_others_are_called_so() -> None:
    file = charges(charge(1, more=",Payment"), charge(2, more=",Fee"), more=",Type")
    assert [it.name for it in proposed(file).questions] == ["counts_when.type"]
    file = charges(charge(1, more=",Payment"), charge(2, more=",Payment"), more=",Type")
    assert proposed(file).questions == []
    file = charges(charge(1, more=",Payment"), charge(2, more=",Purchase"), more=",Type")
    (question,) = proposed(file).questions
    assert question.name == "counts_when.type"
    bought = proposed(file, answers={"counts_when.type": "purchase"})
    assert bought.records["counts_when"] == {"type": ["purchase"]}


def test_the_currency_of_another_amount_is_not_that_of_ours() -> None:
    records = (charge(1, more=",9.00,EUR"), charge(2, more=",10.00,USD"))
    file = charges(*records, more=",original amount,original currency")
    assert "currency" not in proposed(file).records
    file = charges(*records, more=",original reference,original currency")
    assert proposed(file).records["currency"] == {
        "column": "original_currency",
        "reporting": "USD",
    }


@pytest.mark.parametrize(
    ("header", "yes", "status"),
    [("Active Status", "Yes", "active"), ("Inactive Flag", "No", "active")],
)
def test_a_status_by_yes_and_no_is_known_by_a_word_of_its_name(
    header: str, yes: str, status: str
) -> None:
    file = file_of(
        f"employee_id,first_name,last_name,email,hire_date,{header}\n"
        f"E1,A,B,a@example.com,2020-01-01,{yes}"
    )
    found = next(it for it in proposed(file).columns if it.name == "status")
    assert found.synonyms == {status: [yes.lower()]}


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


def test_the_currency_of_the_reports_is_said_of_sources_that_have_amounts() -> None:
    answers = {"monthly_allowance.currency": "EUR"}
    header = "benefit_account_id,employee_id,benefit_type,program_name,monthly_allowance"
    accounts = file_of(f"{header}\nA1,E1,meals,Daily,12.50 EUR\nA2,E2,meals,Daily,10.00 EUR")
    assert proposed(accounts, answers=answers).records == {"currency": {"reporting": "EUR"}}
    assert proposed(people(person(1)), answers=answers).records == {}


def test_the_currency_is_that_of_the_amounts_by_their_names() -> None:
    header = "Transaction Amount,Transaction Currency,Billing Amount,Billing Currency"
    file = file_of(
        f"id,employee_id,account_id,merchant,{header},date\n"
        "T1,E1,A1,Fit,100.00,EUR,108.00,USD,2025-03-01T10:00:00Z\n"
        "T2,E1,A1,Fit,5000.00,JPY,33.50,USD,2025-03-02T10:00:00Z"
    )
    assert proposed(file).questions[0].name == "amount.column"
    billed = proposed(file, answers={"amount.column": "Billing Amount"})
    assert billed.records["currency"] == {"column": "billing_currency", "reporting": "USD"}
    paid = proposed(file, answers={"amount.column": "Transaction Amount"})
    assert [it.name for it in paid.questions] == ["currency"]


def test_of_currencies_that_nothing_tells_apart_it_asks() -> None:
    more = ",Shop Currency,Card Currency"
    file = charges(charge(1, more=",EUR,USD"), charge(2, more=",USD,USD"), more=more)
    assert [it.name for it in proposed(file).questions] == ["currency.column"]
    answers = {"currency.column": "card_currency"}
    declared = {"column": "card_currency", "reporting": "USD"}
    assert proposed(file, answers=answers).records["currency"] == declared


def test_several_totals_and_days_of_a_charge_are_asked_about() -> None:
    file = file_of(
        "id,employee_id,account_id,merchant,quantity,price,line total,date,value date\n"
        "T1,E1,A1,Fit,2,10.00,20.00,2025-01-31T10:00:00Z,2025-02-02T10:00:00Z"
    )
    assert [it.name for it in proposed(file).questions] == [
        "amount.column", "transaction_timestamp.column",
    ]  # fmt: skip


def test_of_two_columns_of_currencies_the_one_that_has_that_of_the_reports_is_meant() -> None:
    more = ",Original Currency,Billing Currency"
    file = charges(charge(1, more=",MXN,USD"), charge(2, more=",MXN,USD"), more=more)
    declared = {"column": "billing_currency", "reporting": "USD"}
    assert proposed(file).records["currency"] == declared


@pytest.mark.parametrize("header", ["Card payment status", "Authorised?"])
def test_a_column_that_decides_is_known_by_a_part_of_its_name_or_by_its_values(header: str) -> None:
    file = charges(charge(1, more=",Settled"), charge(2, more=",Declined"), more=f",{header}")
    (listed,) = proposed(file).records["counts_when"].values()  # type: ignore[attr-defined]
    assert listed == ["settled"]


def test_what_says_that_money_came_back_may_be_answered_too() -> None:
    file = charges(charge(1, more=",S"), charge(2, more=",H"), more=",Soll/Haben")
    (question,) = proposed(file).questions
    assert "--answer refunds.soll_haben=..." in question.asks
    said = {"counts_when.soll_haben": "s", "refunds.soll_haben": "h"}
    found = proposed(file, answers={**said, "refunds": "net"})
    assert found.records == {"refunds": {"soll_haben": ["h"]}}


def test_values_in_no_known_form_are_said_to_be_invalid() -> None:
    file = charges(charge(1), charge(2, "ten"))
    (note,) = proposed(file).notes
    assert note.startswith("Of amount 1 value would be invalid.")


def test_a_column_that_was_said_to_decide_is_none_that_is_personal() -> None:
    """Its values go on as the reasons why charges do not count."""
    rows = [charge(it, more=",Approved") for it in (1, 2)]
    file = charges(*rows, charge(3, more=",Referred to issuer"), more=",Response")
    found = proposed(file, answers={"counts_when.response": "approved"})
    assert found.records["counts_when"] == {"response": ["approved"]}
    (guess,) = (it.guess for it in found.columns if it.name == "response")
    assert guess is not None
    assert guess.class_ == "none"


def test_above_zero_where_spend_is_below_it_may_be_refunds() -> None:
    file = charges(charge(1, "-10.00"), charge(2, "-5.50"), charge(3, "2.50"))
    (question,) = proposed(file).questions
    assert list(question.choices) == ["net", "quarantine", "spend", "spend_net"]
    found = proposed(file, answers={"refunds": "spend_net"})
    assert found.records["refunds"] == "net"
    assert written_as(found, "amount") == {"sign": "spend_is_negative"}


def test_ids_with_charges_of_other_times_may_have_begun_anew() -> None:
    january = charges(charge(1), charge(2), name="1.csv")
    february = [charge(it).replace("2025-01", "2025-02") for it in (1, 2)]
    (question,) = proposed(january, charges(*february, name="2.csv")).questions
    assert question.flags == ["--answer key=file", "--answer key=id"]


def test_another_column_of_dates_may_say_which_record_of_an_id_counts() -> None:
    header = "employee_id,first_name,last_name,email,hire_date,status,Valid from"
    rows = [f"{person(1)},31.12.2024", f"{person(1, 'terminated')},01.02.2023"]
    file = file_of("\n".join([header, *rows]))
    (question,) = proposed(file).questions
    assert list(question.choices) == ["hire_date", "valid_from", "_source_file"]
    found = proposed(file, answers={"ordered_by": "valid_from"})
    assert found.records["ordered_by"] == "valid_from"
    (column,) = (it for it in found.columns if it.name == "valid_from")
    assert (column.holds, column.form.written_as) == ("date", {"order": "DMY"})


def test_a_label_may_stand_behind_its_code() -> None:
    file = people(person(1, "A - Active"), person(2, "T - Terminated"))
    synonyms = proposed(file).columns[-1].synonyms
    assert synonyms == {"active": ["a - active"], "terminated": ["t - terminated"]}


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
