"""YAML text becomes plain data that knows its lines; what YAML would let pass is refused."""

from pathlib import Path

import pytest
import yaml

from benepass_tasks.catalog import load_catalog
from benepass_tasks.catalog.document import Document, Problem, read_document
from benepass_tasks.config.errors import CatalogError


def read(text: str) -> Document:
    return read_document(text, "catalog.yaml")


def refusal_of(text: str) -> str:
    with pytest.raises(CatalogError) as caught:
        read(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "catalog.yaml: is empty: it must declare at least one dataset"),
        ("# only a comment\n", "catalog.yaml: is empty: it must declare at least one dataset"),
        ("\n- a\n", "catalog.yaml:2: must be a mapping of datasets, not a list"),
        ("text\n", "catalog.yaml:1: must be a mapping of datasets, not a single value"),
    ],
)
def test_the_top_is_a_mapping(text: str, expected: str) -> None:
    assert refusal_of(text) == expected


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a:\n\tb: c\n", 2, "indent with spaces"),
        ("a: @b\n", 1, "quote text that begins with @"),
        ("a: b: c\n", 1, "quote text with ': ' in it"),
        ("a:\n  b: c\n d: e\n", 3, "correct the indentation"),
        ("a:\n  - b\n c\n", 3, ""),
        ("a: [b, c\nd: e\n", 2, "a bracket is still open"),
        ("a:\n  b: 'c\n", 3, "a quote is still open"),
        ("a: b\nc\n", 3, "a key needs ': ' after it"),
        ("a: *b\n", 1, "an anchor (&name) must stand above"),
        ("a: b\n---\nc: d\n", 2, "the file is one document"),
        ("a: b\nc: \x07\n", 2, "a control character"),
    ],
)
def test_what_is_not_yaml_is_said_in_plain_words(text: str, line: int, words: str) -> None:
    refusal = refusal_of(text)
    assert refusal.startswith(f"catalog.yaml:{line}: not valid YAML: ")
    assert words in refusal


def test_text_nested_too_deeply_is_refused() -> None:
    assert "nested too deeply" in refusal_of("a: " + "[" * 5000 + "]" * 5000)


def test_duplicate_keys_are_found_wherever_they_stand() -> None:
    document = read("_a:\n  x: 1\n  y: 2\n  x: 3\nb:\n  - {z: 1, z: 2}\n_a: {}\n")
    assert set(document.problems) == {
        Problem(("_a",), "duplicate key: it stands on lines 1 and 7, and only one can count"),
        Problem(("b", 0, "z"), "duplicate key: it stands on lines 6 and 6, and only one can count"),
    }


def test_a_mapping_may_merge_what_another_has() -> None:
    document = read("_a: &a {x: 1}\n_b: &b {x: 2, y: 2}\nc: {<<: [*a, *b], y: 3}\n")
    assert document.data["c"] == {"x": 1, "y": 3}
    assert document.problems == ()


def test_a_merge_key_in_quotes_is_a_key() -> None:
    assert read('a: {"<<": {x: 1}}\n').data == {"a": {"<<": {"x": 1}}}


@pytest.mark.parametrize("text", ["a: &a [*a]\n", "a: &a {b: *a}\n", "a: &a {<<: *a, b: c}\n"])
def test_an_anchor_inside_its_own_value_does_no_harm(text: str, tmp_path: Path) -> None:
    assert list(read(text).data) == ["a"]
    path = tmp_path / "catalog.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CatalogError, match=r"catalog.yaml:1 a"):
        load_catalog(path)


@pytest.mark.parametrize(
    ("written", "tag"),
    [
        ("!env HOME", "!env"),
        ("!!int x", "!!int"),
        ("!!bool x", "!!bool"),
        ("!!float x", "!!float"),
        ("0b_", "!!int"),
    ],
)
def test_a_value_that_is_not_what_its_tag_says_is_a_problem(written: str, tag: str) -> None:
    text = written.rpartition(" ")[2]
    message = f"{text} on line 1 cannot be read as {tag}: remove the tag or quote the text"
    assert read(f"a: {written}\n").problems == (Problem(("a",), message),)


def test_dates_are_text_as_they_are_for_kedro() -> None:
    assert read("a: 2024-02-31\n").data == {"a": "2024-02-31"}


def test_a_place_is_that_of_the_last_key_there_is() -> None:
    document = read("a:\n  b:\n    - c\n    - d: 1\n")
    assert document.place(("a", "b")).line == 2
    assert document.place(("a", "b", 1, "d")).line == 4
    assert document.place(("a", "b", 1, "d")).dotted == "a.b.1.d"
    assert document.place(("a", "x", "y")).line == 1
    assert document.place(("a", "x", "y")).dotted == "a.x.y"
    assert document.place(("a", "b", 7)).line == 2
    assert document.place(()).line == 1


def test_a_place_says_what_yaml_made_of_an_unquoted_word() -> None:
    document = read("a: on\n1:30: x\nb: true\nc: 'on'\nd:\n")
    surprises = [document.place((key,)).surprise for key in document.data]
    assert surprises == ["YAML reads on as true", "YAML reads 1:30 as 90", "", "", ""]
    assert document.place((90,)).dotted == "1:30"


def test_it_reads_the_same_without_libyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "_a: &a {x: on, y: 1}\nb: {<<: *a, y: [2, ~]}\n"
    fast = read(text)
    monkeypatch.setattr("benepass_tasks.catalog.document._LOADER", yaml.SafeLoader)
    slow = read(text)
    assert slow.data == fast.data
    assert slow.place(("b", "x")) == fast.place(("b", "x"))
