"""What an editor accepts by the JSON Schema is what the program reads, and the other way round."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from benepass_tasks.catalog import load_catalog
from benepass_tasks.catalog.json_schema import catalog_schema
from benepass_tasks.config.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
NAMED = {"class": "identifier", "kind": "NAME", "treatment": "plaintext", "reason": "Asked for"}
CONNECTION = {"backend": "duckdb", "database": "data/warehouse.duckdb", "read_only": True}
GOOD: dict[str, Any] = {
    "_anchors": ["whatever", {"x": 1}],
    "_masking_policy": {
        "mask_name": {"treatment": "mask", "kinds": ["NAME"], "fingerprint": "0123456789abcdef" * 2}
    },
    "{layer}.{table}": {
        "type": "ibis.TableDataset",
        "table_name": "{table}",
        "database": "{layer}",
        "connection": CONNECTION,
        "metadata": {"kedro-viz": {"layer": "{layer}"}},
    },
    "people": {
        "type": "pandas.CSVDataset",
        "filepath": "data/people*.csv",
        "load_args": {"dtype": "str", "keep_default_na": False},
        "metadata": {
            "description": "People",
            "domain": "people",
            "freshness": {"load": True, "warn_after": "36h"},
            "volume": {"min": 1, "max": 500},
            "schema_contract": {"columns": "freeze"},
            "columns": {
                "name": {"description": "Name", "pii": NAMED, "aliases": ["Full Name"]},
                "age": {"description": "Years", "required": False},
            },
        },
    },
    "_tables": {
        "staging.stg_people": {
            "description": "Tidied",
            "materialized": "view",
            "domain": "people",
            "columns": {"years": {"description": "Years"}},
        },
        "marts.dim_people": {
            "description": "People",
            "grain": "one person",
            "domain": "people",
            "published": True,
            "key": ["years"],
            "months": {"column": "name", "money": "years"},
            "suppression": {"employees": "years", "groups": ["name"], "columns": ["city"]},
            "tests": [{"unique": ["years", "name"]}, {"row_count": {"min": 1}, "severity": "warn"}],
            "columns": {
                "name": {"type": "VARCHAR", "tests": ["not_null", {"regex": "^A"}]},
                "city": {"type": "VARCHAR", "tests": [{"accepted_values": ["Rome", "Oslo"]}]},
                "years": {
                    "type": "DECIMAL(18,2)",
                    "description": "Years",
                    "tests": [{"range": {"min": 0}}, {"not_null": True, "severity": "warn"}],
                    "pii": {"class": "quasi_identifier", "kind": "AGE"},
                },
            },
        },
    },
    "marts.more": {
        "type": "ibis.TableDataset",
        "table_name": "more",
        "database": "marts",
        "connection": CONNECTION,
        "metadata": {
            "description": "More",
            "domain": "people",
            "columns": {"id": {"type": "VARCHAR", "description": "Id"}},
        },
    },
}

METADATA = GOOD["people"]["metadata"]
PARQUET: dict[str, Any] = {
    "type": "pandas.ParquetDataset",
    "filepath": "data/people.parquet",
    "metadata": METADATA,
}
_LEFT_OUT = object()

# Where something is set, or taken out, and what to.
GOOD_CHANGES: list[tuple[str, object]] = [
    ("people/metadata/columns/name/pii/treatment", "clear"),
    ("people/metadata/columns/age/pii", {"class": "none"}),
    ("people/metadata/columns/age/pii", {"class": "none", "sensitive": True, "kind": "AGE"}),
    ("people/filepath", "data/exports/2026/people.csv"),
    ("people/load_args", _LEFT_OUT),
    ("people/load_args", {"sep": ";", "decimal": ",", "thousands": ".", "encoding": "cp1252"}),
    ("people/load_args", {"delimiter": "\\t", "quoting": 3, "comment": "#", "na_values": "-"}),
    ("people/load_args", {"skiprows": 2, "skipfooter": 1, "na_values": ["NULL", "n/a"]}),
    ("people/load_args", {"quotechar": "'", "escapechar": "\\", "compression": "gzip"}),
    ("people/load_args", {"skipinitialspace": True}),
    ("people/metadata/layout", {"header_lines": 2, "skip_lines": [r"^Total\b"]}),
    ("people", {**PARQUET, "metadata": {**METADATA, "layout": {"na_values": ["NULL"]}}}),
    ("people", {**PARQUET, "type": "pandas.JSONDataset", "load_args": {"lines": True}}),
    ("people", {**PARQUET, "type": "pandas.ExcelDataset", "load_args": {"sheet_name": "People"}}),
    ("_tables/staging.stg_people/columns", _LEFT_OUT),
    ("_tables/marts.dim_people/columns/name/tests", []),
    ("_tables/marts.dim_people/columns/name/type", "VARCHAR[]"),
    ("_tables/marts.dim_people/columns/city/tests", [{"not_null": None}]),
    ("_masking_policy", _LEFT_OUT),
]
BAD_CHANGES: list[tuple[str, object]] = [
    ("people", ["a list"]),
    ("people/type", "pandas.TextDataset"),
    ("people/filepath", _LEFT_OUT),
    ("people/filepath", "files/people.csv"),
    ("people/filepath", "data/*/people.csv"),
    ("people/load_args/sep", "||"),
    ("people/load_args/sep", "\n"),
    ("people/load_args/sep", "§"),
    ("people/load_args/encoding", 1252),
    ("people/load_args/skiprows", [0]),
    ("people/load_args/skipfooter", -1),
    ("people/load_args/quoting", 1),
    ("people/load_args/na_values", [None]),
    ("people/load_args/na_values", []),
    ("people/load_args/compression", "rar"),
    ("people/load_args/dtype", "int"),
    ("people/load_args/usecols", ["name"]),
    ("people/load_args/sheet_name", "People"),
    ("people/load_args", {"sep": ";", "delimiter": ";"}),
    ("people/metadata/layout", {"header_lines": 0}),
    ("people/metadata/layout", {"skip_lines": "^Total"}),
    ("people/metadata/layout", {"na_values": ["NULL"]}),
    ("people", {**PARQUET, "load_args": {"sep": ";"}}),
    ("people", {**PARQUET, "metadata": {**METADATA, "layout": {"skip_lines": ["^x"]}}}),
    ("people", {**PARQUET, "type": "pandas.JSONDataset"}),
    ("people", {**PARQUET, "type": "pandas.JSONDataset", "load_args": {"lines": False}}),
    ("people", {**PARQUET, "type": "pandas.ExcelDataset", "load_args": {"sep": ";"}}),
    ("people/metadata/description", " "),
    ("people/metadata/domain", "folk"),
    ("people/metadata/grain", "one person"),
    ("people/metadata/columns", {}),
    ("people/metadata/columns/name/description", _LEFT_OUT),
    ("people/metadata/columns/name/tests", ["not_null"]),
    ("people/metadata/columns/name/aliases", []),
    ("people/metadata/columns/Full Name", {"description": "Name"}),
    ("people/metadata/columns/name/pii/class", "secret"),
    ("people/metadata/columns/name/pii/kind", "name"),
    ("people/metadata/columns/name/pii/kind", _LEFT_OUT),
    ("people/metadata/columns/name/pii/reason", _LEFT_OUT),
    ("people/metadata/columns/name/pii/treatment", _LEFT_OUT),
    ("people/metadata/columns/age/pii", {"class": "none", "kind": "AGE"}),
    ("people/metadata/freshness/column", "age"),
    ("people/metadata/freshness/warn_after", "soon"),
    ("people/metadata/volume/min", -1),
    ("people/metadata/schema_contract/columns", "discard_row"),
    ("_tables/marts.dim_people/columns/years/type", "DECIMAL"),
    ("_tables/marts.dim_people/columns/years/required", True),
    ("_tables/marts.dim_people/columns/years/descripton", "x"),
    ("_tables/marts.dim_people/columns/name/tests", ["regex"]),
    ("_tables/marts.dim_people/columns/name/tests", [{"not_null": None, "unique": None}]),
    ("_tables/marts.dim_people/columns/name/tests", [{"not_null": None, "severity": "wrn"}]),
    ("_tables/marts.dim_people/tests", ["unique"]),
    ("_tables/marts.dim_people/tests", [{"row_count": {"min": 0.5}}]),
    ("_tables/marts.dim_people/materialized", "incremental"),
    ("_tables/marts.dim_people/published", "yes"),
    ("_tables/marts.dim_people/suppression/columns", _LEFT_OUT),
    ("_tables/marts.dim_people/months/column", _LEFT_OUT),
    ("people/metadata/months", {"column": "name"}),
    ("_tables/mart.dim_people", {"description": "x", "domain": "people"}),
    ("_masking_policy/mask_name/fingerprint", "abc"),
    ("_masking_policy/mask_name/treatment", "plaintext"),
    ("{layer}.{table}", _LEFT_OUT),
    ("{layer}.{table}/table_name", "people"),
    ("{layer}.{table}/connection/read_only", False),
    ("marts.more/database", _LEFT_OUT),
    ("marts.more/connection/backend", "sqlite"),
    ("marts.more/metadata", _LEFT_OUT),
]


def changed(place: str, value: object) -> dict[str, Any]:
    catalog = deepcopy(GOOD)
    *folders, last = place.split("/")
    within: Any = catalog
    for folder in folders:
        within = within[folder]
    if value is _LEFT_OUT:
        del within[last]
    else:
        within[last] = value
    return catalog


@pytest.fixture(scope="module")
def accepts() -> Callable[[object], bool]:
    schema = catalog_schema()
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    return lambda given: bool(validator.is_valid(given))


def reads(catalog: dict[str, Any], folder: Path) -> bool:
    path = folder / "catalog.yaml"
    path.write_text(yaml.safe_dump(catalog, sort_keys=False), encoding="utf-8")
    try:
        load_catalog(path)
    except CatalogError:
        return False
    return True


def test_the_project_s_own_catalog_is_of_the_form(accepts: Callable[[object], bool]) -> None:
    assert accepts(yaml.safe_load((ROOT / "catalog.yaml").read_text(encoding="utf-8")))


def test_a_catalog_with_a_bit_of_everything_is_good(
    accepts: Callable[[object], bool], tmp_path: Path
) -> None:
    assert accepts(GOOD)
    assert reads(GOOD, tmp_path)


@pytest.mark.parametrize(("place", "value"), GOOD_CHANGES)
def test_both_accept_what_is_good(
    place: str, value: object, accepts: Callable[[object], bool], tmp_path: Path
) -> None:
    catalog = changed(place, value)
    assert accepts(catalog)
    assert reads(catalog, tmp_path)


@pytest.mark.parametrize(("place", "value"), BAD_CHANGES)
def test_both_refuse_what_is_bad(
    place: str, value: object, accepts: Callable[[object], bool], tmp_path: Path
) -> None:
    catalog = changed(place, value)
    assert not accepts(catalog)
    assert not reads(catalog, tmp_path)
