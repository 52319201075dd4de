"""The pages of the sample, made once, and a browser to look at them with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from browser import Page, find_chromium, opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from workspace import Workspace


@pytest.fixture(scope="session")
def site(sample_run: Workspace) -> Path:
    """The folder of the pages of the sample, to look at only."""
    return sample_run.site


@pytest.fixture
def site_of(workspace: Workspace) -> Callable[..., Path]:
    """Makes the pages of the small project, with other files where the test names some."""

    def build(files: dict[str, str] | None = None, **settings: str) -> Path:
        for name, content in (files or {}).items():
            workspace.write(f"data/{name}", content)
        workspace.run("BuildSite", **settings)
        return workspace.site

    return build


@pytest.fixture
def copied_sample(sample_run: Workspace, workspace: Workspace) -> Workspace:
    """The project of the test is a copy of the sample's, whose history goes on."""
    workspace.become(sample_run)
    return workspace


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A page of a browser that all tests of a module share."""
    found = find_chromium()
    if found is None:
        pytest.skip("no Chromium: the pages are not tested in a browser")
    with opened(found, tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def page(chromium: Page) -> Page:
    """The page of the browser as a reader has it: light, on a screen, with scripts."""
    chromium.emulate()
    chromium.run_scripts(allowed=True)
    return chromium
