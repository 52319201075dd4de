"""Regular expressions are written so that Java, Rust and RE2 read them alike."""

from __future__ import annotations

import duckdb
import pytest

from benepass_tasks.sqlmodels.spark.patterns import (
    CLASSES,
    UnknownPatternError,
    is_once,
    matches_nothing,
    translated,
)


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_is_what_it_is_to_re2(name: str) -> None:
    points = duckdb.execute(
        "select point from range(0, 1114112) as it(point) "
        "where point not between 55296 and 57343 and regexp_matches(chr(point::integer), ?)",
        [name],
    ).fetchall()
    written = {it for first, last in CLASSES[name] for it in range(first, last + 1)}
    assert {point for (point,) in points} == written


@pytest.mark.parametrize(
    ("pattern", "other"),
    [
        ("a$", r"a\z"),
        ("^a", r"\Aa"),
        (".", r"[^\x{A}]"),
        (r"\s", r"[\x{9}-\x{A}\x{C}-\x{D}\x{20}]"),
        (r"\S", r"[^\x{9}-\x{A}\x{C}-\x{D}\x{20}]"),
        (r"[^\d]", "[^0-9]"),
        (r"\.", r"\x{2E}"),
        ("[&&[a-]", r"[\x{26}\x{26}\x{5B}a\x{2D}]"),
        ("[]a]", r"[\x{5D}a]"),
        ("[^]]", r"[^\x{5D}]"),
        (r"\x{00A0}|(?:é){1,2}?", r"\x{A0}|(?:\x{E9}){1,2}?"),
        ("#", r"\x{23}"),
    ],
)
def test_a_pattern_is_written_out(pattern: str, other: str) -> None:
    assert translated(pattern) == other


def test_a_whole_match_says_so() -> None:
    assert translated("a|b", is_whole=True) == r"\A(?:a|b)\z"


@pytest.mark.parametrize(
    "pattern", [r"\b", "(?i)a", r"\pL", "[[:alpha:]]", "[a", r"\1", "(?P<n>a)"]
)
def test_what_is_not_known_is_refused(pattern: str) -> None:
    with pytest.raises(UnknownPatternError):
        translated(pattern)


@pytest.mark.parametrize(
    ("pattern", "is_once_at_most"),
    [("^a", True), ("a$", True), ("a*$", False), ("a", False), ("^a|b", False), ("^(a|b)", True)],
)
def test_what_matches_once_at_most(pattern: str, is_once_at_most: bool) -> None:  # noqa: FBT001
    assert is_once(pattern) is is_once_at_most


def test_what_matches_nothing() -> None:
    assert matches_nothing("a*")
    assert not matches_nothing("a+")
