"""A run publishes for every audience, and nobody is left what is for nobody any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from workspace import Workspace

STAFF = """\
_audiences:
  staff:
    datasets: [marts.dim_employees]
    treatment: {FIRST_NAME: clear, LAST_NAME: clear}
    reason: they look people up
"""


def declare(workspace: Workspace, audiences: str) -> None:
    text = (workspace.root / "catalog.yaml").read_text(encoding="utf-8")
    before, marker, after = text.partition("_masking_policy:")
    head, _, _ = before.partition("_audiences:")
    workspace.write("catalog.yaml", f"{head}{audiences}{marker}{after}")


def names(folder: Path) -> list[tuple[str]]:
    with duckdb.connect(str(folder / "benepass.duckdb"), read_only=True) as connection:
        return connection.execute(
            "select first_name from marts.dim_employees order by 1"
        ).fetchall()


@pytest.mark.slow
@pytest.mark.usefixtures("published")
def test_the_files_of_an_audience_come_move_and_go_with_what_is_declared_of_it(
    workspace: Workspace,
) -> None:
    first, second = workspace.data / "published.staff", workspace.data / "staff"
    declare(workspace, STAFF)
    of_staff = "published:staff:data/published.staff/"
    assert workspace.run("Publish") == {
        "published",
        f"{of_staff}benepass.duckdb",
        f"{of_staff}parquet/marts.dim_employees.parquet",
    }
    assert names(first) == [("Ann",), ("Bo",), ("Cy",)]
    assert workspace.run("Publish") == set()

    # Somebody has written into a file.
    (first / "benepass.duckdb").write_bytes(b"?")
    assert workspace.run("Publish") == {"published", f"{of_staff}benepass.duckdb"}

    declare(workspace, f"{STAFF}    folder: data/staff\n")
    workspace.run("Publish")
    assert not first.exists()
    assert names(second) == [("Ann",), ("Bo",), ("Cy",)]

    declare(workspace, "")
    assert workspace.run("Publish") == {"published"}
    assert not second.exists()
    assert not workspace.query("from meta.markers where name like 'published:staff%'")
    assert workspace.run("Publish") == set()


@pytest.mark.nightly
@pytest.mark.usefixtures("published")
def test_a_run_that_was_killed_after_an_audience_went_takes_its_files_away(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from benepass_tasks.publish import publishing  # noqa: PLC0415 - after the settings

    folder = workspace.data / "published.staff"
    declare(workspace, STAFF)
    workspace.run("Publish")
    declare(workspace, "")
    with monkeypatch.context() as patched:
        patched.setattr(publishing, "retire", lambda _: 1 / 0)
        assert not workspace.attempt("Publish")[1]
    assert names(folder)
    workspace.run("Publish")
    assert not folder.exists()
