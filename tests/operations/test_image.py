"""The image: built from its Containerfile on a Debian made here, and run as it would be."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from deployed import DEPLOY, HOME, program
from projects import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.deploy, pytest.mark.nightly]

DEBIAN = "bookworm"
PYTHON = (3, 11)
"""That of this Debian; the wheels are for it."""

USER = 10001
BASE = "localhost/python"
IMAGE = "localhost/benepass-tasks"


@dataclass(frozen=True)
class Buildah:
    """buildah with a storage of its own; what runs has no other network and no other root."""

    folder: Path

    def __call__(self, *arguments: str | Path, check: bool = True) -> str:
        done = self.attempt(*arguments)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def attempt(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        storage = ("--root", self.folder / "storage", "--runroot", self.folder / "run")
        return subprocess.run(
            [program("buildah"), *storage, *arguments],
            env=os.environ | {"BUILDAH_ISOLATION": "chroot"},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )


def make_base(buildah: Buildah) -> None:
    """An image with nothing but Debian and its Python, under the name that Python's own have."""
    root = buildah.folder / "debian"
    subprocess.run(
        [program("mmdebstrap"), "--variant=minbase", "--include=python3-venv", DEBIAN, root],
        capture_output=True,
        check=True,
    )
    (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    container = buildah("from", "scratch")
    buildah("add", "--quiet", container, root, "/")
    shutil.rmtree(root)
    buildah("commit", "--quiet", "--rm", container, BASE)


def make_wheels(folder: Path) -> Path:
    """All that the image installs but the package itself, so that its build needs no network."""
    venv.create(folder / "pip", with_pip=True)
    subprocess.run(
        [
            *(folder / "pip/bin/python", "-m", "pip", "wheel", "--quiet"),
            *("--wheel-dir", folder / "wheels", "--constraint", ROOT / "constraints.txt"),
            *(f"{ROOT}[excel,s3,site,sql]", "hatchling"),
        ],
        check=True,
    )
    for wheel in (folder / "wheels").glob("benepass*"):
        wheel.unlink()
    (folder / "pip.conf").write_text("[global]\nno-index = true\nfind-links = /wheels\n")
    return folder / "wheels"


@pytest.fixture(scope="module")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildah]:
    """buildah, which has built the image."""
    for needed in ("buildah", "mmdebstrap"):
        program(needed)
    if os.geteuid() != 0:
        pytest.skip("not root, who alone makes a Debian")
    if sys.version_info[:2] != PYTHON:
        pytest.skip(f"not Python {'.'.join(map(str, PYTHON))}, which Debian's is")
    made = Buildah(tmp_path_factory.mktemp("image"))
    try:
        make_base(made)
        wheels = make_wheels(made.folder)
        volumes = (f"{wheels}:/wheels:ro", f"{made.folder}/pip.conf:/etc/pip.conf:ro")
        made(
            *("build", "--format", "docker", "--network", "none", "--build-arg", f"PYTHON={BASE}"),
            *(word for volume in volumes for word in ("--volume", volume)),
            *("--file", DEPLOY / "Containerfile", "--tag", IMAGE, "."),
        )
        yield made
    finally:
        made("rm", "--all", check=False)
        made("rmi", "--all", "--force", check=False)


def config_of(buildah: Buildah) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(buildah("inspect", "--type", "image", IMAGE))
    config: dict[str, Any] = found["Docker"]["config"]
    return config


def test_it_runs_as_nobody_in_particular_and_says_how_it_is(buildah: Buildah) -> None:
    found = config_of(buildah)
    assert found["User"] == f"{USER}:{USER}"
    assert found["Cmd"] == ["benepass", "run"]
    assert found["Healthcheck"]["Test"] == ["CMD", "benepass", "status"]


def test_nothing_in_it_builds_or_installs_and_nothing_of_the_data_is_in_it(
    buildah: Buildah,
) -> None:
    container = buildah("from", IMAGE)
    look = (
        "for it in pip pip3 gcc cc make git curl; do command -v $it; done; "
        f"ls /src 2>/dev/null; find {HOME} -name '*.csv' -o -name '*.duckdb' -o -name tests; "
        f"find {HOME} ! -user root ! -path '{HOME}/data*'; true"
    )
    assert buildah("run", "--user", "0:0", container, "--", "sh", "-c", look) == ""
    listed = buildah("run", container, "--", "ls", HOME).split()
    assert listed == ["catalog.yaml", "data", "luigi.cfg", "luigid.cfg", "pages", "sql"]


def test_its_run_makes_its_healthcheck_well_and_writes_into_its_volume_alone(
    buildah: Buildah, tmp_path: Path
) -> None:
    found, container = config_of(buildah), buildah("from", IMAGE)
    data, sample = tmp_path / "data", tmp_path / "sample"
    shutil.copytree(ROOT / "data/sample", sample)
    for folder in (data, data / "sample", sample):
        folder.mkdir(exist_ok=True)
        os.chown(folder, USER, USER)
    for file in sample.iterdir():
        file.chmod(0o644)
    volumes = (f"{data}:{HOME}/data", f"{sample}:{HOME}/data/sample:ro")
    mounted = [word for volume in volumes for word in ("--volume", volume)]

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return buildah.attempt("run", *mounted, container, "--", *command)

    health = found["Healthcheck"]["Test"][1:]
    assert run(*health).returncode == 1, "no run yet"
    done = run(*found["Cmd"])
    assert done.returncode == 0, done.stdout + done.stderr
    said = run(*health)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "Healthy" in said.stdout
    assert run("sh", "-c", "touch data/sample/x || touch /etc/x || touch sql/x").returncode != 0
    written = buildah(
        *("run", "--user", "0:0", container, "--", "sh", "-c"),
        f"find / -xdev -user {USER} ! -path '/proc*' ! -path '{HOME}/data*' ! -path '/tmp/*'",
    )
    assert written == ""
    assert (data / "warehouse.duckdb").stat().st_mode & 0o777 == 0o600
    assert (data / "site/index.html").is_file()
