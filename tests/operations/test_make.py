"""What `make` removes, and what git keeps of what a company puts into the project."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="no make")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("warehouse.duckdb", "employees.csv", "site/index.html", "lake/env"):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_text("mine")
    (tmp_path / ".venv").mkdir()
    (tmp_path / "benepass_tasks").mkdir()
    (tmp_path / "tests").mkdir()
    return tmp_path


def make(folder: Path, target: str, answer: str) -> str:
    return subprocess.run(
        ["make", "--silent", "--no-print-directory", target],
        cwd=folder,
        input=answer,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_clean_keeps_the_data(folder: Path) -> None:
    make(folder, "clean", "")
    assert not (folder / ".venv").exists()
    assert (folder / "data" / "warehouse.duckdb").exists()
    assert (folder / "data" / "site" / "index.html").exists()


@pytest.mark.parametrize("answer", ["", "\n", "n\n", "yes, but later\n"])
def test_clean_data_removes_nothing_without_a_yes(folder: Path, answer: str) -> None:
    assert "Nothing was removed" in make(folder, "clean-data", answer)
    assert (folder / "data" / "warehouse.duckdb").exists()


def test_clean_data_removes_nothing_while_an_erasure_is_to_be_finished(folder: Path) -> None:
    begun = folder / "data" / ".warehouse.erasing.json"
    begun.write_text("whom")
    assert "the next run finishes it" in make(folder, "clean-data", "y\n")
    assert begun.exists()
    assert (folder / "data" / "warehouse.duckdb").exists()


def test_clean_data_removes_what_was_built_and_no_source_file(folder: Path) -> None:
    make(folder, "clean-data", "y\n")
    assert [path.name for path in (folder / "data").iterdir()] == ["employees.csv"]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="no checkout")
@pytest.mark.parametrize("name", ["transactions_2025.csv", "employees.csv", "warehouse.duckdb"])
def test_git_ignores_what_is_put_into_data(name: str) -> None:
    done = subprocess.run(
        ["git", "check-ignore", "--quiet", "--no-index", f"data/{name}"], cwd=ROOT, check=False
    )
    assert done.returncode == 0
