"""What the code versions of several kinds of nodes are made of."""

from collections.abc import Iterator, Mapping

from benepass_tasks.catalog import Table
from benepass_tasks.sqlmodels import Model


def shape(table: Table) -> Iterator[str]:
    """The columns of a table with their types."""
    return (f"{column.name} {column.type}" for column in table.columns.values())


def settings_of(model: Model, variables: Mapping[str, str]) -> Iterator[str]:
    """The settings that a model's SQL reads, with what stands for their values."""
    return (f"{name}={variables[name]}" for name in sorted(model.variables))
