"""The end of a run, with a server that takes the messages."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from existing import Everything
from receiving import SECRET, Answer

from benepass_tasks.config.channels import WEBHOOK, SecretUrl
from benepass_tasks.quality.alerts import Problem, alert, delivery, run_failed
from benepass_tasks.quality.alerts import post as poster

if TYPE_CHECKING:
    from receiving import Receiver

    from tests.quality.alerts.conftest import History

FACT = "marts.fact_transactions"
RANGE = f"{FACT}.amount: range"
NODE = "marts.x could not be built"


def fails(history: History) -> None:
    history.run("failed")
    history.made("marts.x", "failed")


def mends(history: History) -> None:
    history.run()
    history.made("marts.x")


def ends(history: History, receiver: Receiver) -> list[str]:
    """End a run; returns what is said of incidents, without when and how."""
    history.end()
    texts = receiver.take_texts()
    assert len(texts) <= 1
    lines = texts[0].splitlines()[1:] if texts else []
    return [re.split("`[,:] ", line.strip("*"))[0].replace("`", "") for line in lines]


def test_an_incident_is_told_when_it_is_new_and_when_it_is_over(
    told: History, receiver: Receiver
) -> None:
    fails(told)
    assert ends(told, receiver) == ["New", f"• fail: {NODE}"]
    fails(told)
    assert ends(told, receiver) == []
    mends(told)
    assert ends(told, receiver) == ["Resolved", f"• fail: {NODE}"]
    told.run()
    assert ends(told, receiver) == []


def test_what_comes_again_is_another_incident(told: History, receiver: Receiver) -> None:
    for _ in range(2):
        fails(told)
        assert ends(told, receiver)[0] == "New"
        mends(told)
        assert ends(told, receiver)[0] == "Resolved"
    assert told.incidents() == [("failed:marts.x", "fail", False)] * 2


def test_what_is_still_open_is_told_beside_news_and_after_a_day(
    told: History, receiver: Receiver
) -> None:
    fails(told)
    ends(told, receiver)
    told.run()
    told.tested(FACT, "amount", "range", failing=2, severity="warn")
    assert ends(told, receiver) == [
        *("New", f"• warn: {RANGE}"),
        *("Still open", f"• fail: {NODE}"),
    ]
    told.run()
    assert ends(told, receiver) == []
    told.age(hours=24)
    told.run()
    assert ends(told, receiver) == ["Still open", f"• fail: {NODE}", f"• warn: {RANGE}"]
    told.run()
    assert ends(told, receiver) == []


def test_a_warning_that_becomes_a_failure_is_told(told: History, receiver: Receiver) -> None:
    for status, expected in (("warn", ["New"]), ("fail", ["Worse"]), ("warn", []), ("fail", [])):
        told.run()
        told.monitored("freshness", "transactions", status)
        assert ends(told, receiver)[:1] == expected
    assert told.incidents() == [("freshness:transactions", "fail", True)]


def test_an_event_is_told_once_and_is_never_resolved(told: History, receiver: Receiver) -> None:
    told.run()
    told.end(Problem("schema:s:f:1:added", "column tip is new", "", "warn", is_event=True))
    assert len(receiver.take_texts()) == 1
    told.age(hours=48)
    told.run()
    assert ends(told, receiver) == []


@pytest.mark.parametrize("code", [404, 400])
def test_what_was_not_delivered_is_told_by_the_next_run(
    told: History, receiver: Receiver, caplog: pytest.LogCaptureFixture, code: int
) -> None:
    receiver.answers = [Answer(code, body=b"no_service")]
    fails(told)
    told.end()
    (said,) = caplog.messages
    assert said == (
        f"alert not delivered to webhook at {receiver.host}: the answer was {code} no_service; "
        "the next run tries again"
    )
    assert told.execute("from meta.notifications") == []
    receiver.take_texts()
    told.run()
    assert ends(told, receiver) == ["New", f"• fail: {NODE}"]


def test_news_that_could_not_be_told_while_it_was_is_told_as_over(
    told: History, receiver: Receiver
) -> None:
    receiver.answers = [Answer(404)]
    fails(told)
    ends(told, receiver)
    mends(told)
    assert ends(told, receiver) == ["Resolved", f"• fail: {NODE}"]


def test_history_from_before_a_channel_is_never_told(history: History, receiver: Receiver) -> None:
    fails(history)
    history.changed("s", "f.csv", "added")
    history.end()
    mends(history)
    history.end()
    history.run()
    history.made("marts.y", "failed")
    history.end()
    history.set(alert_webhook=SecretUrl(receiver.url))
    history.run()
    history.made("marts.y")
    history.made("marts.z", "failed")
    assert ends(history, receiver) == ["New", "• fail: marts.z could not be built"]
    history.run()
    history.made("marts.z")
    assert ends(history, receiver) == ["Resolved", "• fail: marts.z could not be built"]


def test_what_does_not_exist_any_more_is_resolved_once_and_is_not_a_ghost(
    told: History, receiver: Receiver
) -> None:
    told.run("failed")
    told.made("extra/extra.csv", "failed", "it is empty")
    told.end()
    assert ": it is empty; `benepass runs show run1` shows more" in receiver.take_texts()[0]
    told.present = None
    told.run()
    told.end()
    assert told.incidents() == [("failed:extra/extra.csv", "fail", True)]
    told.present = Everything("extra/extra.csv")
    told.run()
    told.end()
    assert ": it is no longer part of the project" in receiver.take_texts()[0]
    # What once hid it, for a time, were the books.
    for outcome in ("built", "failed", "built", "failed"):
        told.run("failed" if outcome == "failed" else "succeeded")
        told.made("books", outcome)
        told.end()
    assert not any("extra" in text for text in receiver.texts)


def beating(history: History, receiver: Receiver) -> int:
    """End a run; returns how often the heartbeat is called."""
    history.end()
    calls = [path for method, path, _, body in receiver.requests if (method, body) == ("GET", b"")]
    receiver.requests.clear()
    return len(calls)


def test_the_heartbeat_is_called_after_each_healthy_run_and_no_other(
    history: History, receiver: Receiver
) -> None:
    history.set(alert_heartbeat=SecretUrl(receiver.url))
    for _ in range(2):
        history.run()
        assert beating(history, receiver) == 1
    for status in ("failed", "interrupted", "running"):
        history.run(status)
        assert beating(history, receiver) == 0
    history.run()
    history.monitored("freshness", "transactions", "warn")
    assert beating(history, receiver) == 0
    history.run()
    assert beating(history, receiver) == 0
    history.monitored("freshness", "transactions", "ok")
    assert beating(history, receiver) == 1


def test_a_heartbeat_that_does_not_arrive_is_a_warning_without_its_address(
    history: History, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.answers = [Answer(404)]
    history.set(alert_heartbeat=SecretUrl(receiver.url))
    history.run()
    history.end()
    assert f"the heartbeat did not arrive: heartbeat at {receiver.host}: the answer" in caplog.text
    assert SECRET not in caplog.text
    assert SECRET.encode() not in history.warehouse.path.read_bytes()


def test_without_a_warehouse_there_is_no_heartbeat(history: History, receiver: Receiver) -> None:
    history.set(alert_heartbeat=SecretUrl(receiver.url))
    alert(None, history.settings, "run1", None)
    assert receiver.requests == []


def test_a_server_that_drips_is_given_up_in_time(
    told: History,
    receiver: Receiver,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    receiver.answers = [Answer(drip=0.5)]
    fails(told)
    started = time.monotonic()
    with monkeypatch.context() as patch:
        patch.setattr("benepass_tasks.quality.alerts.delivery.SECONDS", 3)
        told.end()
    assert 3 < time.monotonic() - started < 6
    assert "took longer than 3 s and was killed; the next run tries again" in caplog.text
    receiver.take_texts()
    told.run()
    assert ends(told, receiver)[0] == "New"


def test_a_server_that_is_not_there_fails_nothing(
    told: History, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.shutdown()
    receiver.server_close()
    fails(told)
    told.end()
    assert f"webhook at {receiver.host}: Connection refused" in caplog.text


def test_the_address_is_in_no_log_and_no_table(
    told: History, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.answers = [Answer(404, body=receiver.url.encode())]
    fails(told)
    told.end()
    told.end()
    assert caplog.records
    assert len(receiver.requests) == 2
    assert SECRET not in caplog.text
    assert SECRET.encode() not in told.warehouse.path.read_bytes()
    for (table,) in told.execute("select table_name from duckdb_tables() where schema_name='meta'"):
        assert SECRET not in repr(told.execute(f"from meta.{table}"))
    assert SECRET not in repr(receiver.messages)


def test_the_address_is_not_an_argument_that_all_users_can_see(
    told: History, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Any] = []
    popen = subprocess.Popen

    def watch(command: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        started.append((command, kwargs["env"]))
        return popen(command, **kwargs)

    monkeypatch.setattr(subprocess, "Popen", watch)
    fails(told)
    told.end()
    assert len(receiver.texts) == 1
    ((command, _),) = started
    assert command == [sys.executable, "-I", "-S", poster.__file__]
    assert poster.FAILED == delivery.FAILED_TO_POST


def command(history: History, code: str) -> None:
    history.set(alert_command=(sys.executable, "-S", "-c", code))


KEEP = (
    "import os, sys; open('got.json', 'a').write(sys.stdin.read() + '\\n');"
    "open('environment', 'w').write(repr(dict(os.environ)))"
)


def test_a_command_gets_the_same_message(
    told: History, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(WEBHOOK, "https://example.com/not-for-the-command")
    monkeypatch.setenv("BENEPASS_HASH_KEY", "not-for-the-command" * 3)
    command(told, KEEP)
    fails(told)
    told.end()
    told.end()
    got = (told.settings.project_dir / "got.json").read_text().splitlines()
    assert [json.loads(line) for line in got] == receiver.messages
    environment = (told.settings.project_dir / "environment").read_text()
    assert "'BENEPASS_ALERT_SUMMARY': 'benepass-tasks: 1 new'" in environment
    assert "not-for-the-command" not in environment


def test_each_channel_is_told_what_it_was_not_told_yet(
    told: History, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    command(told, f"{KEEP}; print('no pager'); sys.exit(3)")
    fails(told)
    told.end()
    assert "command " in caplog.text
    assert ": ended with 3, saying: no pager; the next run tries again" in caplog.text
    assert len(receiver.take_texts()) == 1
    command(told, KEEP)
    told.run()
    told.end()
    assert receiver.take_texts() == []
    told.run()
    told.end()
    assert len((told.settings.project_dir / "got.json").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("./missing",), "command ./missing: cannot be started: No such file or directory"),
        (("false",), "command false: ended with 1;"),
        (("sh", "-c", "printf '\\033[2Jx'; exit 1"), r"command sh: ended with 1, saying: \x1b[2Jx"),
    ],
)
def test_a_command_that_fails_is_a_warning(
    history: History, caplog: pytest.LogCaptureFixture, words: tuple[str, ...], said: str
) -> None:
    history.set(alert_command=words)
    fails(history)
    history.end()
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert said in record.getMessage()


def test_a_command_that_hangs_is_killed(
    history: History, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benepass_tasks.quality.alerts.delivery.SECONDS", 0.5)
    history.set(alert_command=("sleep", "60"))
    fails(history)
    started = time.monotonic()
    history.end()
    assert time.monotonic() - started < 5
    assert "command sleep: took longer than 0.5 s and was killed" in caplog.text


def test_runs_side_by_side_tell_news_once(told: History, receiver: Receiver) -> None:
    """While the first waits for an answer, the second ends."""
    receiver.answers = [Answer(seconds=1.5)]
    fails(told)
    other = subprocess.Popen(
        [sys.executable, "-c", END_OF_ANOTHER_RUN, str(told.warehouse.path), receiver.url]
    )
    deadline = time.monotonic() + 20
    while not receiver.requests and time.monotonic() < deadline:
        time.sleep(0.01)
    told.end()
    assert other.poll() is None
    assert other.wait(20) == 0
    assert len(receiver.texts) == 1
    told.run()
    assert len(receiver.take_texts()) == 1
    assert ends(told, receiver) == []


END_OF_ANOTHER_RUN = """
import sys
from dataclasses import replace
from pathlib import Path
from benepass_tasks.quality.alerts import alert
from benepass_tasks.config.channels import SecretUrl
from benepass_tasks.config.settings import current_settings
from benepass_tasks.state.warehouse import warehouse_of

path, url = sys.argv[1:]
settings = replace(
    current_settings(), warehouse=Path(path), project_dir=Path(path).parent,
    alert_webhook=SecretUrl(url),
)
alert(warehouse_of(settings), settings, "run1", None)
"""


def test_what_a_killed_run_was_about_to_tell_is_told_after_a_while(
    told: History, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    fails(told)
    with monkeypatch.context() as patch:
        patch.setattr("benepass_tasks.quality.alerts.delivery.deliver", die)
        with pytest.raises(KeyboardInterrupt):
            told.end()
    assert ends(told, receiver) == []
    told.age(hours=1)
    assert ends(told, receiver) == ["New", f"• fail: {NODE}"]


def test_no_session_is_open_while_a_message_is_on_its_way(history: History) -> None:
    """The command of this test needs the warehouse for itself."""
    opens = f"import duckdb; duckdb.connect({str(history.warehouse.path)!r}).close()"
    history.set(alert_command=(sys.executable, "-c", opens))
    fails(history)
    history.end()
    assert history.execute("select count(*) from meta.notifications") == [(1,)]


def test_without_channels_incidents_are_kept_all_the_same(history: History) -> None:
    fails(history)
    history.end()
    assert history.incidents() == [("failed:marts.x", "fail", True)]
    mends(history)
    history.end()
    assert history.incidents() == [("failed:marts.x", "fail", False)]
    assert history.execute("from meta.notifications") == []


def test_where_nothing_changes_nothing_is_written(told: History, receiver: Receiver) -> None:
    fails(told)
    told.end()
    before = told.warehouse.state
    told.end()
    assert told.warehouse.state == before
    assert len(receiver.texts) == 1


def test_a_run_without_news_waits_for_no_web_client() -> None:
    alerts = "benepass_tasks.quality.alerts"
    code = f"import sys, {alerts}; print('{alerts}.post' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_warehouse_of_an_earlier_version_gets_the_tables(
    told: History, receiver: Receiver
) -> None:
    fails(told)
    with duckdb.connect(str(told.warehouse.path)) as connection:
        connection.execute("drop table meta.incidents; drop table meta.notifications")
    assert ends(told, receiver) == ["New", f"• fail: {NODE}"]


def test_without_a_warehouse_what_is_known_is_told_without_memory(
    told: History, receiver: Receiver
) -> None:
    for warehouse in (None, told.warehouse):
        told.warehouse.path.unlink(missing_ok=True)
        alert(warehouse, told.settings, "run7", None, [run_failed("run7", "no catalog")])
        (text,) = receiver.take_texts()
        assert "• fail: `the run failed outside of its tasks`, since " in text
        assert ": no catalog; `benepass runs show run7` shows more" in text
        assert "so this may be told again" in text
        alert(warehouse, told.settings, "run8", None)
        assert receiver.take_texts() == []
    assert not told.warehouse.path.exists()


def test_a_locked_warehouse_is_waited_for_a_little_and_then_left(
    told: History,
    receiver: Receiver,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("benepass_tasks.quality.alerts.end_of_run.PATIENCE", 0.2)
    told.set(lock_timeout=600)
    code = (
        "import duckdb, sys, time; connection = duckdb.connect(sys.argv[1]);"
        "print('open', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(told.warehouse.path)], stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout
        assert holder.stdout.readline() == b"open\n"
        told.end(run_failed("run1", "why"))
    finally:
        holder.kill()
        holder.communicate()
    assert "alerts: the incidents cannot be kept: " in caplog.text
    assert "was in use by another process for 0.2 s" in caplog.text
    assert len(receiver.texts) == 1


def test_a_broken_warehouse_fails_nothing(
    told: History, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    told.warehouse.path.write_bytes(b"no database" * 1000)
    told.end(run_failed("run1", "why"))
    assert "alerts: the incidents cannot be kept: " in caplog.text
    assert len(receiver.texts) == 1


def test_a_table_that_was_changed_by_hand_fails_nothing(
    told: History, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    told.execute("alter table meta.monitor_results drop column message")
    told.end(run_failed("run1", "why"))
    assert "alerts: the incidents cannot be kept: DuckDB refuses the SQL: " in caplog.text
    assert len(receiver.texts) == 1
