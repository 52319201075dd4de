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
from benepass_tasks.state.publication import PARQUET

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


def test_what_the_task_is_told_of_spark_is_where_spark_is() -> None:
    text = (TERRAFORM / "pipeline/spark.tf").read_text()
    flags = FLAG.findall(text)
    assert set(flags) == {"engine", "spark-remote", "exchange-dir"}
    assert all(flag.replace("-", "_") in vars(benepass) for flag in flags)
    (host,) = re.findall(r'spark_host += "(\S+)"', text)
    record = re.search(
        r'"aws_service_discovery_service" "spark" \{.*?name += "(\w+)"', text, re.DOTALL
    )
    zone = re.search(
        r'"aws_service_discovery_private\S+ "this" \{.*?name += "(\S+)"', text, re.DOTALL
    )
    assert record
    assert zone
    assert host == f"{record[1]}.{zone[1]}"
    (exchange,) = re.findall(r'exchange += "(\S+)"', text)
    assert f'path = "/{exchange}"' in text, "the folder that the task has there"


COPYING = re.compile(
    r"flatten\(\[for name, folder in local\.folders : \[\n(.*?)\n +\]\]\)", re.DOTALL
)


def test_athena_gets_a_folder_for_each_table_that_an_audience_has_now(tmp_path: Path) -> None:
    """The command of the task for audience finance, with what was published and what there was."""
    (loop,) = COPYING.findall((TERRAFORM / "pipeline/task.tf").read_text())
    known = {"name": "finance", "folder": "prod.finance", "local.tables[name]": "b/tables/finance"}
    lines = re.findall(r'^ +"(.*)",$', loop, re.MULTILINE)
    script = re.sub(r"\$\{([^}]+)\}", lambda it: known[it[1]], "\n".join(lines))
    whole, month = "marts.dim_merchants.parquet", "marts.fact_spend/2026-01.parquet"
    for table in (f"{PARQUET}/{whole}", f"{PARQUET}/{month}"):
        file = tmp_path / "published/prod.finance" / table
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(table)
    (tmp_path / "tables/finance/marts.gone").mkdir(parents=True)
    (tmp_path / "aws").write_text('#!/bin/sh\necho "$@" > asked\n')
    (tmp_path / "aws").chmod(0o700)
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run(["sh", "-ec", script], cwd=tmp_path, env=path, check=True)
    copied = {it.relative_to(tmp_path / "tables/finance") for it in tmp_path.rglob("tables/*/*/*")}
    assert {str(it) for it in copied} == {f"marts.dim_merchants/{whole}", month}
    assert not (tmp_path / "tables/finance/marts.gone").exists()
    asked = (tmp_path / "asked").read_text().strip()
    assert asked == "s3 sync --only-show-errors --delete tables/finance s3://b/tables/finance"


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
    own = (TERRAFORM / "environments" / environment / "variables.tf").read_text()
    for name, rest in VARIABLE.findall(own):
        assert "default" not in rest or rest == dict(declared)[name], f"{name} has another form"
