"""The Terraform modules, as far as they can be judged without a cloud."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from deployed import DEPLOY, ENVIRONMENTS, FLAG, program
from projects import ROOT

from benepass_tasks.config.settings import benepass

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.deploy

TERRAFORM = DEPLOY / "terraform"

UNREACHABLE = "could not connect to|no such host|Failed to query available provider packages"


def terraform(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program("terraform"), f"-chdir={folder}", *arguments],
        env={name: value for name, value in os.environ.items() if name != "TF_CLI_CONFIG_FILE"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_files_are_formatted() -> None:
    done = terraform(TERRAFORM, "fmt", "-check", "-recursive", "-diff")
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_provider_accepts_them(environment: str, tmp_path: Path) -> None:
    shutil.copytree(TERRAFORM, tmp_path / "terraform", ignore=shutil.ignore_patterns(".terraform"))
    folder = tmp_path / "terraform/environments" / environment
    done = terraform(folder, "init", "-backend=false", "-no-color")
    if re.search(UNREACHABLE, done.stderr):
        pytest.skip("no registry of Terraform's providers")
    assert done.returncode == 0, done.stderr
    done = terraform(folder, "validate", "-no-color")
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_is_a_module_for_each_environment_of_luigi_cfg() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "luigi.cfg")
    environments = {entry.partition(".")[0] for entry in config["environments"]}
    assert environments == set(ENVIRONMENTS)
    for name in environments:
        text = (TERRAFORM / "environments" / name / "main.tf").read_text()
        assert re.findall(r'environment += "(\w+)"', text) == [name, name]
        assert f"benepass-tasks/{name}" in text, "its state is its own"


def test_the_flags_of_the_task_exist() -> None:
    flags = FLAG.findall((TERRAFORM / "pipeline/task.tf").read_text())
    assert set(flags) == {"env", "data-dir"}
    assert all(flag.replace("-", "_") in vars(benepass) for flag in flags)


VARIABLE = re.compile(r'variable "(\w+)" \{\n  description = "[^"]+"\n(.*?)\n\}', re.DOTALL)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_passes_on_what_the_module_must_know(environment: str) -> None:
    variables = (TERRAFORM / "pipeline/variables.tf").read_text()
    declared = VARIABLE.findall(variables)
    assert len(declared) == variables.count('variable "'), "each is described"
    used = "".join(path.read_text() for path in (TERRAFORM / "pipeline").glob("*.tf"))
    passed = (TERRAFORM / "environments" / environment / "main.tf").read_text()
    for name, rest in declared:
        assert re.search(rf"var\.{name}\b", used), name
        assert "default" in rest or re.search(rf"^  {name} += ", passed, re.MULTILINE), name
