"""docs/sources.md says what its commands print, of the files that it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from examples import at_night
from projects import ROOT
from sources_page import Example, examples, lay_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from workspace import Workspace

    from tests.cli.conftest import Said

EXAMPLES = list(examples((ROOT / "docs" / "sources.md").read_text(encoding="utf-8")))


def test_the_page_has_examples() -> None:
    assert len(EXAMPLES) == 7
    assert all(it.commands and it.printed for it in EXAMPLES)


@pytest.mark.nightly
@pytest.mark.parametrize(
    "example", [EXAMPLES[0], *at_night(*EXAMPLES[1:])], ids=lambda it: it.title
)
def test_an_example_prints_what_the_page_says(
    workspace: Workspace,
    say: Callable[..., Said],
    example: Example,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lay_out(example, workspace)
    monkeypatch.chdir(workspace.root)
    printed: list[str] = []
    for command in example.commands:
        said = say(*command)
        assert said.code == 0, said.err
        printed += said.lines
    missing = [line for line in example.printed if line.strip() and line not in printed]
    assert missing == []
