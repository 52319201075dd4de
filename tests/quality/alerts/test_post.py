"""Posting a message to a server that does not always do as one would like."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest
from receiving import SECRET, Answer

from benepass_tasks.quality.alerts import post as program
from benepass_tasks.quality.alerts.post import post

if TYPE_CHECKING:
    from collections.abc import Iterator

    from receiving import Receiver

BODY = b'{"text": "hello"}'
QUICK = {"timeout": 0.3, "budget": 2.0, "waits": (0.01, 0.02)}


def try_(url: str) -> str | None:
    return post(url, BODY, **QUICK)  # type: ignore[arg-type]


@contextmanager
def listening(backlog: int = 1) -> Iterator[str]:
    """A port where somebody listens, and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if backlog:
            listener.listen(backlog)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


def test_a_message_is_posted_as_json(receiver: Receiver) -> None:
    assert try_(receiver.url) is None
    ((method, path, headers, body),) = receiver.requests
    assert (method, path, body) == ("POST", f"/services/{SECRET}", BODY)
    assert headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("code", [500, 502, 503, 429])
def test_it_is_posted_again_where_that_may_help(receiver: Receiver, code: int) -> None:
    receiver.answers = [Answer(code), Answer(code)]
    assert try_(receiver.url) is None
    assert len(receiver.requests) == 3


def test_three_attempts_are_all(receiver: Receiver) -> None:
    receiver.answers = [Answer(500)] * 5
    assert try_(receiver.url) == "the answer was 500"
    assert len(receiver.requests) == 3


@pytest.mark.parametrize(
    ("code", "body", "reason"),
    [
        (400, b"invalid_payload", "the answer was 400 invalid_payload"),
        (403, b"invalid_token\n", "the answer was 403 invalid_token"),
        (404, b"<html>http://x/" + SECRET.encode(), "the answer was 404"),
        (410, b"a" * 1_000_000, "the answer was 410"),
        (418, b"", "the answer was 418"),
    ],
)
def test_a_refusal_is_final_and_of_what_it_says_one_word_is_shown(
    receiver: Receiver, code: int, body: bytes, reason: str
) -> None:
    receiver.answers = [Answer(code, body=body)]
    assert try_(receiver.url) == reason
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(receiver: Receiver, code: int) -> None:
    receiver.answers = [Answer(code, {"Location": f"http://{receiver.host}/elsewhere"})]
    assert try_(receiver.url) == f"the answer was {code}, a redirect, and none is followed"
    assert len(receiver.requests) == 1


def test_a_server_that_is_late_is_asked_again(receiver: Receiver) -> None:
    receiver.answers = [Answer(seconds=0.6)]
    assert try_(receiver.url) is None
    assert len(receiver.requests) == 2


def test_a_server_that_never_answers_is_given_up() -> None:
    with listening(backlog=5) as url:
        started = time.monotonic()
        assert try_(url) == "no answer within 0.3 s"
        assert 0.9 <= time.monotonic() - started < 1.5


def test_where_nobody_listens_one_attempt_is_enough() -> None:
    with listening(backlog=0) as url:
        assert try_(url) == "Connection refused"


def test_a_server_that_hangs_up_is_not_a_crash(receiver: Receiver) -> None:
    receiver.answers = [Answer(code=99999, body=b"")]
    assert try_(receiver.url) == "BadStatusLine"


def test_a_host_that_is_not_known_is_said_without_its_address() -> None:
    reason = try_(f"http://nowhere.invalid/{SECRET}")
    assert reason
    assert SECRET not in reason
    assert "nowhere" not in reason


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_server_may_ask_for_patience_within_the_budget(receiver: Receiver, form: str) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    asked = "1" if form == "seconds" else later
    receiver.answers = [Answer(429, {"Retry-After": asked})]
    started = time.monotonic()
    assert post(receiver.url, BODY, budget=5, waits=(0.0,)) is None
    assert 0.9 <= time.monotonic() - started < 4


@pytest.mark.parametrize("asked", ["3600", "Fri, 31 Dec 2999 23:59:59 GMT"])
def test_a_server_that_asks_for_more_gets_the_message_another_time(
    receiver: Receiver, asked: str
) -> None:
    receiver.answers = [Answer(503, {"Retry-After": asked})]
    assert try_(receiver.url) == "the answer was 503"
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("asked", ["soon", "-1", "1e9", "", "Fri, 31 Dec 1999 23:59:59 GMT"])
def test_a_server_that_asks_for_nonsense_is_asked_again(receiver: Receiver, asked: str) -> None:
    receiver.answers = [Answer(503, {"Retry-After": asked})]
    assert try_(receiver.url) is None


def run(order: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-S", program.__file__]
    return subprocess.run(command, input=order, capture_output=True, text=True, check=False)


def test_as_a_program_it_reads_address_and_message(receiver: Receiver) -> None:
    done = run(json.dumps({"url": receiver.url, "message": {"text": "é"}}))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert receiver.messages == [{"text": "é"}]


def test_as_a_program_it_says_in_one_line_what_went_wrong(receiver: Receiver) -> None:
    receiver.answers = [Answer(404, body=b"no_service")]
    done = run(json.dumps({"url": receiver.url, "message": {}}))
    assert (done.returncode, done.stdout) == (3, "the answer was 404 no_service\n")
