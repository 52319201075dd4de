"""What is published for whom: which files with which tables, columns, comments and rows.

Nothing here writes anything. The published database and the Parquet files of an audience hold the
tables that it gets, each with its published columns only, of which personal ones are as it may see
them. Of the rows of a withheld group, the columns that the catalog names are NULL.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from benepass_tasks.catalog import Catalog, Column, Mask, Table
from benepass_tasks.catalog.audiences import (
    ANALYST,
    ANALYSTS,
    DAYS,
    Audience,
    Disclosure,
    IcebergPlace,
    Place,
    mask_for,
)
from benepass_tasks.config.digests import digest
from benepass_tasks.config.errors import ProjectError
from benepass_tasks.config.settings import Settings
from benepass_tasks.engine.quoting import quote_name

VERSION = "3"
"""Version of how tables are published; a change of it publishes all of them anew."""

DATABASE = "benepass.duckdb"
PARQUET = "parquet"
"""The folder of the Parquet files, below that of everything published."""

SUFFIX = ".parquet"
"""How their names end."""

WRITTEN = "published_aside"
"""The name under which the database is attached that is written aside."""

ASIDE = ".publishing"
"""The folder in which files are written before they take their place; private, and hidden."""

WITHHELD = quote_name("withheld groups")
"""The alias of the withheld groups, which is not a name that a table can have."""

# What else is ours in the folder: files of tables that are not published any more, what a client
# that wrote into the database left beside it, and what a killed run left aside.
_OURS = re.compile(
    rf"{PARQUET}/(quality|marts)\.\w+\.parquet"
    rf"|{re.escape(DATABASE)}(\.wal)?|{re.escape(ASIDE)}"
)


_SAID: Mapping[Disclosure, str] = {
    "mask": " Masked.",
    "hash": " As a keyed hash.",
    "generalise": " The first day of its year; of a number of days, whole years of 365.",
}
"""What a comment says of a column that is not as the warehouse has it."""


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """A table as an audience gets it.

    Attributes:
        table: What the catalog says of it.
        min_group_size: How many employees a group must have.
        group_columns: The columns that tell apart the groups of which some are withheld.
        audience: Whom it is for.
        masks: The masking policy.
        group_sizes: The numbers of employees up to that one that a group must have for some
            audience, in ascending order: what is withheld for one of them is withheld here, too.
        followers: The tables whose rows may be of groups that the table of the groups lacks.
    """

    table: Table
    min_group_size: int
    group_columns: tuple[str, ...] = ()
    audience: Audience = ANALYSTS
    masks: Mapping[str, Mask] = field(default_factory=dict)
    group_sizes: tuple[int, ...] = ()
    followers: tuple[str, ...] = ()

    @property
    def relation(self) -> str:
        """The table's name, in the warehouse and in what is published alike."""
        return self.table.relation

    @property
    def file(self) -> str:
        """The Parquet file, as a path below the published folder; relations have one each."""
        return f"{PARQUET}/{self.relation}{SUFFIX}"

    @property
    def months_folder(self) -> str:
        """Where its Parquet files are while it has one for each month, likewise."""
        return self.file.removesuffix(SUFFIX)

    @property
    def written(self) -> str:
        """The table in the database that is written aside, quoted."""
        return quote_name(WRITTEN, self.table.layer, self.table.name)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that the audience gets, in the catalog's order, as they arrive there."""
        return tuple(
            replace(column, type="VARCHAR") if self.macro_of(column) else column
            for column in self.table.columns.values()
            if column.published and self.audience.shows(column) != "drop"
        )

    @property
    def macros(self) -> frozenset[str]:
        """The macros that values pass on their way to the audience."""
        own = (self.table.columns[it.name] for it in self.columns)
        return frozenset(filter(None, map(self.macro_of, own)))

    def macro_of(self, column: Column) -> str | None:
        """The macro that a value passes on its way to the audience; None where none is needed."""
        disclosure = self.audience.shows(column)
        if disclosure not in ("mask", "hash") or column.pii.treatment == disclosure:
            return None
        return mask_for(column.pii, disclosure, self.masks)

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
            column.name: column.description
            + _SAID.get(self.audience.shows(column), "")
            + (withheld if self._is_withheld(column) else "")
            for column in self.columns
        }

    @property
    def code_version(self) -> str:
        """Digest of everything but the rows."""
        columns = (f"{column.name} {column.type}" for column in self.columns)
        texts = (f"{name}: {comment}" for name, comment in self.comments.items())
        masks = (f"{it} {self.masks[it].fingerprint}" for it in sorted(self.macros))
        sizes = map(str, self.group_sizes if self.groups_relation else ())
        return digest(VERSION, self.relation, self.comment, *columns, *texts, *masks, *sizes)

    def select(self, catalog: str) -> str:
        """SQL for the rows, from the table in an attached database, in an order of their own.

        It is the published values that are sorted, so that the order gives away no others.
        """
        columns = ",\n  ".join(self._value(self.table.columns[it.name]) for it in self.columns)
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

    def _value(self, column: Column) -> str:
        value, condition = self._disclosed(column), self._is_shown(column.name)
        shown = f"case when {condition} then {value} end" if condition else value
        return f"{shown} as {quote_name(column.name)}"

    def _disclosed(self, column: Column) -> str:
        """A value as the audience may see it."""
        value, macro = self._column(column.name), self.macro_of(column)
        if macro:
            return f"{quote_name(macro)}({value})"
        if self.audience.shows(column) != "generalise":
            return value
        if column.type in DAYS:
            return f"cast(floor({value} / 365.0) * 365 as {column.type})"
        return f"cast(date_trunc('year', {value}) as {column.type})"

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


@dataclass(frozen=True, slots=True)
class Part:
    """What an audience reads elsewhere than in files, and gets at once: a schema, or a table.

    Attributes:
        name: What stands for it, as the path of a file does for a file.
        place: Where it is.
        tables: The tables that it holds: all of a schema, and one of a namespace of Iceberg.
        code_version: Digest of everything but the rows.
    """

    name: str
    place: Place
    tables: tuple[PublishedTable, ...]
    code_version: str


@dataclass(frozen=True)
class Publication:
    """Everything that an audience gets, as the catalog and the settings have it.

    Attributes:
        catalog: What is declared.
        min_group_size: How many employees a group must have.
        is_masked: Whether the warehouse holds personal data masked.
        audience: Whom it is for.
        group_sizes: As of its tables.
        folder: Where its files are; None where it has none.
        hash_key: A digest of the key of its hashes; empty where there is none.
        env: The environment whose data it is; empty where there is one alone.
        keep_snapshots: How many versions of a table in a lake can be read.
    """

    catalog: Catalog
    min_group_size: int
    is_masked: bool
    audience: Audience = ANALYSTS
    group_sizes: tuple[int, ...] = ()
    folder: Path | None = None
    hash_key: str = ""
    env: str = ""
    keep_snapshots: int = 1

    @cached_property
    def tables(self) -> Mapping[str, PublishedTable]:
        """The tables by relation, in the catalog's order."""
        return {
            relation: self._published(table)
            for relation, table in self.catalog.tables.items()
            if table.published and self.audience.gets(relation)
        }

    @property
    def grouped(self) -> Sequence[PublishedTable]:
        """The tables whose groups decide what is withheld, also those that it does not get."""
        names = dict.fromkeys(it.groups_relation for it in self.tables.values())
        return [self._published(self.catalog.tables[it]) for it in names if it]

    @property
    def macros(self) -> frozenset[str]:
        """The macros that values pass on their way to the audience."""
        return frozenset[str]().union(*(it.macros for it in self.tables.values()))

    def _published(self, table: Table) -> PublishedTable:
        return PublishedTable(
            table,
            self.min_group_size,
            self._group_columns(table),
            self.audience,
            self.catalog.masks,
            self.group_sizes or (self.min_group_size,),
            self._followers(table),
        )

    def _followers(self, table: Table) -> tuple[str, ...]:
        """The marts that follow a table, and may have groups that it lacks.

        Those are of anonymised charges: a programme that has no account any more.
        """
        if not any(it.anonymises_charges for it in self.catalog.sources.values()):
            return ()
        return tuple(
            it.relation
            for it in self.catalog.tables.values()
            if it.layer == "marts" and it.suppression and it.suppression.follows == table.relation
        )

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
        key = (self.hash_key,) if self.macros else ()
        access = repr(self.audience.access)
        code_versions = {
            table.file: digest(table.code_version, access, *key) for table in self.tables.values()
        }
        return {DATABASE: digest(*code_versions.values()), **code_versions}

    @cached_property
    def parts(self) -> Mapping[str, Part]:
        """What it gets elsewhere than in files, by name."""
        return {it.name: it for parts in self.parts_by_place.values() for it in parts}

    @cached_property
    def parts_by_place(self) -> Mapping[Place, Sequence[Part]]:
        """The same, by where it is."""
        return {it: tuple(self._parts_in(it)) for it in self.audience.places.values()}

    def _parts_in(self, place: Place) -> Iterator[Part]:
        tables = tuple(self.tables.values())
        if isinstance(place, IcebergPlace):
            for it in tables:
                name = f"{place.name}/{it.table.name}"
                yield Part(name, place, (it,), self.files[it.file])
        else:
            yield Part(place.name, place, tables, self.code_version)

    def paths_of(self, relation: str) -> tuple[str, ...]:
        """Where a table is, below the published folder; a folder of months ends with a slash."""
        table = self.tables[relation]
        is_in_months = self.folder is not None and (self.folder / table.months_folder).is_dir()
        return DATABASE, f"{table.months_folder}/" if is_in_months else table.file

    def relations_of(self, name: str) -> tuple[str, ...]:
        """The tables whose rows decide what a file or a part holds."""
        part = self.parts.get(name)
        tables = part.tables if part else self.tables.values()
        held = [it for it in tables if part or name in (DATABASE, it.file)]
        groups = (table.groups_relation for table in held)
        relations = (*(table.relation for table in held), *(it for it in groups if it))
        return tuple(dict.fromkeys(relations))

    @cached_property
    def secrets(self) -> tuple[tuple[str, str, str], ...]:
        """The raw columns of which no value may be published: relation, column and kind.

        These are the identifiers of the sources. What some audience may see as plaintext is not
        looked for: it is a first name, say, and as a word may stand anywhere.
        """
        shown = {
            column.pii.kind
            for table in self.catalog.tables.values()
            for column in table.columns.values()
            if table.published
            and column.published
            and column.pii.class_ == "identifier"
            and column.pii.treatment == "plaintext"
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


def publications_of(settings: Settings, catalog: Catalog) -> Mapping[str, Publication]:
    """What is published for each audience, by its name, that of analysts first.

    Raises:
        ProjectError: a folder is that of something else.
    """
    audiences = _audiences(settings, catalog)
    sizes = {name: it.min_group_size or settings.min_group_size for name, it in audiences.items()}
    folders = folders_of(settings, catalog)
    return {
        name: Publication(
            catalog,
            sizes[name],
            settings.pii_masking,
            it,
            tuple(sorted({size for size in sizes.values() if size <= sizes[name]})),
            folders.get(name),
            settings.hash_key.fingerprint if settings.hash_key else "",
            settings.env,
            settings.keep_snapshots,
        )
        for name, it in audiences.items()
    }


def _audiences(settings: Settings, catalog: Catalog) -> Mapping[str, Audience]:
    """The audiences; those of a branch do not get theirs where those of its parent do."""
    declared = catalog.audiences or {ANALYST: ANALYSTS}
    if settings.parent is None:
        return declared
    return {
        name: replace(it, folder=None, postgres=None, iceberg=None, bucket=None)
        for name, it in declared.items()
    }


def folders_of(settings: Settings, catalog: Catalog) -> Mapping[str, Path]:
    """The folder of each audience that gets files.

    Where an audience names none, it is beside that of analysts and called like it, with a dot and
    the audience: whoever serves the one serves no file of the other.

    Raises:
        ProjectError: a folder is that of something else, or lies in one that others read.
    """
    found: dict[str, Path] = {}
    for name, it in _audiences(settings, catalog).items():
        if name == ANALYST:
            found[name] = settings.published_dir
        elif it.folder is not None:
            found[name] = settings.project_dir / it.folder
        elif it.has_files:
            found[name] = settings.published_dir.with_name(f"{settings.published_dir.name}.{name}")
    _refuse_taken(settings, found)
    return found


def _refuse_taken(settings: Settings, folders: Mapping[str, Path]) -> None:
    """Links are followed: two names may lead to one folder."""
    private = (settings.data_dir, settings.warehouse.parent, settings.project_dir)
    taken = {it.resolve(): f"is {it.name or it}, which is not its own" for it in private}
    open_ = {settings.site_dir.resolve(): "the site"}
    for name, folder in folders.items():
        at = folder.resolve()
        wrong = taken.get(at) or next(
            (
                f"is, holds or lies in the folder of {whose}"
                for other, whose in open_.items()
                if name != ANALYST and (at.is_relative_to(other) or other.is_relative_to(at))
            ),
            "is a file" if folder.is_file() else None,
        )
        if wrong:
            raise ProjectError(
                f"audience {name}: its folder {folder} {wrong}. Name another one as "
                f"_audiences.{name}.folder in catalog.yaml"
            )
        open_[at] = name


def publication_of_site(settings: Settings, catalog: Catalog) -> Publication:
    """What the pages show: what is published for the audience that `site_audience` names.

    Raises:
        ProjectError: there is no such audience, or it gets no files.
    """
    publications = publications_of(settings, catalog)
    found = publications.get(settings.site_audience)
    if found is None or found.folder is None:
        there = ", ".join(name for name, it in publications.items() if it.folder)
        what = "gets no files, of which pages are made" if found else "is not an audience"
        raise ProjectError(
            f"--benepass-site-audience is {settings.site_audience}, which {what}; there are {there}"
        )
    return found


def withheld_groups(relation: str) -> str:
    """The temporary table of the withheld groups of a table, quoted.

    It has the columns of the groups, and `told`: how many of them, the widest first, are told of
    a row of the group that follows; -1 where not even a sum over all rows is.
    """
    return quote_name("temp", f"withheld from {relation}")


def published_files(folder: Path) -> dict[str, str]:
    """Find what is published: each file, as a path below the folder, with its state.

    A table with a file for each month is here by the name that its only file would have. What a
    client or a killed run left is among them; other files in the folder are not ours, and not
    touched.
    """
    tables = {it.removesuffix(SUFFIX) for it in _names_in(folder / PARQUET)}
    names = [*_names_in(folder), *(f"{PARQUET}/{it}{SUFFIX}" for it in sorted(tables))]
    states = {name: published_state(folder, name) for name in names if _OURS.fullmatch(name)}
    return {name: state for name, state in states.items() if state}


_NOTHING: Mapping[str, str] = MappingProxyType({})


def published_state(folder: Path, name: str, known: Mapping[str, str] = _NOTHING) -> str:
    """The state of what is published under a name: of its file, and of its months; empty if none.

    Args:
        folder: The published folder.
        name: The name, as a path below it.
        known: The states that some months were found in, by their files.
    """
    states = {**month_states(folder / name.removesuffix(SUFFIX)), **known}
    of_months = digest(*(f"{it} {states[it]}" for it in sorted(states))) if states else ""
    return " ".join(filter(None, (file_state(folder / name), of_months)))


def month_states(months: Path) -> dict[str, str]:
    """The state of each file of a folder that has one for each month; none where there is none.

    What is hidden is not seen: readers of Parquet do not look at it either.
    """
    return {it: file_state(months / it) for it in _names_in(months) if not it.startswith(".")}


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
