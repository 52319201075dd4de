"""`pages check`: whether the pages fit the catalog, without any data."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from workspace import Workspace

    from tests.cli.conftest import Said

    Say = Callable[..., Said]


def test_pages_that_are_right_are_counted(say: Say, workspace: Workspace) -> None:
    count = len(list((workspace.root / "pages").glob("*.md")))
    said = say("pages", "check")
    assert said.code == 0
    assert said.out.startswith(f"{count} pages with ")
    assert said.out.endswith(" queries: nothing is wrong.\n")


def test_all_that_is_wrong_is_told_with_file_and_line(say: Say, workspace: Workspace) -> None:
    workspace.replace("pages/merchants.md", "x: month\n", "x: moth\n")
    workspace.write("pages/short.md", "---\ntitle: Short\n---\n{a.b}\n")
    said = say("pages", "check")
    assert said.code == 1
    lines = said.err.splitlines()
    assert {"pages/merchants.md:" in it for it in lines[:-1]} == {True}
    assert "pages/short.md:4: " in lines[-1]
    assert "spend has no column moth (did you mean 'month'?)" in said.err
