"""Whether a table has the columns that the catalog declares, with their types."""

from collections.abc import Iterator, Mapping

from benepass_tasks.catalog import Table
from benepass_tasks.catalog.datasets import DeclaredTable
from benepass_tasks.catalog.wording import meant, nearest, printable
from benepass_tasks.config.errors import ContractError


def refuse_other_columns(table: DeclaredTable, found: Mapping[str, str], path: str) -> None:
    """Compare a model's columns with those that the catalog declares.

    Args:
        table: What the catalog declares; a type that it leaves out may be any.
        found: The columns that there are, with their types.
        path: The model's file, for the message.

    Raises:
        ContractError: a column is missing, is not declared, or is of another type; the message
            has a line for each.
    """
    problems = [
        *_missing(table, found),
        *_undeclared(table, found),
        *_of_another_type(table, found),
    ]
    if problems:
        raise ContractError(
            f"{path}: {table.relation} is not as catalog.yaml declares it:\n" + "\n".join(problems)
        )


def refuse_other_raw_columns(table: Table, found: Mapping[str, str]) -> None:
    """Compare a raw table's columns with those that the catalog declares.

    It may have more of them: a file may bring columns that are not declared.

    Args:
        table: What the catalog declares.
        found: The columns that there are, with their types.

    Raises:
        ContractError: a column is missing or of another type.
    """
    problems = [
        f"  {printable(name)}: declared {column.type}, found {found.get(name, 'no such column')}"
        for name, column in table.columns.items()
        if found.get(name) != column.type
    ]
    if problems:
        raise ContractError(
            f"{table.relation} is not as catalog.yaml declares it:\n"
            + "\n".join(problems)
            + f"\n  drop the table, and the next run loads it again: drop table {table.relation}"
        )


def _missing(table: DeclaredTable, found: Mapping[str, str]) -> Iterator[str]:
    for name in table.columns.keys() - found.keys():
        near = meant(nearest(name, found.keys() - table.columns.keys()))
        yield (
            f"  {printable(name)}: declared {table.columns[name].type}, found no such column: "
            f"add it to the SQL, or remove it from the catalog{printable(near)}"
        )


def _undeclared(table: DeclaredTable, found: Mapping[str, str]) -> Iterator[str]:
    for name in found.keys() - table.columns.keys():
        yield (
            f"  {printable(name)}: not declared, found {found[name]}: declare it under "
            f"{table.relation}.metadata.columns, or do not select it"
        )


def _of_another_type(table: DeclaredTable, found: Mapping[str, str]) -> Iterator[str]:
    for name, column in table.columns.items():
        if name in found and column.type not in (None, found[name]):
            yield (
                f"  {printable(name)}: declared {column.type}, found {printable(found[name])}: "
                "cast it in the SQL, or correct its type in the catalog"
            )
