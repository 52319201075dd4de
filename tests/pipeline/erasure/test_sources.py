"""Source files are written anew without the person, and count as loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from erasing import EMPLOYEES, erased, totals

from tests.pipeline.erasure.conftest import copy_of

if TYPE_CHECKING:
    from pathlib import Path

    from workspace import Workspace

    from tests.pipeline.erasure.conftest import Erased

VALUES = (b"EMP-1001", b"Marlowe", b"Aldous", b"greta.aldous", b"ACC-2001", b"TXN-30002")


@pytest.fixture(scope="module")
def rewritten(whole: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Erased:
    """A project from which Greta was erased, also in its source files."""
    from tests.pipeline.erasure.conftest import Erased  # noqa: PLC0415 - as a type above

    workspace = copy_of(whole, tmp_path_factory.mktemp("rewritten") / "project")
    before = totals(workspace)
    (certificate,) = erased(workspace, rewrites_sources=True)
    return Erased(workspace, before, certificate)


def test_no_file_at_all_has_a_value_of_the_person(rewritten: Erased) -> None:
    files = [it for it in rewritten.workspace.root.rglob("*") if it.is_file()]
    assert not [it for it in files for value in VALUES if value in it.read_bytes()]
    assert rewritten.certificate.is_proven
    assert not rewritten.certificate.standing


def test_all_other_records_are_the_same_to_the_byte(rewritten: Erased) -> None:
    lines = (rewritten.workspace.data / "employees.csv").read_text(encoding="utf-8").splitlines()
    before = EMPLOYEES.splitlines()
    assert [lines[at] for at in (0, 2, 5)] == [before[at] for at in (0, 2, 5)]
    assert len(lines) == len(before)


def test_the_files_count_as_loaded(rewritten: Erased) -> None:
    assert rewritten.workspace.run("BuildSite") == set()


@pytest.mark.nightly
def test_who_was_erased_before_is_taken_out_of_the_files_later(
    done: Erased, tmp_path: Path
) -> None:
    workspace = copy_of(done.workspace, tmp_path / "project")
    (certificate,) = erased(workspace, rewrites_sources=True)
    assert certificate.is_proven
    assert not certificate.standing
    assert not [it for it in VALUES if it in (workspace.data / "employees.csv").read_bytes()]
    assert totals(workspace) == done.before


@pytest.mark.nightly
def test_a_warehouse_that_is_built_of_them_comes_to_the_same(
    rewritten: Erased, tmp_path: Path
) -> None:
    workspace = copy_of(rewritten.workspace, tmp_path / "project")
    workspace.warehouse.unlink()
    workspace.run()
    assert totals(workspace) == rewritten.before
