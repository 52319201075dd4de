"""`alerts`: what is wrong, and a message that is a test."""

from __future__ import annotations

import json
import re
import shlex
import sys
from typing import TYPE_CHECKING

import pytest
from receiving import Receiver, receiving

from benepass_tasks.config.channels import WEBHOOK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workspace import Workspace

    from tests.cli.conftest import Said

    Say = Callable[..., Said]

KEEP = shlex.join(
    [sys.executable, "-c", "import sys; open('got.json', 'w').write(sys.stdin.read())"]
)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A server that takes messages."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with receiving() as server:
        yield server


@pytest.fixture
def incidents(workspace: Workspace, finished: None) -> None:  # noqa: ARG001 - it comes first
    workspace.change(
        "insert into meta.incidents values "
        "('1', 'failed:marts.x', 'marts.x could not be built', 'the log says why', 'fail', "
        "'2026-01-01 06:00:00+00', 'r1', null, null), "
        "('2', 'contract:marts.y', E'marts.y.\\x1b[2J: unique', '2 of 3 rows', 'warn', "
        "'2026-01-01 06:00:00+00', 'r1', '2026-01-02 06:00:00+00', 'r2')"
    )


@pytest.mark.usefixtures("incidents")
def test_what_is_open_is_listed(say: Say) -> None:
    said = say("alerts")
    assert said.code == 0
    (line,) = said.lines[1:]
    assert re.split(" {2,}", line) == [
        *("fail", "marts.x could not be built", "the log says why", "2026-01-01 06:00:00Z")
    ]


@pytest.mark.usefixtures("incidents")
def test_all_is_what_is_resolved_too(say: Say) -> None:
    said = say("alerts", "--all")
    assert said.lines[0].split() == ["severity", "what", "how", "since", "resolved"]
    assert "\x1b" not in said.out
    (line,) = (line for line in said.lines if line.startswith("warn"))
    assert line.endswith("2 of 3 rows       2026-01-01 06:00:00Z  2026-01-02 06:00:00Z")


@pytest.mark.usefixtures("incidents")
def test_as_json_there_is_everything(say: Say) -> None:
    (incident,) = say("alerts", "--json").json
    assert incident == {
        "id": "1",
        "key": "failed:marts.x",
        "title": "marts.x could not be built",
        "detail": "the log says why",
        "severity": "fail",
        "opened_at": "2026-01-01T06:00:00+00:00",
        "opened_run_id": "r1",
        "resolved_at": None,
        "resolved_run_id": None,
    }
    assert [it["id"] for it in say("alerts", "--json", "--all").json] == ["2", "1"]


@pytest.mark.usefixtures("finished")
def test_where_nothing_is_wrong_it_says_so(say: Say, workspace: Workspace) -> None:
    assert say("alerts").out == "Nothing is wrong.\n"
    assert say("alerts", "--all").out == "Nothing was ever wrong.\n"
    assert say("alerts", "--json").json == []
    workspace.change("drop table meta.incidents")
    assert say("alerts").out == "Nothing is wrong.\n"


def test_without_a_warehouse_nothing_is_known(say: Say) -> None:
    said = say("alerts")
    assert said.code == 1
    assert "warehouse.duckdb does not exist, so nothing is known" in said.err


def test_a_test_goes_to_webhook_and_command(
    say: Say, workspace: Workspace, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(WEBHOOK, receiver.url)
    said = say("alerts", "--test", "--benepass-alert-command", KEEP)
    assert (said.code, said.err) == (0, "")
    assert said.lines == [
        f"webhook at {receiver.host}: delivered",
        f"command {sys.executable}: delivered",
    ]
    assert [json.loads((workspace.root / "got.json").read_text())] == receiver.messages
    assert receiver.texts[0].startswith("*benepass-tasks: a test*")


def test_a_test_that_does_not_arrive_ends_with_1_and_says_why(
    say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(WEBHOOK, "http://127.0.0.1:1/secret")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    said = say("alerts", "--test")
    assert (said.code, said.out) == (1, "webhook at 127.0.0.1:1: Connection refused\n")


def test_a_test_that_goes_nowhere_says_what_to_set(
    say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(WEBHOOK, raising=False)
    said = say("alerts", "--test")
    assert said.code == 1
    assert f"alerts go nowhere: set {WEBHOOK} in the environment" in said.err


@pytest.mark.parametrize("option", ["--all", "--json"])
def test_a_test_lists_nothing(say: Say, option: str) -> None:
    assert say("alerts", "--test", option).code == 2


@pytest.mark.parametrize("address", ["file:///etc/secret", "hooks.example.com/secret"])
def test_an_address_that_cannot_be_is_refused_and_not_shown(say: Say, address: str) -> None:
    said = say("alerts", "--test", "--benepass-alert-webhook", address)
    assert said.code == 1
    assert "must begin with https:// or http://" in said.err
    assert address not in said.err
