"""How personal a column is, that nobody has declared."""

from __future__ import annotations

import pytest
from proposing import column

from benepass_tasks.ingestion.proposals.personal import classify


@pytest.mark.parametrize(
    ("header", "values", "guess"),
    [
        ("Telefonnummer", ["1"], "identifier PHONE_NUMBER"),
        ("SSN", ["1"], "identifier GOVERNMENT_ID"),
        ("Geburtsdatum", ["1"], "quasi_identifier DATE_OF_BIRTH"),
        ("性別", ["1"], "quasi_identifier, sensitive DEMOGRAPHIC"),
        ("Salaire brut", ["1"], "quasi_identifier, sensitive FINANCIAL"),
        ("Manager email", ["1"], "identifier EMAIL_ADDRESS"),
        ("Notes", ["1"], "identifier FREE_TEXT"),
        ("x", ["ann@example.com", "bo@example.org"], "identifier EMAIL_ADDRESS"),
        ("x", ["DE89370400440532013000", "GB29NWBK60161331926819"], "identifier BANK_ACCOUNT"),
        ("x", ["4111 1111 1111 1111"] * 2 + ["5500005555555559"], "identifier CREDIT_CARD_NUMBER"),
        ("x", ["123-45-6789", "987-65-4321"], "identifier GOVERNMENT_ID"),
        ("x", ["+49 30 1234567", "+44 20 7946 0000"], "identifier PHONE_NUMBER"),
        ("x", ["2020-01-01", "2021-02-03"], "quasi_identifier DATE"),
        ("x", ["north"] * 5 + ["south"] * 5, "quasi_identifier GROUP"),
        ("x", ["17", "23"], "quasi_identifier NUMBER"),
        ("x", ["AB-17", "AB-23"], "pseudonym RECORD_ID"),
        ("x", ["call ann@example.com", "no", "yes", "perhaps"], "identifier FREE_TEXT"),
        ("x", ["some words", "other words"], "identifier FREE_TEXT"),
        ("x", ["same", "same"], "none"),
        ("x", [None, None], "none"),
    ],
)
def test_a_guess_is_made_by_name_or_by_values(
    header: str, values: list[str | None], guess: str
) -> None:
    assert str(classify(column(header, *values), {})) == guess


def test_ids_that_are_known_are_pseudonyms_of_their_kind() -> None:
    guess = classify(column("owner", "E1", "E2"), {"employee_id": {"E1", "E2", "E3"}})
    assert (str(guess), guess.reason) == (
        "pseudonym EMPLOYEE_ID",
        "2 of 2 ids are known as employee_id",
    )


def test_a_number_without_its_check_digit_is_not_a_card() -> None:
    assert str(classify(column("x", "4111111111111112", "5500005555555558"), {})) == (
        "quasi_identifier NUMBER"
    )


def test_no_reason_has_a_value_in_it() -> None:
    values = ["ann@example.com", "bo@example.org"]
    reason = classify(column("x", *values), {}).reason
    assert reason == "2 of 2 values look like addresses"
