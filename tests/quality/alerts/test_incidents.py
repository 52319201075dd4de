"""When an incident begins and ends, and when it is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benepass_tasks.quality.alerts.incidents import GONE, Incident, compare
from benepass_tasks.quality.alerts.news import REMIND_AFTER, Told, news_for
from benepass_tasks.quality.alerts.problems import Problem

if TYPE_CHECKING:
    from benepass_tasks.catalog.datasets import Severity
    from benepass_tasks.quality.alerts.news import Kind
    from benepass_tasks.quality.alerts.problems import Standing

NOW = datetime(2026, 1, 2, 6, tzinfo=UTC)
BEFORE = NOW - timedelta(days=1)
SOON = NOW + timedelta(minutes=1)


def problem(
    key: str = "k",
    severity: Severity = "fail",
    *,
    is_event: bool = False,
    standing: Standing = "there",
) -> Problem:
    title = f"title of {key}"
    return Problem(key, title, "detail", severity, is_event=is_event, standing=standing)


def incident(
    key: str = "k", severity: Severity = "fail", resolved_at: datetime | None = None
) -> Incident:
    title = f"title of {key}"
    return Incident(f"id of {key}", key, title, "detail", severity, BEFORE, "r1", resolved_at, None)


def told(
    key: str = "k", news: Kind = "new", severity: Severity = "fail", at: datetime = NOW
) -> Told:
    return Told(f"id of {key}", news, severity, at)


def kinds(
    incidents: list[Incident], past: list[Told], now: datetime = SOON, since: datetime = BEFORE
) -> dict[str, list[str]]:
    news = news_for(incidents, past, since, now)
    groups = news.incidents.items() if news else ()
    return {kind: [it.key for it in them] for kind, them in groups if them}


def test_a_problem_opens_an_incident() -> None:
    changes = compare([problem()], [], "r2", NOW)
    (opened,) = changes.opened
    assert (opened.key, opened.severity, opened.opened_run_id) == ("k", "fail", "r2")
    assert opened.is_open
    assert not changes.altered
    assert not changes.resolved


def test_what_goes_on_changes_nothing() -> None:
    assert not compare([problem()], [incident()], "r2", NOW)


def test_what_goes_on_otherwise_is_altered() -> None:
    changes = compare([problem(severity="warn")], [incident()], "r2", NOW)
    assert [it.severity for it in changes.altered] == ["warn"]
    assert changes.altered[0].id == "id of k"
    assert not changes.opened


def test_what_is_not_a_problem_any_more_is_resolved() -> None:
    changes = compare([], [incident()], "r2", NOW)
    (resolved,) = changes.resolved
    assert (resolved.resolved_at, resolved.resolved_run_id) == (NOW, "r2")


def test_what_does_not_exist_any_more_ends_with_a_clear_word_and_never_comes_back() -> None:
    gone = problem(standing="gone")
    changes = compare([gone], [incident()], "r2", NOW)
    (resolved,) = changes.resolved
    assert (resolved.detail, resolved.resolved_at) == (GONE, NOW)
    assert not changes.opened
    assert not changes.altered
    assert not compare([gone], [], "r3", SOON)


def test_where_it_is_not_known_what_exists_incidents_go_on_and_none_is_opened() -> None:
    unknown = problem(standing="unknown")
    assert not compare([unknown], [incident()], "r2", NOW)
    assert not compare([unknown], [], "r2", NOW)


def test_an_event_is_over_at_once_and_is_not_news_twice() -> None:
    (event,) = compare([problem(is_event=True)], [], "r2", NOW).opened
    assert event.is_event
    assert not event.is_open
    assert not compare([problem(is_event=True)], [event], "r3", SOON)
    assert not compare([], [event], "r3", SOON)
    assert kinds([event], []) == {"new": ["k"]}
    assert kinds([event], [Told(event.id, "new", "fail", NOW)], NOW + timedelta(days=3)) == {}


def test_of_two_problems_with_a_key_the_first_counts() -> None:
    changes = compare([problem(severity="warn"), problem()], [], "r2", NOW)
    assert [it.severity for it in changes.opened] == ["warn"]


@given(st.sets(st.sampled_from("abcdef")), st.sets(st.sampled_from("abcdef")))
def test_afterwards_what_is_open_is_what_is_wrong(wrong: set[str], opened: set[str]) -> None:
    changes = compare([problem(key) for key in wrong], [incident(key) for key in opened], "r", NOW)
    resolved = {it.key for it in changes.resolved}
    assert (opened | {it.key for it in changes.opened}) - resolved == wrong
    assert {it.key for it in changes.opened}.isdisjoint(opened)


def test_each_state_is_told_once() -> None:
    assert kinds([incident()], []) == {"new": ["k"]}
    assert kinds([incident()], [told()]) == {}
    over = incident(resolved_at=NOW)
    assert kinds([over], [told()]) == {"resolved": ["k"]}
    assert kinds([over], [told(), told(news="resolved")]) == {}


def test_what_ended_before_it_could_be_told_is_told_as_resolved() -> None:
    assert kinds([incident(resolved_at=NOW)], []) == {"resolved": ["k"]}


def test_what_was_over_before_the_channel_was_there_is_not_told() -> None:
    over = incident(resolved_at=NOW)
    (event,) = compare([problem(is_event=True)], [], "r", BEFORE).opened
    assert kinds([over, event], [], since=NOW) == {}
    assert kinds([incident()], [], since=NOW) == {"new": ["k"]}
    assert kinds([over], [told()], since=NOW) == {"resolved": ["k"]}


def test_an_event_of_the_run_that_first_has_the_channel_is_told() -> None:
    (event,) = compare([problem(is_event=True)], [], "r", NOW).opened
    assert kinds([event], [], since=NOW) == {"new": ["k"]}


def test_a_warning_that_becomes_a_failure_is_news_and_the_reverse_is_not() -> None:
    assert kinds([incident()], [told(severity="warn")]) == {"worse": ["k"]}
    assert kinds([incident()], [told(severity="warn"), told(news="worse")]) == {}
    assert kinds([incident(severity="warn")], [told()]) == {}


def test_what_is_still_open_is_named_beside_news() -> None:
    both = [incident("a"), incident("b")]
    assert kinds(both, [told("a")]) == {"open": ["a"], "new": ["b"]}


@pytest.mark.parametrize(
    ("later", "expected"), [(-timedelta(seconds=1), {}), (timedelta(0), {"open": ["k"]})]
)
def test_what_is_still_open_is_told_again_once_a_day(
    later: timedelta, expected: dict[str, list[str]]
) -> None:
    assert kinds([incident()], [told()], NOW + REMIND_AFTER + later) == expected
    reminded = [told(at=BEFORE), told(news="open")]
    assert kinds([incident()], reminded, NOW + REMIND_AFTER + later) == expected


def test_failures_come_before_warnings() -> None:
    them = [incident("a", "warn"), incident("b"), incident("c")]
    assert kinds(them, []) == {"new": ["b", "c", "a"]}
