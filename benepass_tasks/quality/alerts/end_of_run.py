"""The end of a run: incidents are opened and resolved, and the news is told."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import duckdb
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from benepass_tasks.config.errors import WarehouseError
from benepass_tasks.config.settings import Settings
from benepass_tasks.engine.failures import explain
from benepass_tasks.engine.session import Warehouse
from benepass_tasks.quality.alerts.incidents import (
    Changes,
    Incident,
    compare,
    read_incidents,
    write_changes,
)
from benepass_tasks.quality.alerts.news import (
    NEWS_LASTS,
    Channel,
    News,
    claim,
    news_for,
    read_told,
    settle,
)
from benepass_tasks.quality.alerts.problems import Problem, problems_of
from benepass_tasks.state.markers import now

if TYPE_CHECKING:
    from benepass_tasks.quality.alerts.delivery import Delivery

PATIENCE = 5.0
"""Seconds that the end of a run waits for others who have the warehouse open."""

FAILURES = (WarehouseError, DBAPIError, duckdb.Error, OSError)

log = logging.getLogger(__name__)


def alert(
    warehouse: Warehouse | None, settings: Settings, run_id: str, extra: Sequence[Problem] = ()
) -> None:
    """Tell what is new about what is wrong, once; whatever fails here is logged and no more.

    No session is open while a message is on its way. Where nothing has changed, nothing is written.

    Args:
        warehouse: Where `meta` says what became of the run, and where incidents are kept; None
            where it cannot be used, and then what is known is told without memory.
        settings: Where to tell it.
        run_id: The run that ends.
        extra: What is wrong besides, such as that the catalog is invalid.
    """
    known = replace(warehouse, lock_timeout=PATIENCE) if warehouse and warehouse.exists() else None
    channels = _channels(settings)
    try:
        news = _take_stock(known, run_id, extra, channels) if known else None
    except FAILURES as error:
        log.warning("alerts: the incidents cannot be kept: %s", _said(error))
        news = None
        known = None
    if known is None:
        news = _without_memory(extra, run_id, channels)
    if news:
        _tell(known, settings, run_id, news)


def send_trial(settings: Settings) -> "list[Delivery]":
    """Send a message that says that it is a test; returns what became of it."""
    from benepass_tasks.quality.alerts import delivery, message  # noqa: PLC0415 - imports a web client

    messages = dict.fromkeys(_channels(settings), message.trial_message())
    return list(delivery.deliver(messages, settings).values())


def _channels(settings: Settings) -> tuple[Channel, ...]:
    """The channels that are set."""
    is_set: dict[Channel, bool] = {
        "webhook": settings.alert_webhook is not None,
        "command": bool(settings.alert_command),
    }
    return tuple(channel for channel, it in is_set.items() if it)


@dataclass(frozen=True, slots=True)
class _Stock:
    """What has to be written and told."""

    changes: Changes
    news: Mapping[Channel, News]


def _take_stock(
    warehouse: Warehouse, run_id: str, extra: Sequence[Problem], channels: Sequence[Channel]
) -> Mapping[Channel, News]:
    with warehouse.write() as connection:
        stock = _stock(connection, run_id, extra, channels)
        write_changes(connection, stock.changes)
        for channel, news in stock.news.items():
            claim(connection, channel, news, now())
    return stock.news


def _stock(
    connection: Connection, run_id: str, extra: Sequence[Problem], channels: Sequence[Channel]
) -> _Stock:
    problems = [*extra, *problems_of(connection, run_id)]
    instant = now()
    events = [problem.key for problem in problems if problem.is_event]
    lately = instant - NEWS_LASTS
    known = read_incidents(connection, events, lately if channels else None)
    changes = compare(problems, [it for it in known if it.is_open or it.is_event], run_id, instant)
    after = _after(known, changes)
    news = {
        channel: news_for(after, read_told(connection, channel, after, instant), instant)
        for channel in channels
        if after
    }
    return _Stock(changes, {channel: it for channel, it in news.items() if it})


def _after(known: Sequence[Incident], changes: Changes) -> list[Incident]:
    changed = {it.id: it for it in (*changes.altered, *changes.resolved)}
    return [*(changed.get(it.id, it) for it in known), *changes.opened]


def _without_memory(
    extra: Sequence[Problem], run_id: str, channels: Sequence[Channel]
) -> Mapping[Channel, News]:
    opened = compare(extra, [], run_id, now()).opened
    return {channel: News({"new": opened}, is_remembered=False) for channel in channels if opened}


def _tell(
    warehouse: Warehouse | None, settings: Settings, run_id: str, news: Mapping[Channel, News]
) -> None:
    from benepass_tasks.quality.alerts import delivery, message  # noqa: PLC0415 - imports a web client

    messages = {channel: message.message_of(it, run_id) for channel, it in news.items()}
    deliveries = delivery.deliver(messages, settings)
    for one in deliveries.values():
        if one.failure:
            log.warning("alert not delivered to %s; the next run tries again", one)
    if warehouse is None:
        return
    try:
        with warehouse.write() as connection:
            for channel, it in news.items():
                is_delivered = deliveries[channel].failure is None
                settle(connection, it, is_delivered=is_delivered, now=now())
    except FAILURES as error:
        log.warning("alerts: what was told cannot be noted, so it may come again: %s", _said(error))


def _said(error: BaseException) -> str:
    return str(error) if isinstance(error, WarehouseError) else explain(error)
