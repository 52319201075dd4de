"""The end of a run: incidents are opened and resolved, and the news is told."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import duckdb
from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError

from benepass_tasks.config.errors import WarehouseError
from benepass_tasks.config.settings import Settings
from benepass_tasks.engine.failures import explain
from benepass_tasks.engine.session import Warehouse
from benepass_tasks.quality.alerts import delivery, message
from benepass_tasks.quality.alerts.delivery import Delivery, Receiver
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
    channel_since,
    claim,
    news_for,
    read_told,
    settle,
)
from benepass_tasks.quality.alerts.present import Present
from benepass_tasks.quality.alerts.problems import Problem, problems_of
from benepass_tasks.state.markers import now
from benepass_tasks.state.meta import RUNS
from benepass_tasks.state.store import state_of

PATIENCE = 5.0
"""Seconds that the end of a run waits for others who have the warehouse open."""

FAILURES = (WarehouseError, DBAPIError, duckdb.Error, OSError)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stock:
    """What a run has to tell.

    Attributes:
        news: What each channel has to be told.
        is_remembered: Whether the warehouse knows what is told.
        is_healthy: Whether the run succeeded and no incident is open.
    """

    news: Mapping[Channel, News]
    is_remembered: bool = True
    is_healthy: bool = False


def alert(
    warehouse: Warehouse | None,
    settings: Settings,
    run_id: str,
    present: Present | None,
    extra: Sequence[Problem] = (),
) -> None:
    """Tell what is new about what is wrong, once, and call the heartbeat after a healthy run.

    Whatever fails here is logged and no more. No session is open while a message is on its way.
    Where nothing has changed, nothing is written.

    Args:
        warehouse: Where `meta` says what became of the run, and where incidents are kept; None
            where it cannot be used, and then what is known is told without memory.
        settings: Where to tell it.
        run_id: The run that ends.
        present: What exists at the end of it; None where the project cannot be read.
        extra: What is wrong besides, such as that the catalog is invalid.
    """
    stock = None
    if warehouse and warehouse.exists():
        warehouse = replace(warehouse, lock_timeout=PATIENCE)
        try:
            stock = _take_stock(warehouse, settings, run_id, present, extra)
        except FAILURES as error:
            log.warning("alerts: the incidents cannot be kept: %s", _said(error))
    if stock is None:
        stock = _without_memory(settings, run_id, extra)
    delivered = _deliver(stock, settings, run_id)
    if warehouse and stock.is_remembered and stock.news:
        _settle(warehouse, stock.news, delivered)


def send_trial(settings: Settings) -> list[Delivery]:
    """Send a message that says that it is a test; returns what became of it."""
    messages: dict[Receiver, message.Message | None] = dict.fromkeys(
        _channels(settings), message.trial_message()
    )
    return list(delivery.deliver(messages, settings).values())


def _channels(settings: Settings) -> tuple[Channel, ...]:
    """The channels that are set."""
    is_set: dict[Channel, bool] = {
        "webhook": settings.alert_webhook is not None,
        "command": bool(settings.alert_command),
    }
    return tuple(channel for channel, it in is_set.items() if it)


def _take_stock(
    warehouse: Warehouse,
    settings: Settings,
    run_id: str,
    present: Present | None,
    extra: Sequence[Problem],
) -> Stock:
    instant, channels = now(), _channels(settings)
    with warehouse.write() as connection:
        problems = [*extra, *problems_of(connection, run_id, present)]
        events = [problem.key for problem in problems if problem.is_event]
        known = read_incidents(connection, events, instant - NEWS_LASTS if channels else None)
        current = [it for it in known if it.is_open or it.is_event]
        changes = compare(problems, current, run_id, instant)
        write_changes(connection, changes)
        after = _after(known, changes)
        found = {it: _news(connection, it, after, instant) for it in channels}
        news = {channel: it for channel, it in found.items() if it}
        for channel, it in news.items():
            claim(connection, channel, it, instant)
        status = select(RUNS.c.status).where(RUNS.c.run_id == run_id)
        is_well = state_of(connection).execute(status).scalar() == "succeeded"
    return Stock(news, is_healthy=is_well and not any(it.is_open for it in after))


def _news(
    connection: Connection, channel: Channel, incidents: Sequence[Incident], instant: datetime
) -> News | None:
    since = channel_since(connection, channel, instant)
    told = read_told(connection, channel, incidents, instant) if incidents else ()
    return news_for(incidents, told, since, instant)


def _after(known: Sequence[Incident], changes: Changes) -> list[Incident]:
    changed = {it.id: it for it in (*changes.altered, *changes.resolved)}
    return [*(changed.get(it.id, it) for it in known), *changes.opened]


def _without_memory(settings: Settings, run_id: str, extra: Sequence[Problem]) -> Stock:
    opened = compare(extra, [], run_id, now()).opened
    news = News({"new": opened}, is_remembered=False)
    return Stock({channel: news for channel in _channels(settings) if opened}, is_remembered=False)


def _deliver(stock: Stock, settings: Settings, run_id: str) -> Mapping[Receiver, Delivery]:
    messages: dict[Receiver, message.Message | None] = {
        channel: message.message_of(it, run_id) for channel, it in stock.news.items()
    }
    if stock.is_healthy and settings.alert_heartbeat:
        messages["heartbeat"] = None
    delivered = delivery.deliver(messages, settings) if messages else {}
    for receiver, one in delivered.items():
        if one.failure and receiver == "heartbeat":
            log.warning("the heartbeat did not arrive: %s", one)
        elif one.failure:
            log.warning("alert not delivered to %s; the next run tries again", one)
    return delivered


def _settle(
    warehouse: Warehouse, news: Mapping[Channel, News], delivered: Mapping[Receiver, Delivery]
) -> None:
    try:
        with warehouse.write() as connection:
            for channel, it in news.items():
                is_delivered = delivered[channel].failure is None
                settle(connection, it, is_delivered=is_delivered, now=now())
    except FAILURES as error:
        log.warning("alerts: what was told cannot be noted, so it may come again: %s", _said(error))


def _said(error: BaseException) -> str:
    return str(error) if isinstance(error, WarehouseError) else explain(error)
