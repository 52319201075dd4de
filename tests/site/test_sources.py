"""Pages read what is published, and leave no trace of it in the session."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import duckdb
import pytest
from rendered import copied, shown
from sqlalchemy.exc import DBAPIError

from benepass_tasks.config.errors import ProjectError
from benepass_tasks.site.pages import employees
from benepass_tasks.site.plain import plain
from benepass_tasks.site.rendering import written

if TYPE_CHECKING:
    from pathlib import Path

    from workspace import Workspace


@pytest.fixture
def project(published_run: Workspace, tmp_path: Path) -> Workspace:
    """A project of the test's own that has been published."""
    return copied(published_run, tmp_path)


def test_query_that_fails_is_what_is_told(project: Workspace) -> None:
    project.write("sql/site/employee_totals.sql", "select no_such_column from marts.dim_employees")
    with pytest.raises(DBAPIError, match="no_such_column") as told:
        shown(project, employees.pages)
    assert isinstance(told.value.orig, duckdb.BinderException)


def test_query_that_is_not_there_is_named(project: Workspace) -> None:
    (project.root / "sql/site/employee_totals.sql").unlink()
    with pytest.raises(ProjectError, match=r"employee_totals\.sql is missing"):
        shown(project, employees.pages)


def test_session_goes_on_after_a_query_that_failed(project: Workspace) -> None:
    good = (project.root / "sql/site/employee_totals.sql").read_text(encoding="utf-8")
    project.write("sql/site/employee_totals.sql", "select error('broken')")
    with pytest.raises(DBAPIError, match="broken"):
        shown(project, employees.pages)
    project.write("sql/site/employee_totals.sql", good)
    assert shown(project, employees.pages).figures()["Active"] == "1"


@pytest.mark.parametrize(
    ("value", "shown_as"),
    [
        ("0999-12-31 10:00:00.9", "0999-12-31 10:00 UTC"),
        ("9999-12-31T23:59:59+02:00", "9999-12-31 21:59 UTC"),
    ],
)
def test_an_instant_of_any_year_is_shown(value: str, shown_as: str) -> None:
    assert written(plain(datetime.fromisoformat(value)), "instant") == shown_as
