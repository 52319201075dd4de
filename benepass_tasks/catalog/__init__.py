"""The catalog: the one place where sources, tables, their columns and their PII are declared.

`load_catalog` reads `catalog.yaml`, which is also a valid Kedro catalog, into plain frozen
dataclasses, or raises one `CatalogError` that lists everything wrong with the file. What it reads
are declarations; the effective catalog, with what follows from the SQL where they are silent, is
made in `sqlmodels`.
"""

from benepass_tasks.catalog.datasets import (
    CONTRACTED,
    AcceptedValues,
    Catalog,
    Column,
    DataTest,
    Declarations,
    Domain,
    Freshness,
    Guards,
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
    SchemaContract,
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
    "CONTRACTED",
    "AcceptedValues",
    "Catalog",
    "Column",
    "DataTest",
    "Declarations",
    "Domain",
    "Freshness",
    "Guards",
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
    "SchemaContract",
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
