"""The pages are valid HTML, as html-validate reads it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TOOLS = Path(__file__).resolve().parents[1] / "browser"
PROGRAM = TOOLS / "node_modules" / "html-validate" / "bin" / "html-validate.mjs"


@pytest.fixture(scope="module")
def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("no Node: the validity of the pages is not tested")
    if not PROGRAM.exists():
        pytest.skip("no html-validate: `npm ci --prefix tests/browser` installs it")
    return found


def problems_of(node: str, told_in: Path, *paths: Path) -> list[str]:
    """What html-validate says of pages."""
    told = subprocess.run(
        [
            *(node, str(PROGRAM), "--config", str(TOOLS / "htmlvalidate.config.mjs")),
            # Into a file: it ends before a pipe has taken all of it.
            *("--formatter", f"json={told_in}", *map(str, paths)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode in (0, 1), told.stderr
    assert told.stderr == ""
    return [
        f"{Path(it['filePath']).name}:{found['line']}: {found['ruleId']}: {found['message']}"
        for it in json.loads(told_in.read_text(encoding="utf-8"))
        for found in it["messages"]
    ]


def test_every_page_is_valid(node: str, site: Path, tmp_path: Path) -> None:
    problems = problems_of(node, tmp_path / "told.json", *sorted(site.rglob("*.html")))
    assert not problems, "\n".join(problems)


def test_what_is_not_valid_is_seen(node: str, site: Path, tmp_path: Path) -> None:
    good = (site / "index.html").read_text(encoding="utf-8")
    bad = tmp_path / "bad.html"
    bad.write_text(good.replace("</main>", '<p id="main"><img src="a.svg"></p></main>'))
    rules = {it.split()[1] for it in problems_of(node, tmp_path / "told.json", bad)}
    assert rules >= {"no-dup-id:", "wcag/h37:"}
