"""Every model makes the same rows on Spark as on DuckDB, whatever it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest
from casebook import CASES, case_files, read_case
from examples import examples
from hypothesis import given
from random_files import FILES_OF_A_DAY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from _pytest.mark import ParameterSet
    from sparking import BothEngines
    from workbench import RawRows, Workbench

pytestmark = pytest.mark.spark

SAMPLE = CASES.parents[2] / "data" / "sample"


def chosen() -> Iterator[ParameterSet]:
    """The first case, and at night the others; the sample has rows for each model."""
    for number, file in enumerate(case_files()):
        marks = [pytest.mark.nightly] if number else []
        name = file.relative_to(CASES).with_suffix("").as_posix()
        yield pytest.param(file, marks=marks, id=name)


@pytest.mark.parametrize("file", list(chosen()))
def test_each_case(file: Path, workbench: Workbench, engines: BothEngines) -> None:
    case = read_case(file, workbench)
    masking = str(case.pii_masking).lower()
    as_of = f"date '{case.as_of}'"
    both = engines.with_settings({"as_of_date": as_of, "pii_masking": masking})
    with workbench.built(
        case.raw_rows(), case.expected_of, as_of=case.as_of, pii_masking=case.pii_masking
    ) as connection:
        different = both.difference(connection, case.expected_of)
    assert not different, different


def test_the_sample(workbench: Workbench, engines: BothEngines) -> None:
    with workbench.built(sample(workbench)) as connection:
        assert engines.differences(connection) == []


@examples(1)
@given(raw=FILES_OF_A_DAY)
def test_random_files_with_hostile_texts(
    raw: RawRows, workbench: Workbench, engines: BothEngines
) -> None:
    with workbench.built(raw) as connection:
        assert engines.differences(connection) == []


def sample(workbench: Workbench) -> RawRows:
    """The records of the sample, which are those of the raw tables."""
    found = {}
    for table in workbench.raw_tables():
        file = SAMPLE / f"{table.removeprefix('raw.')}.csv"
        if file.exists():
            read = duckdb.read_csv(str(file), all_varchar=True, ignore_errors=True)
            found[table] = [dict(zip(read.columns, it, strict=True)) for it in read.fetchall()]
    return found
