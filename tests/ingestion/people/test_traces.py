"""The values of people are found as words of their own, however a file has them."""

import json

import pytest

from benepass_tasks.ingestion.people.traces import Traces

TRACES = Traces(
    {"EMPLOYEE_ID": frozenset({"E0042", "B7"}), "TRANSACTION_ID": frozenset({"a1-44b-9c"})},
    frozenset({"zoë.lee@example.com"}),
    frozenset({("Zoë", "Lee")}),
)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("paid by E0042.", {"EMPLOYEE_ID": 1}),
        ("E0042E0043", {"EMPLOYEE_ID": 1}),
        ("E00421, FE0042, e0042", {}),
        ('{"id": "a1-44b-9c"}', {"TRANSACTION_ID": 1}),
        ("B7 is too short to be told from chance", {}),
        ("ZOË.LEE@EXAMPLE.COM", {"EMAIL_ADDRESS": 1, "first and last name": 1}),
        ("Zoë,Lee", {"first and last name": 1}),
        ('"Lee", "Zoë"', {"first and last name": 1}),
        ("Zoë Leeds, Lee", {}),
        (json.dumps("Zoë Lee"), {"first and last name": 1}),
    ],
)
def test_a_value_is_found_as_a_word(text: str, kinds: dict[str, int]) -> None:
    assert TRACES.found_in(text.encode()) == kinds


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_whatever_the_encoding(encoding: str) -> None:
    found = TRACES.found_in("1;Zoë;Lee;on leave;zoë.lee@example.com\r\n".encode(encoding))
    assert found == {"EMAIL_ADDRESS": 1, "first and last name": 2}


def test_in_the_blocks_of_a_database_values_stand_close_together() -> None:
    packed = "bo@example.orgzoë.lee@example.comamy@example.net".encode()
    assert not TRACES.found_in(packed)
    assert TRACES.found_in(packed, is_packed=True)["EMAIL_ADDRESS"] == 1


def test_a_short_id_is_found_where_it_is_a_field_of_a_record() -> None:
    assert TRACES.is_in_record(b'T1,"B7",A1')
    assert not TRACES.is_in_record(b"T1,B77,A1")
    assert list(TRACES.too_short) == ["EMPLOYEE_ID"]


def test_they_come_back_from_json_as_they_were() -> None:
    assert Traces.from_json(json.loads(json.dumps(TRACES.as_json()))) == TRACES
