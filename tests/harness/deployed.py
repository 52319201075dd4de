"""What `deploy/` declares, as the tests read it."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from projects import ROOT

DEPLOY = ROOT / "deploy"
HOME = "/srv/benepass-tasks"
"""The project's folder in the image."""

ENVIRONMENTS = ("dev", "staging", "prod")

FLAG = re.compile(r"--benepass-([a-z-]+)")


def program(name: str) -> str:
    """A program of this machine or Python; without it the test is skipped, which names it."""
    ours = Path(sys.executable).parent
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:{ours}")
    if found is None:
        pytest.skip(f"no {name}")
    return found


def manifests(environment: str, deploy: Path = DEPLOY) -> list[dict[str, Any]]:
    """What Kustomize makes of an overlay."""
    kubectl = program("kubectl")
    overlay = deploy / "kubernetes/overlays" / environment
    made = subprocess.run(
        [kubectl, "kustomize", overlay], capture_output=True, text=True, check=True
    )
    return list(yaml.safe_load_all(made.stdout))


def compose(variables: Mapping[str, str]) -> dict[str, Any]:
    """The compose file, with variables as `docker compose` fills them in."""

    def value(found: re.Match[str]) -> str:
        if found["escaped"]:
            return "$"
        known = variables.get(found["name"], "")
        if not known and found["rule"] == ":?":
            raise KeyError(f"{found['name']} {found['text']}")
        return known or (found["text"] or "")

    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    pattern = r"(?P<escaped>\$\$)|\$\{(?P<name>\w+)(?:(?P<rule>:[-?])(?P<text>[^}]*))?\}"
    filled: dict[str, Any] = yaml.safe_load(re.sub(pattern, value, text))
    return filled
