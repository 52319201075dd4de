"""Values are set in the text of a catalog, and nothing else of it changes."""

import difflib
from pathlib import Path

import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from benepass_tasks.catalog.document import read_document
from benepass_tasks.catalog.editing import GONE, Setting, set_values
from benepass_tasks.config.errors import CatalogError

CATALOG = Path(__file__).resolve().parents[2] / "catalog.yaml"

SMALL = """\
# What comes in.
_csv: &csv
  type: pandas.CSVDataset  # for Kedro
  load_args: {dtype: str}

people:
  <<: *csv
  filepath: data/people.csv
  metadata:
    description: People.   # who they are
    columns:
      id: {description: Id., pii: &id {class: pseudonym, kind: ID}}
      boss: {description: Their boss., pii: *id}
      # what they earn
      pay:
        description: Pay.

# The end.
"""


def set_one(text: str, *path: str, to: object, after: tuple[str, ...] = ()) -> str:
    return set_values(text, "catalog.yaml", [Setting(path, to, after)])


def lines_of(before: str, after: str) -> list[str]:
    """The lines that differ, without the places."""
    found = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return [line for line in found if line[:3] not in ("---", "+++") and line[:2] != "@@"]


def test_a_key_is_added_to_a_flow_mapping_that_ends_with_an_alias() -> None:
    edited = set_one(SMALL, "people", "metadata", "columns", "boss", "aliases", to=["Chef"])
    assert lines_of(SMALL, edited) == [
        "-      boss: {description: Their boss., pii: *id}",
        "+      boss: {description: Their boss., pii: *id, aliases: [Chef]}",
    ]


def test_a_key_is_added_to_a_block_before_the_comment_that_follows() -> None:
    edited = set_one(SMALL, "people", "metadata", "columns", "pay", "holds", to="amount")
    assert lines_of(SMALL, edited) == ["+        holds: amount"]
    assert edited.index("holds") < edited.index("# The end.")


def test_a_new_key_stands_where_it_is_wanted() -> None:
    edited = set_one(
        SMALL, "people", "metadata", "resends", to="conflict", after=("x", "description")
    )
    assert "# who they are\n    resends: conflict\n    columns:" in edited


def test_what_came_through_a_merge_key_is_copied_and_not_changed_for_others() -> None:
    edited = set_one(SMALL, "people", "load_args", "sep", to=";", after=("filepath",))
    assert lines_of(SMALL, edited) == ['+  load_args: {dtype: str, sep: ";"}']
    assert read_document(edited, "it").data["_csv"] == read_document(SMALL, "it").data["_csv"]


def test_what_came_through_an_alias_is_copied_and_not_changed_for_others() -> None:
    path = ("people", "metadata", "columns", "boss", "pii", "kind")
    edited = set_one(SMALL, *path, to="BOSS")
    assert lines_of(SMALL, edited) == [
        "-      boss: {description: Their boss., pii: *id}",
        "+      boss: {description: Their boss., pii: {class: pseudonym, kind: BOSS}}",
    ]


def test_what_others_refer_to_is_not_edited() -> None:
    path = ("people", "metadata", "columns", "id", "pii", "kind")
    with pytest.raises(CatalogError, match=r"catalog\.yaml:12 people\.metadata\.columns\.id\.pii"):
        set_one(SMALL, *path, to="PERSON")


def test_the_lines_of_a_key_that_goes_are_gone_and_no_other() -> None:
    before = "a:\n  # one\n  b: {c: 1,\n    d: 2}  # two\n  e:\n    f: 3\n  g: 4\n"
    assert set_one(before, "a", "b", to=GONE) == "a:\n  # one\n  e:\n    f: 3\n  g: 4\n"
    assert set_one(before, "a", "e", to=GONE) == before.replace("  e:\n    f: 3\n", "")
    assert set_one(before, "a", "x", to=GONE) == before


def test_a_dataset_stands_behind_another_with_a_blank_line_between() -> None:
    entry = {"filepath": "data/x.csv", "metadata": {"columns": {"a": {"description": "A: b."}}}}
    edited = set_one(SMALL, "x", to=entry, after=("people",))
    assert (
        "        description: Pay.\n\nx:\n  filepath: data/x.csv\n  metadata:\n    columns:\n"
        '      a: {description: "A: b."}\n\n# The end.\n'
    ) in edited


def test_windows_line_ends_stay() -> None:
    edited = set_one(SMALL.replace("\n", "\r\n"), "people", "metadata", "key", to=["id"])
    assert edited.count("\n") == edited.count("\r\n") == SMALL.count("\n") + 1


def test_a_line_that_would_be_too_long_is_broken() -> None:
    path = ("transactions", "metadata", "columns", "amount", "written_as")
    text = CATALOG.read_text(encoding="utf-8")
    edited = set_one(text, *path, to={"decimal": ",", "thousands": ".", "currency": ["€", "EUR"]})
    assert max(len(line[1:]) for line in lines_of(text, edited)) <= 100


texts = st.text(
    st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\x85\u2028\u2029\ufeff")
)
values = st.recursive(
    texts | st.booleans() | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
paths = st.sampled_from(
    [
        ("transactions", "load_args", "sep"),
        ("transactions", "metadata", "layout"),
        ("transactions", "metadata", "columns", "amount", "written_as"),
        ("transactions", "metadata", "columns", "merchant", "description"),
        ("employees", "metadata", "columns", "status", "synonyms", "active"),
        ("employees", "filepath"),
        ("category_benefit_mappings", "metadata", "schema_contract", "columns"),
        ("_tables", "staging.stg_new", "columns"),
        ("departments", "metadata"),
    ]
)


@examples(30)
@given(paths, values)
def test_any_value_can_be_set_and_no_line_far_from_it_changes(
    path: tuple[str, ...], value: object
) -> None:
    text = CATALOG.read_text(encoding="utf-8")
    edited = set_one(text, *path, to=value)
    found: object = read_document(edited, "it").data
    for step in path:
        assert isinstance(found, dict)
        found = found[step]
    assert found == value
    removed = [line for line in lines_of(text, edited) if line.startswith("-")]
    assert len(removed) <= 2
    comments = [line for line in text.splitlines() if line.lstrip().startswith("#")]
    assert set(comments) <= set(edited.splitlines())
