"""The narrowest type that all values of a column fit."""

from __future__ import annotations

import pyarrow as pa
import pytest

from benepass_tasks.ingestion.inference import TypeInference


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
        (["2025-01-31T10:00:00Z", "2025-01-31T10:00:00+02:00"], "TIMESTAMP"),
        (["2025-01-31T10:00:00", "2025-01-31 10:00:00"], "TIMESTAMP"),
        (["2025-01-31T10:00:00Z", "yesterday"], "VARCHAR"),
        (["E1", "E2"], "VARCHAR"),
        ([None, "", "7"], "BIGINT"),
        ([None, ""], "VARCHAR"),
        ([], "VARCHAR"),
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


def test_a_column_never_seen_is_text() -> None:
    assert TypeInference().type_of("a") == "VARCHAR"
