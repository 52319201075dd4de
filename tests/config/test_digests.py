"""Digests of several texts."""

from __future__ import annotations

from benepass_tasks.config.digests import digest


def test_the_same_texts_have_the_same_digest() -> None:
    assert digest("a", "ä") == digest("a", "ä")


def test_other_texts_or_the_same_in_another_order_have_another() -> None:
    assert len({digest("a", "b"), digest("b", "a"), digest("a"), digest("a", "b", "")}) == 4


def test_where_one_text_ends_and_the_next_begins_counts() -> None:
    assert len({digest("ab", "c"), digest("a", "bc"), digest("abc")}) == 3
