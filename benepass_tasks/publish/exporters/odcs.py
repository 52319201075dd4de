"""Data contracts in the Open Data Contract Standard, one a table.

The standard is bitol.io's, version 3.1.0. A contract has what the catalog declares of its table:
columns with their types, what they promise, what is personal in them and what became of it, and who
owns them.
"""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import yaml

from benepass_tasks.catalog import Catalog, Column, DataTest, Layer, Pii, Table
from benepass_tasks.config.errors import ProjectError

STANDARD = "v3.1.0"
LAYERS: tuple[Layer, ...] = ("quality", "marts")
"""The layers that others than the pipeline read."""

LOGICAL_TYPES = {
    "BOOLEAN": "boolean",
    "TINYINT": "integer",
    "SMALLINT": "integer",
    "INTEGER": "integer",
    "BIGINT": "integer",
    "HUGEINT": "integer",
    "UTINYINT": "integer",
    "USMALLINT": "integer",
    "UINTEGER": "integer",
    "UBIGINT": "integer",
    "UHUGEINT": "integer",
    "DECIMAL": "number",
    "FLOAT": "number",
    "DOUBLE": "number",
    "DATE": "date",
    "TIME": "time",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
    "TIMESTAMPTZ": "timestamp",
}
"""The standard's word for a DuckDB type; for any other it is `string`."""


FLAGS = ("not_null", "unique")
"""The kinds of tests that are a flag of a column."""


def write_contracts(catalog: Catalog, warehouse: str, folder: Path) -> list[Path]:
    """Write a contract for each table that others read.

    Args:
        catalog: What declares the tables.
        warehouse: The DuckDB file they are in, as the contracts name it.
        folder: Where the contracts go; it is made if need be, and other files in it stay.

    Returns:
        The files, `<layer>.<table>.odcs.yaml`; the same catalog gives the same bytes.

    Raises:
        ProjectError: the folder cannot be written.
    """
    tables = [table for table in catalog.tables.values() if table.layer in LAYERS]
    files = {folder / f"{table.relation}.odcs.yaml": contract(table, warehouse) for table in tables}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, content in files.items():
            text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
            file.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise ProjectError(f"{folder} cannot be written: {error.strerror}") from error
    return list(files)


def contract(table: Table, warehouse: str) -> dict[str, object]:
    """The contract of a table, as the data that its YAML file holds."""
    content: dict[str, object] = {
        "apiVersion": STANDARD,
        "kind": "DataContract",
        "id": f"benepass-tasks:{table.relation}",
        "name": table.relation,
        "version": version("benepass-tasks"),
        "status": "active",
        "domain": table.domain,
        "team": {"name": table.domain} if table.domain else None,
        "description": {"purpose": table.description},
        "servers": [
            {
                "server": "warehouse",
                "type": "duckdb",
                "database": warehouse,
                "schema": table.layer,
            }
        ],
        "schema": [_table(table)],
    }
    return _without_empty(content)


def _table(table: Table) -> dict[str, object]:
    return _without_empty(
        {
            "name": table.name,
            "logicalType": "object",
            "physicalName": table.name,
            "physicalType": table.materialized,
            "description": table.description,
            "dataGranularityDescription": table.grain,
            "properties": [_column(column, table) for column in table.columns.values()],
            "quality": [_quality(test) for test in table.tests],
        }
    )


def _column(column: Column, table: Table) -> dict[str, object]:
    own_domain = column.domain if column.domain != table.domain else None
    custom = {"domain": own_domain, **_treatment(column.pii)}
    return _without_empty(
        {
            "name": column.name,
            **_types(column.type),
            "description": column.description,
            "required": _fails_without(column, "not_null"),
            "unique": _fails_without(column, "unique"),
            "classification": column.pii.class_,
            "quality": [_quality(test) for test in column.tests if not _is_flag(test)],
            "customProperties": [
                {"property": name, "value": value}
                for name, value in custom.items()
                if value is not None
            ],
        }
    )


def _fails_without(column: Column, kind: str) -> bool | None:
    """True where a run fails unless the column keeps its promise; None where it may go on."""
    return any(test.kind == kind and _is_flag(test) for test in column.tests) or None


def _is_flag(test: DataTest) -> bool:
    """Whether the standard has a flag for what is promised."""
    return test.kind in FLAGS and test.severity == "fail" and not test.arguments


def _quality(test: DataTest) -> dict[str, object]:
    words = ": ".join(part for part in (test.kind, test.arguments) if part)
    severity = "error" if test.severity == "fail" else "warning"
    return {"name": test.kind, "type": "text", "description": words, "severity": severity}


def _types(type_: str) -> dict[str, object]:
    if type_.endswith("[]"):
        item = _types(type_.removesuffix("[]"))
        return {"logicalType": "array", "physicalType": type_, "items": item}
    logical = LOGICAL_TYPES.get(type_.partition("(")[0], "string")
    return {"logicalType": logical, "physicalType": type_}


def _treatment(pii: Pii) -> dict[str, object]:
    """What the standard has no words for."""
    return {
        "piiKind": pii.kind,
        "piiSensitive": pii.sensitive or None,
        "piiTreatment": pii.treatment,
        "piiReason": pii.reason,
    }


def _without_empty(content: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in content.items() if value not in (None, [])}
