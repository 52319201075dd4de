"""The message of a run, as Slack takes it and those who are compatible with it.

Names come from the catalog and from the headers of files, so they may hold anything. In a message
they are text: between backticks, on one line, with nothing in them that Slack would take for a
mention, a link or markup.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

from benepass_tasks.quality.alerts.incidents import Incident
from benepass_tasks.quality.alerts.news import Kind, News

Message: TypeAlias = dict[str, Any]

LONGEST_HEADER = 150
LONGEST_TEXT = 3000
"""Slack's limits, in characters; of blocks it takes fifty, and this makes 42 at most."""

MOST = 10
"""Incidents of a kind that are named; of the others there is the number."""

HEADINGS: dict[Kind, str] = {
    "new": "New",
    "worse": "Worse",
    "resolved": "Resolved",
    "open": "Still open",
}

FORGETFUL = (
    "The warehouse could not be asked what was told before, so this may be told again, and other "
    "incidents may be open."
)


def message_of(news: News, run_id: str) -> Message:
    """The message that tells the news, as JSON has it.

    Args:
        news: What to tell.
        run_id: The run that tells it.
    """
    groups = [(kind, incidents) for kind, incidents in news.incidents.items() if incidents]
    lines = [line for kind, incidents in groups for line in _lines(kind, incidents)]
    if not news.is_remembered:
        lines.append(FORGETFUL)
    closing = f"Run `{_as_code(run_id)}`; `benepass alerts` lists what is open."
    return _message(summary_of(news), lines, closing)


def summary_of(news: News) -> str:
    """One line: how many incidents are new, worse, resolved and still open."""
    counts = ((HEADINGS[kind].lower(), len(them)) for kind, them in news.incidents.items())
    return f"benepass-tasks: {', '.join(f'{n} {word}' for word, n in counts if n)}"


def trial_message() -> Message:
    """A message that says that it is none."""
    return _message(
        "benepass-tasks: a test",
        ["Alerts arrive here. Nothing is wrong: this was asked for."],
        "Sent by `benepass alerts --test`.",
    )


def _message(summary: str, lines: Sequence[str], closing: str) -> Message:
    sections = list(_sections(lines))
    whole = next(_sections([f"*{summary}*", *lines]))
    return {
        "text": whole,
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": summary[:LONGEST_HEADER]}},
            *({"type": "section", "text": _markdown(section)} for section in sections),
            {"type": "context", "elements": [_markdown(closing)]},
        ],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _markdown(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _sections(lines: Iterable[str]) -> Iterator[str]:
    """Join lines as far as a text may be long."""
    section = ""
    for line in lines:
        if section and len(section) + 1 + len(line) > LONGEST_TEXT:
            yield section
            section = ""
        section = f"{section}\n{line}" if section else line
    yield section


def _lines(kind: Kind, incidents: Sequence[Incident]) -> Iterator[str]:
    yield f"*{HEADINGS[kind]}*"
    yield from (_line(incident) for incident in incidents[:MOST])
    if len(incidents) > MOST:
        yield f"and {len(incidents) - MOST} more"


def _line(incident: Incident) -> str:
    name, detail = _as_code(incident.title), _as_text(incident.detail)
    return f"• {incident.severity}: `{name}`{_time(incident)}: {detail}"


def _time(incident: Incident) -> str:
    if incident.is_event:
        return ""
    if incident.resolved_at is None:
        return f", since {_minute(incident.opened_at)} UTC"
    return f", from {_minute(incident.opened_at)} to {_minute(incident.resolved_at)} UTC"


def _minute(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M}"


def _as_code(text: str) -> str:
    return _as_text(text.replace("`", "'"))


def _as_text(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # A word joiner, which nobody sees: others than Slack take a bare @channel for a mention.
    return escaped.replace("@", "@\N{WORD JOINER}")
