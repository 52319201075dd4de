"""The catalog: the one place where sources, tables, their columns and their PII are declared.

`load_catalog` reads `catalog.yaml`, which is also a valid Kedro catalog, into plain frozen
dataclasses, or raises one `CatalogError` that lists everything wrong with the file.
"""

from benepass_tasks.catalog.datasets import (
    Catalog,
    Column,
    Domain,
    Layer,
    Mask,
    Materialized,
    Pii,
    PiiClass,
    Source,
    Table,
    Treatment,
)
from benepass_tasks.catalog.load import load_catalog

__all__ = [
    "Catalog",
    "Column",
    "Domain",
    "Layer",
    "Mask",
    "Materialized",
    "Pii",
    "PiiClass",
    "Source",
    "Table",
    "Treatment",
    "load_catalog",
]
