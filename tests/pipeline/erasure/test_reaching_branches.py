"""An erasure reaches the branches of the environment, whose tables may have the person."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest
from erasing import GRETA, erased

from benepass_tasks.cli.program import main
from benepass_tasks.config.errors import ProjectError
from tests.pipeline.erasure.conftest import copy_of

if TYPE_CHECKING:
    from pathlib import Path

    from workspace import Workspace


@pytest.mark.nightly
def test_a_branch_with_the_person_is_deleted_and_none_begins_on_a_branch(
    whole: Workspace, tmp_path: Path
) -> None:
    workspace = copy_of(whole, tmp_path / "project")
    with workspace.configured():
        assert main(["branch", "create", "trial"]) == 0
    read = "from staging.stg_employees"
    workspace.replace("sql/intermediate/int_employees.sql", read, f"{read} where true")
    folder = workspace.data / "branches" / "trial"
    workspace.run("CheckContracts", env="trial")
    with duckdb.connect(folder / "warehouse.duckdb", read_only=True) as branch:
        held = "select count(*) from intermediate.int_employees where last_name = 'Marlowe'"
        assert branch.execute(held).fetchall() != [(0,)]
    workspace.settings["env"] = "trial"
    with pytest.raises(ProjectError, match="erase in its parent"):
        erased(workspace, [GRETA])
    del workspace.settings["env"]
    (certificate,) = erased(workspace, [GRETA])
    assert certificate.is_proven
    assert list(folder.parent.iterdir()) == []
