"""A project before and after somebody was erased from it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from erasing import KEY, erased, project, totals
from workspace import MadeOnce, Workspace

from benepass_tasks.config.hash_key import VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benepass_tasks.pipeline.erasure.certificate import Certificate


@dataclass(frozen=True)
class Erased:
    """A project, what it came to before, and the certificate."""

    workspace: Workspace
    before: dict[str, list[Any]]
    certificate: Certificate


@pytest.fixture(autouse=True, scope="package")
def _key() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, KEY)
        yield


@pytest.fixture(scope="package")
def whole(made_once: MadeOnce) -> Workspace:
    """A project in which nobody is erased yet; for copying only."""
    return Workspace(made_once("whole", project))


@pytest.fixture(scope="package")
def done(whole: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Erased:
    """A project from which Greta was erased; to look at and for copying."""
    workspace = copy_of(whole, tmp_path_factory.mktemp("done") / "project")
    before = totals(workspace)
    (certificate,) = erased(workspace)
    return Erased(workspace, before, certificate)


def copy_of(workspace: Workspace, root: object) -> Workspace:
    """A copy of a project, whose files are others by their times alone."""
    made = Workspace(root)  # type: ignore[arg-type]
    shutil.copytree(workspace.root, made.root)
    return made
