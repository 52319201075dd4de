"""What is published stays where most of the money of a source would vanish from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from workspace import Workspace

FILE = "data/transactions.csv"
SPENT = "select sum(amount) from marts.fact_transactions"
PENDING = "select count(*) from meta.decisions where run_id is null"


@pytest.fixture
def published(workspace: Workspace, published_run: Workspace) -> Workspace:
    """A workspace that has published the spend of its small files."""
    workspace.become(published_run)
    return workspace


def spoil(workspace: Workspace) -> None:
    """Write every timestamp in a form that nobody declared."""
    workspace.replace(FILE, "2025-", "25/")


def test_good_spend_is_not_replaced_and_says_why(
    published: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    before = published.query_published(SPENT)
    spoil(published)
    assert not published.attempt("Publish")[1]
    assert "100.0% of its money is quarantined, and max_quarantined_money is 50%" in caplog.text
    assert published.query_published(SPENT) == before
    assert not published.attempt("Publish")[1]


@pytest.mark.nightly
def test_a_run_may_accept_it_once(published: Workspace) -> None:
    good = (published.root / FILE).read_text()
    spoil(published)
    bad = (published.root / FILE).read_text()
    assert published.attempt("Publish", accept="transactions")[1]
    assert published.query_published(SPENT) == [(None,)]
    assert published.query("select guard, file from meta.decisions") == [
        ("max_quarantined_money", None)
    ]
    published.write(FILE, good)
    published.run("Publish")
    published.write(FILE, bad)
    assert not published.attempt("Publish")[1]


@pytest.mark.nightly
def test_where_nothing_good_is_published_nothing_is_kept_from_being(workspace: Workspace) -> None:
    spoil(workspace)
    assert workspace.attempt("Publish")[1]
    workspace.replace(FILE, "60.00", "61.00")
    assert workspace.attempt("Publish")[1]


@pytest.mark.nightly
def test_the_limit_is_that_of_the_catalog(published: Workspace) -> None:
    published.replace(
        "catalog.yaml",
        "guards: {min_clean: 50%}",
        "guards: {max_quarantined_money: 100%}",
    )
    spoil(published)
    assert published.attempt("Publish")[1]


@pytest.mark.nightly
def test_what_was_accepted_beforehand_passes_with_these_very_files(published: Workspace) -> None:
    from benepass_tasks.cli import main  # noqa: PLC0415

    spoil(published)
    published.run()
    with published.configured():
        assert main(["schema", "accept", "transactions"]) == 0
    assert published.query(PENDING) == [(1,)]
    published.replace(FILE, "60.00", "61.00")
    assert not published.attempt("Publish")[1]
    published.replace(FILE, "61.00", "60.00")
    assert published.attempt("Publish")[1]
    assert published.query(PENDING) == [(0,)]
