"""What is published: which files with which tables, columns, comments and rows.

Nothing here writes anything. The published database and the Parquet files hold the tables that the
catalog declares as published, each with its published columns only. Of the rows of a withheld
group, the columns that the catalog names are NULL.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benepass_tasks.catalog import Catalog, Column, Table
from benepass_tasks.config.digests import digest
from benepass_tasks.engine.quoting import quote_name

VERSION = "2"
"""Version of how tables are published; a change of it publishes all of them anew."""

DATABASE = "benepass.duckdb"
PARQUET = "parquet"
"""The folder of the Parquet files, below that of everything published."""

ASIDE = ".publishing"
"""The folder in which files are written before they take their place; private, and hidden."""

WITHHELD = quote_name("withheld groups")
"""The alias of the withheld groups, which is no name that a table can have."""

# What else is ours in the folder: files of tables that are not published any more, what a client
# that wrote into the database left beside it, and what a killed run left aside.
_OURS = re.compile(
    rf"{PARQUET}/(quality|marts)\.\w+\.parquet"
    rf"|{re.escape(DATABASE)}(\.wal)?|{re.escape(ASIDE)}"
)


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """A table as analysts get it.

    Attributes:
        table: What the catalog says of it.
        min_group_size: How many employees a group must have.
        group_columns: The columns that tell apart the groups of which some are withheld.
    """

    table: Table
    min_group_size: int
    group_columns: tuple[str, ...] = ()

    @property
    def relation(self) -> str:
        """The table's name, in the warehouse and in what is published alike."""
        return self.table.relation

    @property
    def file(self) -> str:
        """The Parquet file, as a path below the published folder; relations have one each."""
        return f"{PARQUET}/{self.relation}.parquet"

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that are published, in the catalog's order."""
        return tuple(column for column in self.table.columns.values() if column.published)

    @property
    def comment(self) -> str:
        """What the table holds, and what one row is."""
        grain = f" Grain: {self.table.grain}." if self.table.grain else ""
        return self.table.description + grain

    @property
    def comments(self) -> dict[str, str]:
        """What the values of each column mean, and when they are withheld."""
        withheld = (
            f" NULL where the row speaks of fewer than {self.min_group_size} employees, or would "
            "give such a row away."
        )
        return {
            column.name: column.description + (withheld if self._is_withheld(column) else "")
            for column in self.columns
        }

    @property
    def code_version(self) -> str:
        """Digest of everything but the rows."""
        columns = (f"{column.name} {column.type}" for column in self.columns)
        texts = (f"{name}: {comment}" for name, comment in self.comments.items())
        return digest(VERSION, self.relation, self.comment, *columns, *texts)

    def select(self, catalog: str) -> str:
        """SQL for the rows, from the table in an attached database, in an order of their own.

        It is the published values that are sorted, so that the order gives away no others.
        """
        columns = ",\n  ".join(self._value(column.name) for column in self.columns)
        source = quote_name(catalog, self.table.layer, self.table.name)
        return f"select\n  {columns}\nfrom {source}{self._join()}\norder by all"

    @property
    def has_groups(self) -> bool:
        """Whether it is in this table that small groups are found."""
        return bool(self.table.suppression and self.table.suppression.groups)

    @property
    def groups_relation(self) -> str | None:
        """The table whose groups decide what of this one is withheld; None where nothing is."""
        suppression = self.table.suppression
        return (suppression.follows or self.relation) if suppression else None

    def _join(self) -> str:
        if not self.groups_relation:
            return ""
        is_same = " and ".join(
            f"{self._column(name)} is not distinct from {WITHHELD}.{quote_name(name)}"
            for name in self.group_columns
        )
        return f"\nleft join {withheld_groups(self.groups_relation)} as {WITHHELD}\n  on {is_same}"

    def _value(self, column: str) -> str:
        value, condition = self._column(column), self._is_shown(column)
        shown = f"case when {condition} then {value} end" if condition else value
        return f"{shown} as {quote_name(column)}"

    def _column(self, column: str) -> str:
        return f"{quote_name(self.table.name)}.{quote_name(column)}"

    def _is_shown(self, column: str) -> str | None:
        """When a value is published, of which all are where there is no condition."""
        suppression = self.table.suppression
        if suppression is None or column not in suppression.withheld:
            return None
        is_told = f"{WITHHELD}.told is null"
        if column in suppression.sums:
            return f"{is_told} or {WITHHELD}.told >= 0"
        if column in self.group_columns:
            return f"{is_told} or {WITHHELD}.told > {self.group_columns.index(column)}"
        return is_told

    def _is_withheld(self, column: Column) -> bool:
        suppression = self.table.suppression
        return suppression is not None and column.name in suppression.withheld


@dataclass(frozen=True)
class Publication:
    """Everything that analysts get, as the catalog and the settings have it."""

    catalog: Catalog
    min_group_size: int
    is_masked: bool

    @cached_property
    def tables(self) -> Mapping[str, PublishedTable]:
        """The tables by relation, in the catalog's order."""
        return {
            relation: PublishedTable(table, self.min_group_size, self._group_columns(table))
            for relation, table in self.catalog.tables.items()
            if table.published
        }

    def _group_columns(self, table: Table) -> tuple[str, ...]:
        followed = table.suppression.follows if table.suppression else None
        suppression = self.catalog.tables[followed].suppression if followed else table.suppression
        return suppression.groups if suppression else ()

    @property
    def relations(self) -> tuple[str, ...]:
        """The tables that are published."""
        return tuple(self.tables)

    @cached_property
    def files(self) -> Mapping[str, str]:
        """Each file, as a path below the published folder, with the digest of its declaration."""
        code_versions = {table.file: table.code_version for table in self.tables.values()}
        return {DATABASE: digest(*code_versions.values()), **code_versions}

    def relations_of(self, file: str) -> tuple[str, ...]:
        """The tables whose rows decide what a file holds."""
        held = [table for table in self.tables.values() if file in (DATABASE, table.file)]
        groups = (table.groups_relation for table in held)
        relations = (*(table.relation for table in held), *(it for it in groups if it))
        return tuple(dict.fromkeys(relations))

    @cached_property
    def secrets(self) -> tuple[tuple[str, str, str], ...]:
        """The raw columns of which no value may be published: relation, column and kind.

        These are the identifiers of the sources. What some published column shows as plaintext is
        no secret: it is a first name, say, and as a word may stand anywhere.
        """
        shown = {
            column.pii.kind
            for table in self.tables.values()
            for column in table.columns
            if column.pii.class_ == "identifier" and column.pii.treatment == "plaintext"
        }
        return tuple(
            (self.catalog.raw_table_of(source.name).relation, column.name, str(column.pii.kind))
            for source in self.catalog.sources.values()
            for column in source.columns.values()
            if self.is_masked and column.pii.class_ == "identifier" and column.pii.kind not in shown
        )

    @property
    def inputs(self) -> frozenset[str]:
        """The tables whose rows decide what is published, and whether it may be."""
        return frozenset({*self.relations, *(relation for relation, _, _ in self.secrets)})

    @property
    def code_version(self) -> str:
        """Digest of everything but the rows."""
        secrets = (" ".join(secret) for secret in self.secrets)
        return digest(str(self.min_group_size), self.files[DATABASE], *secrets)


def withheld_groups(relation: str) -> str:
    """The temporary table of the withheld groups of a table, quoted.

    It has the columns of the groups, and `told`: how many of them, the widest first, are told of
    a row of the group that follows; -1 where not even a sum over all rows is.
    """
    return quote_name("temp", f"withheld from {relation}")


def published_files(folder: Path) -> dict[str, str]:
    """Find what is published: each file, as a path below the folder, with its state.

    The state is inode, size and times, as of a source's file. What a client or a killed run left
    is among them; other files in the folder are not ours, and not touched.
    """
    names = [*_names_in(folder), *(f"{PARQUET}/{name}" for name in _names_in(folder / PARQUET))]
    states = {name: file_state(folder / name) for name in names if _OURS.fullmatch(name)}
    return {name: state for name, state in states.items() if state}


def file_state(path: Path) -> str:
    """The state of a file: inode, mode, size and times; empty where there is none."""
    try:
        at = path.lstat()
    except FileNotFoundError:
        return ""
    return f"{at.st_ino}:{at.st_mode:o}:{at.st_size}:{at.st_mtime_ns}:{at.st_ctime_ns}"


def _names_in(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
