"""The data contract CLI accepts every contract."""

from __future__ import annotations

import subprocess
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from datacontract.data_contract import DataContract
from projects import catalog_of

from benepass_tasks.catalog import CONTRACTED
from benepass_tasks.publish.exporters.odcs import write_contracts

if TYPE_CHECKING:
    from workspace import Workspace

# What the CLI's own dependencies warn of.
pytestmark = pytest.mark.filterwarnings("ignore")

DATACONTRACT = Path(sysconfig.get_path("scripts")) / "datacontract"


@pytest.fixture
def written(workspace: Workspace, tmp_path: Path) -> list[Path]:
    catalog = catalog_of(workspace.root)
    return write_contracts(catalog, "data/warehouse.duckdb", tmp_path / "contracts")


def test_every_contract_is_valid(written: list[Path], workspace: Workspace) -> None:
    tables = catalog_of(workspace.root).tables.values()
    assert len(written) == sum(table.layer in CONTRACTED for table in tables)
    for file in written:
        run = DataContract(data_contract_file=str(file)).lint()
        assert run.result == "passed", (file.name, run.checks)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("logicalType: number", "logicalType: amount"),
        ("kind: DataContract", "kind: Contract"),
        ("type: duckdb", "type: quackdb"),
        ("- property: piiKind", "- name: piiKind"),
    ],
)
def test_a_contract_that_breaks_the_standard_is_not(
    written: list[Path], old: str, new: str
) -> None:
    (file,) = [file for file in written if file.name == "marts.fact_transactions.odcs.yaml"]
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    assert DataContract(data_contract_file=str(file)).lint().result in ("failed", "error")


def test_its_command_says_the_same(written: list[Path]) -> None:
    good, bad = written[:2]
    bad.write_text(bad.read_text().replace("logicalType: object", "logicalType: table"))
    assert _lint(good) == 0
    assert _lint(bad) == 1


def _lint(file: Path) -> int:
    done = subprocess.run([DATACONTRACT, "lint", file], capture_output=True, check=False)
    return done.returncode
