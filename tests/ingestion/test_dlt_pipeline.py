"""dlt's own failures, which no file causes."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from benepass_tasks.ingestion import dlt_pipeline

if TYPE_CHECKING:
    import pytest
    from workspace import Workspace


def fail_with(failure: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise failure

    monkeypatch.setattr(dlt_pipeline, "_parsed", fail)


def test_a_disk_that_is_full_while_a_file_is_read_is_said(
    new_people: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fail_with(OSError(errno.ENOSPC, "No space left on device"), monkeypatch)
    assert not new_people.attempt()[1]
    expected = "employees: dlt could not load employees.csv (no space is left on the disk)"
    assert expected in caplog.text
    assert "Traceback" not in caplog.text


def test_a_defect_while_a_file_is_read_keeps_its_traceback(
    new_people: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fail_with(LookupError("a defect"), monkeypatch)
    assert not new_people.attempt()[1]
    assert "Traceback" in caplog.text
    assert "LookupError: a defect" in caplog.text
