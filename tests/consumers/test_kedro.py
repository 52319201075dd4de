"""Kedro reads the catalog as it is, and the data that it declares."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from card_api import Reply, serving
from databases import PEOPLE, VARIABLE, hr_database, read_from_table
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog
from projects import catalog_of
from workbooks import workbook
from workspace import EMPLOYEES

if TYPE_CHECKING:
    from workspace import Workspace

    from benepass_tasks.catalog import Catalog

ROOT = Path(__file__).resolve().parent.parent.parent

# What Kedro and pandas warn of, such as the sample's records that have too many columns.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def declared(sample: Workspace) -> Catalog:
    return catalog_of(sample.root)


@pytest.fixture
def config(sample: Workspace, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The catalog as Kedro's own loader reads it; paths in it begin at the working folder."""
    monkeypatch.chdir(sample.root)
    return _config(sample.root)


def _config(folder: Path) -> dict[str, Any]:
    loader = OmegaConfigLoader(
        str(folder),
        base_env=".",
        default_run_env=".",
        config_patterns={"catalog": ["catalog.yaml"]},
    )
    loaded: dict[str, Any] = loader["catalog"]
    return loaded


def test_kedro_knows_the_datasets_that_the_project_knows(
    config: dict[str, Any], declared: Catalog
) -> None:
    catalog = DataCatalog.from_config(config)
    assert set(catalog) == {*declared.sources}
    # A table is known by the pattern of its name.
    assert all(name in catalog for name in declared.tables)
    assert "no_such_source" not in catalog


def test_kedro_reads_every_csv_source(config: dict[str, Any], declared: Catalog) -> None:
    # The dataset of pandas knows no glob: what stands for several files is read file by file.
    config["transactions"]["filepath"] = "data/transactions.csv"
    catalog = DataCatalog.from_config(config)
    rows = {}
    for name, source in declared.sources.items():
        frame = catalog.load(name)
        required = {column.name for column in source.columns.values() if column.required}
        assert required <= set(frame.columns) <= set(source.columns)
        rows[name] = len(frame)
    assert rows["employees"] == 206
    assert rows["benefit_accounts"] == 440
    assert rows["category_benefit_mappings"] == 6
    # Of the records that cannot be parsed pandas takes some for records, and skips the others.
    assert 4990 <= rows["transactions"] <= 5000


def test_kedro_reads_every_table_of_a_finished_run(
    sample: Workspace, config: dict[str, Any], declared: Catalog
) -> None:
    sample.run()
    catalog = DataCatalog.from_config(config)
    for name, table in declared.tables.items():
        frame = catalog.load(name).execute()
        assert set(frame.columns) == set(table.columns), name
        assert len(frame) == sample.query(f"select count(*) from {name}")[0][0], name
    assert len(catalog.load("marts.fact_transactions").execute()) == 4765


def test_the_lines_of_the_docs_work(sample: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    sample.run()
    monkeypatch.chdir(sample.root)
    _, _, block = (
        (ROOT / "docs" / "catalog.md").read_text(encoding="utf-8").partition("```python\n")
    )
    names: dict[str, Any] = {}
    exec(block.partition("```")[0], names)  # noqa: S102 - the project's own documentation
    assert len(names["marts"]) == 200


def test_kedro_refuses_what_is_not_a_catalog(sample: Workspace) -> None:
    sample.replace("catalog.yaml", "type: ibis.TableDataset", "type: ibis.NoSuchDataset")
    catalog = DataCatalog.from_config(_config(sample.root))
    with pytest.raises(Exception, match="NoSuchDataset"):
        catalog.load("raw.employees")


@pytest.mark.parametrize(
    ("type_", "load_args", "file"),
    [
        ("pandas.ExcelDataset", "{dtype: str, sheet_name: People}", "people.xlsx"),
        ("pandas.ParquetDataset", "{engine: pyarrow}", "people.parquet"),
        ("pandas.JSONDataset", "{lines: true, dtype: str}", "people.jsonl"),
    ],
)
def test_kedro_reads_every_kind_of_file_that_the_project_reads(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, type_: str, load_args: str, file: str
) -> None:
    workspace.replace(
        "catalog.yaml",
        "employees:\n  <<: *csv\n  filepath: data/employees.csv\n",
        f"employees:\n  type: {type_}\n  filepath: data/{file}\n  load_args: {load_args}\n",
    )
    header, *people = [line.split(",") for line in EMPLOYEES.splitlines()]
    if type_ == "pandas.ExcelDataset":
        workspace.write(f"data/{file}", workbook({"Notes": [["-"]], "People": [header, *people]}))
    else:
        columns = dict(zip(header, zip(*people, strict=True), strict=True))
        write = {"people.parquet": "to_parquet", "people.jsonl": "to_json"}[file]
        lines = {"orient": "records", "lines": True} if file == "people.jsonl" else {}
        getattr(pd.DataFrame(columns), write)(workspace.data / file, **lines)
    workspace.run("raw.employees")
    monkeypatch.chdir(workspace.root)
    frame = DataCatalog.from_config(_config(workspace.root)).load("employees")
    names = ", ".join(header)
    loaded = workspace.query(f"select {names} from raw.employees order by _row_number")
    assert [tuple(row) for row in frame[header].itertuples(index=False)] == loaded
    assert loaded == [tuple(person) for person in people]


def test_kedro_reads_the_table_that_the_project_reads(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hr = hr_database(tmp_path / "hr.sqlite")
    read_from_table(workspace, "employees")
    monkeypatch.chdir(workspace.root)
    credentials = {VARIABLE: {"con": hr.url}}
    catalog = DataCatalog.from_config(_config(workspace.root), credentials)
    frame = catalog.load("employees").astype({"hire_date": str})
    assert [tuple(row) for row in frame.itertuples(index=False)] == PEOPLE


def test_kedro_asks_the_api_that_the_project_reads(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as api:
        api.faults = [Reply(body='{"data": []}')]
        workspace.replace(
            "catalog.yaml",
            "\ntransactions:\n  <<: *csv\n  filepath: data/transactions*.csv\n  metadata:\n",
            f"\ntransactions:\n  type: api.APIDataset\n  url: {api.url}\n"
            "  load_args: {params: {limit: 3}}\n  metadata:\n"
            "    extract: {records: data, paginator: {type: single_page}}\n",
        )
        monkeypatch.chdir(workspace.root)
        answer = DataCatalog.from_config(_config(workspace.root)).load("transactions")
        assert answer.json() == {"data": []}
        assert api.asked == [{"limit": "3"}]
