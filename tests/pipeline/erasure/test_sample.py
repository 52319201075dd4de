"""The sample loses fifty people at once, and two hundred one after another, and no cent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from erasing import erased, totals

from tests.pipeline.erasure.conftest import copy_of

if TYPE_CHECKING:
    from pathlib import Path

    from workspace import Workspace

PEOPLE = [f"E{number:04}" for number in range(1, 201)]


@pytest.fixture
def sample(sample_run: Workspace, tmp_path: Path) -> Workspace:
    """The sample, in which nobody is erased yet."""
    return copy_of(sample_run, tmp_path / "project")


@pytest.mark.nightly
@pytest.mark.sweep
def test_fifty_at_once(sample: Workspace) -> None:
    before = totals(sample)
    (certificate,) = erased(sample, PEOPLE[10:60], rewrites_sources=True)
    assert not certificate.problems
    assert totals(sample) == before


@pytest.mark.nightly
@pytest.mark.sweep
def test_two_hundred_one_after_another(sample: Workspace) -> None:
    before = totals(sample)
    for person in PEOPLE:
        (certificate,) = erased(sample, [person])
        assert not certificate.problems, person
    assert totals(sample) == before
    left = sample.query("select count(*) from raw.employees where employee_id like 'E____'")
    assert left == [(0,)]
