"""What has to be told of the incidents, to whom, and what was told; table `meta.notifications`.

A run writes down what it is about to tell before it does, so that a run beside it tells something
else or nothing. What could not be delivered is struck out again, and told by the next run. What a
run that was killed had written down counts for a few minutes only: rather twice than never.
"""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, get_args

from sqlalchemy import Connection, delete, insert, or_, select, update

from benepass_tasks.catalog.datasets import Severity
from benepass_tasks.quality.alerts.incidents import Incident
from benepass_tasks.state.meta import NOTIFICATIONS
from benepass_tasks.state.store import property_of, state_of, write_properties

Kind = Literal["new", "worse", "resolved", "open"]
Channel = Literal["webhook", "command"]

REMIND_AFTER = timedelta(hours=20)
"""What is still open is told again after a day; a daily run may come a little early."""

NEWS_LASTS = timedelta(days=7)
"""What was over for longer when it can be told first is no news any more."""

CLAIM_LASTS = timedelta(minutes=5)
"""Longer than any delivery takes."""


@dataclass(frozen=True, slots=True)
class Told:
    """That something was told of an incident, or is just being told."""

    incident_id: str
    news: Kind
    severity: Severity
    at: datetime


@dataclass(frozen=True, slots=True)
class News:
    """What one message tells: incidents by what is new about them.

    Attributes:
        incidents: The incidents, those that failed something first.
        is_remembered: Whether it is known what was told before.
        message_id: The id under which `meta.notifications` knows the message.
    """

    incidents: Mapping[Kind, Sequence[Incident]]
    is_remembered: bool = True
    message_id: str = field(default_factory=lambda: uuid.uuid4().hex)


def news_for(
    incidents: Iterable[Incident], told: Collection[Told], since: datetime, now: datetime
) -> News | None:
    """What a channel has to be told; None where there is no news.

    What is still open is named whenever there is news, and by itself once a day. What was over
    before the channel was there is history, and is not told.

    Args:
        incidents: Those that are open or were resolved lately.
        told: What the channel was told of them.
        since: Since when the channel is there, UTC.
        now: The present instant, UTC.
    """
    groups: dict[Kind, list[Incident]] = {kind: [] for kind in get_args(Kind)}
    is_due = False
    for incident in sorted(incidents, key=lambda it: (it.severity, it.opened_at, it.key)):
        past = [it for it in told if it.incident_id == incident.id]
        kind = _kind(incident, past, since)
        if kind:
            groups[kind].append(incident)
            is_due |= kind != "open" or now - max(it.at for it in past) >= REMIND_AFTER
    return News(groups) if is_due else None


def _kind(incident: Incident, past: Collection[Told], since: datetime) -> Kind | None:
    announced = {it.severity for it in past if it.news in ("new", "worse")}
    if not announced and incident.opened_at < since and _is_over(incident, since):
        return None
    if not incident.is_open and not incident.is_event:
        return None if any(it.news == "resolved" for it in past) else "resolved"
    if not announced:
        return "new"
    if incident.is_event:
        return None
    return "worse" if incident.severity == "fail" and "fail" not in announced else "open"


def _is_over(incident: Incident, at: datetime) -> bool:
    return incident.resolved_at is not None and incident.resolved_at <= at


def channel_since(connection: Connection, channel: Channel, now: datetime) -> datetime:
    """When a run found the channel set for the first time, UTC; now, where none did before."""
    name = f"{channel}_since"
    since = property_of(connection, name)
    if since is None:
        write_properties(connection, {name: now.isoformat()})
        return now
    return datetime.fromisoformat(since)


def read_told(
    connection: Connection, channel: Channel, incidents: Iterable[Incident], now: datetime
) -> list[Told]:
    """What a channel was told of some incidents, or is just being told by another run."""
    table = NOTIFICATIONS.c
    found = select(table.incident_id, table.news, table.severity, table.claimed_at).where(
        table.channel == channel,
        table.incident_id.in_([incident.id for incident in incidents]),
        or_(table.delivered_at.is_not(None), table.claimed_at > now - CLAIM_LASTS),
    )
    return [Told(*row) for row in state_of(connection).execute(found)]


def claim(connection: Connection, channel: Channel, news: News, now: datetime) -> None:
    """Write down what is about to be told."""
    rows = [
        {
            "message_id": news.message_id,
            "incident_id": incident.id,
            "channel": channel,
            "news": kind,
            "severity": incident.severity,
            "claimed_at": now,
        }
        for kind, incidents in news.incidents.items()
        for incident in incidents
    ]
    state_of(connection).execute(insert(NOTIFICATIONS), rows)


def settle(connection: Connection, news: News, *, is_delivered: bool, now: datetime) -> None:
    """Write down that a message arrived, or strike out what it should have told."""
    of_message = NOTIFICATIONS.c.message_id == news.message_id
    if is_delivered:
        state_of(connection).execute(
            update(NOTIFICATIONS).where(of_message).values(delivered_at=now)
        )
    else:
        state_of(connection).execute(delete(NOTIFICATIONS).where(of_message))
