"""What checkov thinks of what deploys the project; deploy/checkov.yaml has the exceptions."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from deployed import DEPLOY, ENVIRONMENTS, manifests, program
from projects import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.deploy


def judged(folder: Path, framework: str) -> tuple[int, list[str]]:
    """The number of checks that passed, and each that failed."""
    done = subprocess.run(
        [
            *(program("checkov"), "--config-file", DEPLOY / "checkov.yaml", "--skip-download"),
            *("--directory", folder, "--framework", framework, "--output", "json", "--quiet"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["summary"]["parsing_errors"] == 0
    failed = found["results"]["failed_checks"]
    return found["summary"]["passed"], [
        f"{it['check_id']} {it['check_name']}: {it['resource']}" for it in failed
    ]


@pytest.mark.parametrize(
    ("folder", "framework", "least"),
    [
        (DEPLOY / "terraform", "terraform", 150),
        (ROOT / ".github/workflows", "github_actions", 20),
    ],
)
def test_policies_hold(folder: Path, framework: str, least: int) -> None:
    passed, failed = judged(folder, framework)
    assert failed == []
    assert passed >= least, "it has looked at them"


def test_policies_hold_for_the_image(tmp_path: Path) -> None:
    # It knows them by this name alone.
    (tmp_path / "Dockerfile").write_text((DEPLOY / "Containerfile").read_text())
    passed, failed = judged(tmp_path, "dockerfile")
    assert failed == []
    assert passed >= 50


def test_policies_hold_for_manifests(tmp_path: Path) -> None:
    for environment in ENVIRONMENTS:
        (tmp_path / f"{environment}.yaml").write_text(yaml.safe_dump_all(manifests(environment)))
    passed, failed = judged(tmp_path, "kubernetes")
    assert failed == []
    assert passed >= 600
