"""Every case in `cases/`; how they are written is told in `casebook.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from casebook import CASES, case_files, difference, read_case

if TYPE_CHECKING:
    from pathlib import Path

    from workbench import Workbench


@pytest.mark.parametrize(
    "file", case_files(), ids=lambda path: path.relative_to(CASES).with_suffix("").as_posix()
)
def test_model_makes_the_expected_rows_of_the_given_ones(file: Path, workbench: Workbench) -> None:
    case = read_case(file, workbench)
    assert case.expected_of == file.parent.name, "a case lies in the folder of its model"
    explanation = difference(case, workbench)
    if explanation:
        pytest.fail(explanation, pytrace=False)


def test_every_model_of_rows_has_cases(workbench: Workbench) -> None:
    models = workbench.graph.models.values()
    reading = {model.relation for model in models if model.references and not model.is_generated}
    tested = {file.parent.name for file in case_files()}
    assert tested == reading, (
        f"write tests/sql/cases/<model>/<what it shows>.txt for {sorted(reading - tested)}, "
        f"and remove those of {sorted(tested - reading)}"
    )
