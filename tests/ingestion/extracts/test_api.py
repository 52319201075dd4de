"""An API is read as a whole or not at all, whatever it does."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from card_api import TOKEN, VARIABLE, CardApi, Reply, serving, transaction

from benepass_tasks.config.errors import SourceError
from benepass_tasks.ingestion.extracts import api as reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from extracting import Reading

Change: TypeAlias = "Callable[[dict[str, Any]], dict[str, Any]]"

MARCH = 1_740_823_200
"""2025-03-01T10:00:00Z."""

BY_ID = {
    "type": "cursor",
    "cursor_path": "data[-1].id",
    "cursor_param": "starting_after",
    "has_more_path": "has_more",
}


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> Iterator[CardApi]:
    monkeypatch.setenv(VARIABLE, TOKEN)
    monkeypatch.setattr(reader, "PAUSE", 0.001)
    with serving() as api:
        api.transactions = [transaction(it, MARCH + it) for it in range(25)]
        yield api


def declare(reading: Reading, api: CardApi, *ignored: str, **extract: object) -> None:
    reading.sources.clear()
    reading.declare(
        ["id", "amount"],
        type="api.APIDataset",
        url=api.url,
        load_args={"params": {"limit": 10}},
        key=["id"],
        ignored=[*ignored] or ["livemode"],
        extract={"records": "data", "paginator": BY_ID, "token": VARIABLE} | extract,
    )


def follow(reading: Reading, api: CardApi, **extract: object) -> None:
    declare(reading, api, cursor="created", cursor_param="created[gte]", **extract)


def test_all_pages_are_read_and_values_are_as_they_were_written(
    reading: Reading, cards: CardApi
) -> None:
    cards.transactions[0]["fee"] = 12.10
    declare(reading, cards)
    assert reading.read() == {"people": 25}
    rows = reading.rows()
    assert [row["id"] for row in rows] == [f"ipi_{it}" for it in reversed(range(25))]
    assert rows[-1] == {
        "id": "ipi_0",
        "object": "issuing.transaction",
        "amount": "-6000",
        "created": str(MARCH),
        "currency": "usd",
        "type": "capture",
        "authorization": "iauth_0",
        "employee_id": "E1",
        "benefit_account_id": "A1",
        "merchant_data.name": "Iron Heron Gym",
        "merchant_data.category": "gym",
        "fee": "12.1",
    }
    assert rows[0]["fee"] is None
    assert [it.get("starting_after") for it in cards.asked] == [None, "ipi_15", "ipi_5"]


def test_what_is_ignored_is_not_kept(reading: Reading, cards: CardApi) -> None:
    cards.transactions = [transaction(1, MARCH, tags=["a"], empty={})]
    declare(reading, cards, "merchant_data", "Authorization")
    reading.read()
    assert sorted(reading.rows()[0]) == [
        "amount",
        "benefit_account_id",
        "created",
        "currency",
        "employee_id",
        "id",
        "object",
        "tags",
        "type",
    ]


def test_numbers_keep_their_digits(reading: Reading, cards: CardApi) -> None:
    declare(reading, cards, paginator={"type": "single_page"})
    cards.faults = [Reply(body='{"data": [{"id": 1, "amount": 12345678901234567.10}]}')]
    reading.read()
    assert reading.rows() == [{"id": "1", "amount": "12345678901234567.10"}]


def test_later_readings_ask_from_the_cursor_on_and_keep_what_is_new(
    reading: Reading, cards: CardApi
) -> None:
    follow(reading, cards)
    reading.read()
    cards.asked.clear()
    assert reading.read() == {"people": 0}
    assert [it["created[gte]"] for it in cards.asked] == [str(MARCH + 24)]
    cards.transactions += [transaction(30, MARCH + 24), transaction(31, MARCH + 50)]
    assert reading.read() == {"people": 2}
    assert len(reading.files) == 2
    assert [row["id"] for row in reading.rows()[25:]] == ["ipi_31", "ipi_30"]


def test_a_lag_finds_what_was_late_and_what_was_changed_and_changed_back(
    reading: Reading, cards: CardApi
) -> None:
    follow(reading, cards, lag="1h")
    reading.read()
    first = dict(cards.transactions[3])
    cards.transactions.append(transaction(40, MARCH - 3_000))
    cards.transactions[3]["amount"] = -1
    assert reading.read() == {"people": 2}
    cards.transactions[3] = first
    assert reading.read() == {"people": 1}
    assert [row["amount"] for row in reading.rows() if row["id"] == "ipi_3"] == [
        "-6000",
        "-1",
        "-6000",
    ]


def test_an_api_without_records_is_an_extract_without_rows(
    reading: Reading, cards: CardApi
) -> None:
    cards.transactions.clear()
    follow(reading, cards)
    assert reading.read() == {"people": 0}
    assert reading.read() == {"people": 0}
    assert len(reading.files) == 1


def test_a_limit_of_requests_and_errors_of_the_server_are_waited_for(
    reading: Reading, cards: CardApi
) -> None:
    declare(reading, cards)
    cards.faults = [Reply(429), Reply(500), None, Reply(503), None]
    assert reading.read() == {"people": 25}
    assert len(cards.asked) == 6


def test_what_the_server_says_to_wait_is_waited(
    reading: Reading, cards: CardApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", waited.append)
    declare(reading, cards)
    cards.faults = [
        Reply(429, headers={"Retry-After": "7"}),
        Reply(429, headers={"Retry-After": "900"}),
    ]
    reading.read()
    assert waited == [7, 120]


def _same_page(page: dict[str, Any]) -> dict[str, Any]:
    return page | {"data": [transaction(1, MARCH)], "has_more": True}


def _endless() -> Change:
    numbers = count()
    return lambda page: page | {"data": [transaction(next(numbers), MARCH)], "has_more": True}


@pytest.mark.parametrize(
    ("faults", "change", "said"),
    [
        ([Reply(500)] * 9, None, "answers 500, after 6 attempts too"),
        ([None, *[Reply(429)] * 9], None, "answers 429, after 6 attempts too"),
        (
            [Reply(403)],
            None,
            f"answers 403: it wants another token; look at the token in {VARIABLE}",
        ),
        ([Reply(404)], None, "answers 404: there is nothing at this address"),
        ([None, Reply(body='{"data": [{"id": "ann@exam')], None, "a page is not JSON"),
        ([None, Reply(body="<html>ann@example.com</html>")], None, "a page is not JSON"),
        ([None, Reply(body='{"error": "ann@example.com"}')], None, "it has no data"),
        ([Reply(body='{"data": ["ann@example.com"], "has_more": false}')], None, "are objects"),
        ([Reply(body='{"data": [{"id": "ann@example.com"}]}')], None, "lacks what the paginator"),
        ([], _same_page, "page 2 is page 1 again"),
        ([], _endless(), "there are more than 30 pages"),
    ],
)
def test_a_reading_that_breaks_off_leaves_what_was_there(
    reading: Reading,
    cards: CardApi,
    faults: list[Reply | None],
    change: Change | None,
    said: str,
) -> None:
    declare(reading, cards, max_pages=30)
    reading.read()
    before = reading.files[0].read_bytes()
    cards.transactions.append(transaction(99, MARCH))
    cards.faults = faults
    cards.change = change or cards.change
    with pytest.raises(SourceError, match=said) as told:
        reading.read()
    assert TOKEN not in str(told.value)
    assert "ann@" not in str(told.value)
    assert [it.read_bytes() for it in reading.files] == [before]


def test_the_token_goes_to_no_other_host(reading: Reading, cards: CardApi) -> None:
    with serving() as other:
        declare(reading, cards, paginator={"type": "json_link", "next_url_path": "next"})
        cards.change = lambda page: page | {"next": other.url}
        with pytest.raises(SourceError, match="leads to another host"):
            reading.read()
        assert not other.asked


def test_without_its_token_nothing_is_asked(
    reading: Reading, cards: CardApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE)
    declare(reading, cards)
    with pytest.raises(SourceError, match=f"{VARIABLE} is not set: export the token"):
        reading.read()
    assert not cards.asked


def test_a_server_that_is_down_is_told(reading: Reading, cards: CardApi) -> None:
    declare(reading, cards)
    cards.shutdown()
    cards.server_close()
    with pytest.raises(SourceError, match="no answer"):
        reading.read()
