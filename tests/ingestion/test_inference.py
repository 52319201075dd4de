"""The narrowest type that all values of a column fit."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benepass_tasks.ingestion.inference import CANDIDATES, TypeInference, violations
from benepass_tasks.ingestion.schema_evolution.changes import Violations


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "-20"], "BIGINT"),
        (["1", "2.5"], "DECIMAL"),
        (["1", "NaN"], "VARCHAR"),
        (["1", "inf"], "VARCHAR"),
        (["true", "False"], "BOOLEAN"),
        (["2025-01-31"], "DATE"),
        (["2025-01-31", "2025-02-30"], "VARCHAR"),
        (["2025-01-31T10:00:00Z", "2025-01-31T10:00:00+02:00"], "TIMESTAMP WITH TIME ZONE"),
        (["2025-01-31T10:00:00", "2025-01-31 10:00:00"], "TIMESTAMP"),
        (["2025-01-31T10:00:00Z", "yesterday"], "VARCHAR"),
        (["E1", "E2"], "VARCHAR"),
        ([None, "", "7"], "BIGINT"),
        (["2025-01-31T10:00:00Z", "2025-01-31T10:00:00"], "VARCHAR"),
        (["0x1F", "0X2"], "VARCHAR"),
        ([None, ""], "UNKNOWN"),
        ([], "UNKNOWN"),
    ],
)
def test_all_values_that_are_there_decide(values: list[str | None], kind: str) -> None:
    inference = TypeInference()
    inference.observe(pa.table({"a": pa.array(values, pa.string())}))
    assert inference.type_of("a") == kind


def test_one_value_in_a_later_batch_widens_the_type() -> None:
    inference = TypeInference()
    for values in (["1", "2"], ["3.5"], ["n/a"]):
        inference.observe(pa.table({"a": values}))
    assert inference.type_of("a") == "VARCHAR"


def test_where_batches_end_changes_nothing() -> None:
    values = ["2025-01-31T10:00:00Z", "2025-01-31T10:00:00"]
    apart, together = TypeInference(), TypeInference()
    for value in values:
        apart.observe(pa.table({"a": [value]}))
    together.observe(pa.table({"a": values}))
    assert apart.type_of("a") == together.type_of("a") == "VARCHAR"


def test_a_column_never_seen_is_of_unknown_type() -> None:
    assert TypeInference().type_of("a") == "UNKNOWN"


def test_values_that_do_not_fit_the_expected_type_are_counted_and_the_first_named() -> None:
    inference = TypeInference({"a": frozenset({"DECIMAL"}), "b": frozenset({"DATE"})})
    bad = ["n/a", None, "1.5", "", "NaN", "-", "x1", "1e999", "y"]
    numbers = pa.array(range(2, 11))
    good = pa.table({"a": ["1"], "b": ["2025-01-31"], "_row_number": pa.array([1])})
    inference.observe(good)
    inference.observe(pa.table({"a": bad, "b": ["2025-02-30"] * 9, "_row_number": numbers}))
    inference.observe(good.set_column(2, "_row_number", pa.array([99])))
    assert inference.type_of("a") == "VARCHAR"
    assert inference.violations == {
        ("a", "DECIMAL"): Violations(6, (2, 6, 7, 8, 9)),
        ("b", "DATE"): Violations(9, (2, 3, 4, 5, 6)),
    }


@given(
    st.sampled_from(list(CANDIDATES)),
    st.lists(
        st.text("0123456789-+.eExXinfaTtruelsZ: \n", min_size=1)
        | st.integers().map(str)
        | st.floats().map(str)
        | st.dates().map(str)
        | st.datetimes().map(lambda it: it.isoformat())
        | st.datetimes().map(lambda it: f"{it.isoformat()}Z")
        | st.sampled_from(["true", "FALSE", "+5", ".5", "1.", "0x1F", "2025-02-30", "1e999"])
    ),
)
def test_exactly_the_values_that_do_not_fit_alone_violate_it(kind: str, values: list[str]) -> None:
    alone = [
        place
        for place, value in enumerate(values)
        if not CANDIDATES[kind].fits(pa.array([value], pa.string()))
    ]
    assert violations(kind, pa.array(values, pa.string())) == alone
