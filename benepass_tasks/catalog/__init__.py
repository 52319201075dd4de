"""The catalog: the one place where sources, tables, their columns and their PII are declared.

`load_catalog` reads `catalog.yaml`, which is also a valid Kedro catalog, into plain frozen
dataclasses, or raises one `CatalogError` that lists everything wrong with the file.
"""

from benepass_tasks.catalog.datasets import (
    AcceptedValues,
    Catalog,
    Column,
    DataTest,
    Domain,
    Freshness,
    Layer,
    Mask,
    Materialized,
    NotNull,
    Pii,
    PiiClass,
    Range,
    Regex,
    Relationships,
    RowCount,
    Scalar,
    Severity,
    Source,
    SqlCheck,
    Suppression,
    Table,
    Treatment,
    Unique,
    Volume,
)
from benepass_tasks.catalog.load import load_catalog

__all__ = [
    "AcceptedValues",
    "Catalog",
    "Column",
    "DataTest",
    "Domain",
    "Freshness",
    "Layer",
    "Mask",
    "Materialized",
    "NotNull",
    "Pii",
    "PiiClass",
    "Range",
    "Regex",
    "Relationships",
    "RowCount",
    "Scalar",
    "Severity",
    "Source",
    "SqlCheck",
    "Suppression",
    "Table",
    "Treatment",
    "Unique",
    "Volume",
    "load_catalog",
]
