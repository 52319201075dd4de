"""What a message may hold: what Slack documents, and nothing that steers it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from benepass_tasks.quality.alerts.incidents import Incident, compare
from benepass_tasks.quality.alerts.message import message_of, trial_message
from benepass_tasks.quality.alerts.news import Kind, News, news_for
from benepass_tasks.quality.alerts.problems import Problem

NOW = datetime(2026, 1, 2, 6, tzinfo=UTC)
HOSTILE = st.text(st.sampled_from("<>&!@#|`*_~ \n\t\x1b\u202e\ud800é😀channel"), max_size=400)
KINDS: tuple[Kind, ...] = get_args(Kind)
HEADINGS = r"\*(New|Worse|Resolved|Still open|benepass-tasks: [\w, ]+)\*"


def incident(title: str = "t", detail: str = "d") -> Incident:
    problem = Problem(f"key of {title}", title, detail, "fail")
    return compare([problem], [], "run", NOW).opened[0]


def accept(message: dict[str, Any]) -> None:
    """Hold a message against what Slack documents of incoming webhooks and blocks."""
    assert json.loads(json.dumps(message)) == message
    assert 0 < len(message["text"]) <= 3000
    header, *sections, context = message["blocks"]
    assert 0 < len(message["blocks"]) <= 50
    assert header["type"] == "header"
    assert header["text"]["type"] == "plain_text"
    assert 0 < len(header["text"]["text"]) <= 150
    for section in sections:
        assert section.keys() == {"type", "text"}
        assert section["type"] == "section"
    assert context["type"] == "context"
    for text in (*(section["text"] for section in sections), *context["elements"]):
        assert text["type"] == "mrkdwn"
        assert text["verbatim"] is True
        assert 0 < len(text["text"]) <= 3000


def texts(message: dict[str, Any]) -> list[str]:
    blocks = [block["text"]["text"] for block in message["blocks"] if "text" in block]
    return [message["text"], *blocks, *(it["text"] for it in message["blocks"][-1]["elements"])]


def test_it_tells_each_kind_under_its_heading() -> None:
    news = News({kind: [incident(f"{kind} thing")] for kind in KINDS})
    message = message_of(news, "run1")
    accept(message)
    header, section, context = message["blocks"]
    assert header["text"]["text"] == "benepass-tasks: 1 new, 1 worse, 1 resolved, 1 still open"
    assert section["text"]["text"].splitlines() == [
        "*New*",
        "• fail: `new thing`, since 2026-01-02 06:00 UTC: d",
        "*Worse*",
        "• fail: `worse thing`, since 2026-01-02 06:00 UTC: d",
        "*Resolved*",
        "• fail: `resolved thing`, since 2026-01-02 06:00 UTC: d",
        "*Still open*",
        "• fail: `open thing`, since 2026-01-02 06:00 UTC: d",
    ]
    assert context["elements"][0]["text"].startswith("Run `run1`; ")
    assert message["text"].splitlines()[1:] == section["text"]["text"].splitlines()


@given(st.lists(st.tuples(HOSTILE, HOSTILE), min_size=1, max_size=40), st.sampled_from(KINDS))
def test_it_keeps_to_the_limits_and_nothing_of_a_name_is_markup(
    named: list[tuple[str, str]], kind: Kind
) -> None:
    message = message_of(News({kind: [incident(*it) for it in named]}), "run1")
    accept(message)
    for text in texts(message):
        assert not re.search(r"[<>]|&(?!(amp|lt|gt);)", text)
        assert not re.search(r"@[a-z]", text)
        for line in text.splitlines():
            assert re.fullmatch(
                rf"{HEADINGS}|• fail: `[^`]*`, .*|and \d+ more|Run .*|benepass-tasks: .*", line
            ), line


def test_a_mention_of_everybody_is_text() -> None:
    message = message_of(News({"new": [incident("<!channel> @here `x`")]}), "run1")
    assert "`&lt;!channel&gt; @\u2060here 'x'`" in message["text"]


def test_the_longest_message_keeps_to_the_limits() -> None:
    longest = [incident(f"{n}{'&' * 400}", "<" * 400) for n in range(100)]
    message = message_of(News(dict.fromkeys(KINDS, longest)), "run1")
    accept(message)
    assert sum(text.count("• ") for text in texts(message)[1:]) == 4 * 10


def test_of_many_incidents_there_is_the_number() -> None:
    message = message_of(News({"new": [incident(f"t{n}") for n in range(500)]}), "run1")
    accept(message)
    assert message["blocks"][0]["text"]["text"] == "benepass-tasks: 500 new"
    assert sum(text.count("• ") for text in texts(message)[1:]) == 10
    assert "and 490 more" in message["text"]


def test_what_was_not_remembered_is_said() -> None:
    assert (
        "told before" in message_of(News({"new": [incident()]}, is_remembered=False), "r")["text"]
    )
    assert "told before" not in message_of(News({"new": [incident()]}), "r")["text"]


def test_what_is_over_has_a_beginning_and_an_end() -> None:
    over = replace(incident(), resolved_at=NOW + timedelta(hours=25))
    text = message_of(News({"resolved": [over]}), "r")["text"]
    assert text.endswith("`t`, from 2026-01-02 06:00 to 2026-01-03 07:00 UTC: d")


def test_an_event_has_no_duration() -> None:
    problem = Problem("k", "column nickname is new", "in transactions", "warn", is_event=True)
    news = news_for(compare([problem], [], "r", NOW).opened, [], NOW, NOW + timedelta(minutes=1))
    assert news
    assert message_of(news, "r")["text"].endswith(
        "\n• warn: `column nickname is new`: in transactions"
    )


def test_the_message_of_a_test_is_as_valid() -> None:
    accept(trial_message())
