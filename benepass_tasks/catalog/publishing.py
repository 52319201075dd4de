"""What may be published: rules on the tables that analysts get, as in `rules`."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import get_args

from benepass_tasks.catalog import wording
from benepass_tasks.catalog.audiences import ANALYST, Audience, wrong_with
from benepass_tasks.catalog.datasets import (
    CONTRACTED,
    Catalog,
    Column,
    PiiClass,
    Suppression,
    Table,
)
from benepass_tasks.catalog.document import KeyPath, Problem
from benepass_tasks.config.project import MIN_GROUP_SIZE

AUDIENCES = "_audiences"
"""The key of those for whom something is published; Kedro skips it, as all that begin so."""

COUNTS = ("BIGINT", "INTEGER")
"""The types of a column that counts employees."""

Groups = Mapping[str, Sequence[str]]
"""The columns that tell the groups of a published table apart, by relation."""


def check(catalog: Catalog) -> Iterator[Problem]:
    """Apply the rules to the tables.

    Yields:
        What is wrong, in no particular order.
    """
    groups = {
        table.relation: table.suppression.groups
        for table in catalog.tables.values()
        if table.published and table.suppression and table.suppression.groups
    }
    for table in catalog.tables.values():
        path = (table.relation, "suppression")
        if table.published and table.layer not in CONTRACTED:
            message = (
                f"must not be true: only tables of {' and '.join(CONTRACTED)} are published; "
                "the layers before hold records as they came in"
            )
            yield Problem((table.relation, "published"), message)
        elif table.published:
            yield from _check_columns(table)
            yield from _check_follows_all(path, table, groups)
        if table.suppression and table.published:
            yield from _check_suppression(path, table.suppression, _published(table), groups)
        elif table.suppression:
            yield Problem(path, "must be left out: the table is not published")
    for audience in catalog.audiences.values():
        yield from _check_audience(audience, catalog)
    yield from _check_places(catalog.audiences)


def _check_audience(audience: Audience, catalog: Catalog) -> Iterator[Problem]:
    path = (AUDIENCES, audience.name)
    published = [name for name, table in catalog.tables.items() if table.published]
    for index, name in enumerate(audience.datasets or ()):
        if name not in published:
            near = wording.meant(wording.nearest(name, published))
            message = near or f" (tables with published: true: {wording.listed(published)})"
            yield Problem((*path, "datasets", index), f"{name} is not published{message}")
    columns = [
        column
        for name in published
        if audience.gets(name)
        for column in _published(catalog.tables[name]).values()
        if column.pii.is_personal
    ]
    for name in filter(audience.gets, published):
        own = _published(catalog.tables[name]).values()
        if own and all(audience.shows(it) == "drop" for it in own):
            message = f"leaves no column of {name}; leave it out of datasets"
            yield Problem((*path, "treatment"), message)
    yield from _check_disclosures(path, audience, columns, catalog)
    named = sorted(
        {
            column.pii.kind or ""
            for column in columns
            if column.pii.class_ == "identifier" and audience.shows(column) == "plaintext"
        }
    )
    yield from _check_named_people(path, audience, named)
    if audience.places:
        names = [name.partition(".")[2] for name in filter(audience.gets, published)]
        for name in sorted({it for it in names if names.count(it) > 1}):
            message = f"must have one table called {name}: no layers are there"
            yield Problem((*path, "datasets"), message)
    least = audience.min_group_size
    if least is not None and least < MIN_GROUP_SIZE and audience.reason is None:
        message = f"is required where groups of fewer than {MIN_GROUP_SIZE} employees are shown"
        yield Problem((*path, "reason"), message)


def _check_disclosures(
    path: KeyPath, audience: Audience, columns: Sequence[Column], catalog: Catalog
) -> Iterator[Problem]:
    of_tables = [it.columns for it in catalog.tables.values()]
    everything = [*(it.columns for it in catalog.sources.values()), *of_tables]
    known = {column.pii.kind: None for it in everything for column in it.values()}
    for name in audience.disclosures:
        if name not in (*get_args(PiiClass), *known):
            near = wording.meant(wording.nearest(name, [*filter(None, known)]))
            there = near or f" (kinds: {wording.listed([*filter(None, known)])})"
            message = f"no column is of this kind{there}"
            yield Problem((*path, "treatment", name), message)
    for column in columns:
        wrong = wrong_with(column, audience.shows(column), catalog.masks)
        if wrong:
            key = column.pii.kind if column.pii.kind in audience.disclosures else column.pii.class_
            yield Problem((*path, "treatment", key), wrong)


def _check_named_people(
    path: KeyPath, audience: Audience, named: Sequence[str]
) -> Iterator[Problem]:
    """Whoever sees people by name has a reason, and nobody else can read the files."""
    if not named:
        return
    kinds = wording.listed(named)
    if audience.name == ANALYST:
        message = f"must not show {kinds}: analysts see nobody's name; declare another audience"
        yield Problem((*path, "treatment"), message)
    elif audience.reason is None:
        yield Problem((*path, "reason"), f"is required where {kinds} is shown as plaintext")
    if audience.access.is_for_all:
        message = f"must not let everybody read {kinds}; take '0640' and a group"
        yield Problem((*path, "mode"), message)


def _check_places(audiences: Mapping[str, Audience]) -> Iterator[Problem]:
    """No folder, schema, role or namespace serves two, and no folder lies in another's."""
    folders, taken = dict[PurePosixPath, str](), dict[tuple[str, str], str]()
    for name, audience in audiences.items():
        path = (AUDIENCES, name)
        if audience.folder is not None:
            folder = PurePosixPath(audience.folder)
            if name == ANALYST:
                message = "must be left out: published_dir of [benepass] names it"
                yield Problem((*path, "folder"), message)
            for other, whose in folders.items():
                if folder.is_relative_to(other) or other.is_relative_to(folder):
                    message = f"must not be, hold or lie in {other}, the folder of {whose}"
                    yield Problem((*path, "folder"), message)
            folders[folder] = name
        for kind, place in audience.places.items():
            for key, owned in place.owned.items():
                whose = taken.setdefault((key, f"{place.name.partition('/')[0]}/{owned}"), name)
                if whose != name:
                    message = f"must be another than that of {whose}"
                    yield Problem((*path, kind, key), message)


def _published(table: Table) -> Mapping[str, Column]:
    return {name: column for name, column in table.columns.items() if column.published}


def _check_columns(table: Table) -> Iterator[Problem]:
    path = (table.relation, "columns")
    if not _published(table):
        yield Problem(path, "must have a column that is published, where the table is")
    for column in _published(table).values():
        if column.pii.class_ == "identifier" and column.pii.treatment == "drop":
            message = "must be false: an identifier to be dropped is not published"
            yield Problem((*path, column.name, "published"), message)
        if column.type == "HUGEINT":
            message = "must not be HUGEINT in a published column: Parquet has no such type"
            yield Problem((*path, column.name, "type"), f"{message}; use DECIMAL(38,0)")


def _check_follows_all(path: KeyPath, table: Table, groups: Groups) -> Iterator[Problem]:
    """A table with rows of another's groups must withhold with it, or gives the groups away."""
    follows = table.suppression.follows if table.suppression else None
    for other, told_apart_by in groups.items():
        last = told_apart_by[-1]
        if other != table.relation and last in table.columns and follows != other:
            message = (
                f"must say which columns are withheld with {other}: the table has its column "
                f"{last}; add suppression: {{follows: {other}, columns: [...]}}"
            )
            yield Problem(path, message)


def _check_suppression(
    path: KeyPath, declared: Suppression, columns: Mapping[str, Column], groups: Groups
) -> Iterator[Problem]:
    if declared.follows is None:
        yield from _check_grouped(path, declared, columns)
    else:
        yield from _check_follower(path, declared, declared.follows, columns, groups)
    if declared.employees in declared.columns:
        message = f"must not repeat {declared.employees}, which is withheld in any case"
        yield Problem((*path, "columns"), message)
    others = [it for it in declared.columns if it != declared.employees]
    yield from _check_named((*path, "columns"), others, columns)


def _check_grouped(
    path: KeyPath, declared: Suppression, columns: Mapping[str, Column]
) -> Iterator[Problem]:
    """The table that has a row for each group."""
    for key in ("employees", "groups"):
        if not getattr(declared, key):
            message = "is required, or follows, which names the table that has the groups"
            yield Problem((*path, key), message)
    if declared.sums:
        message = "must be left out: only a table that follows another has rows to be summed"
        yield Problem((*path, "sums"), message)
    if declared.employees:
        yield from _check_named((*path, "employees"), [declared.employees], columns)
        counted = columns.get(declared.employees)
        if counted and counted.type not in COUNTS:
            message = f"must name a column that counts, {' or '.join(COUNTS)}, not {counted.type}"
            yield Problem((*path, "employees"), message)
    yield from _check_named((*path, "groups"), declared.groups, columns)
    for name in set(declared.groups) & set(declared.columns):
        yield Problem((*path, "columns"), f"must not have {name}, which names the group")


def _check_follower(
    path: KeyPath,
    declared: Suppression,
    followed: str,
    columns: Mapping[str, Column],
    groups: Groups,
) -> Iterator[Problem]:
    """A table that has rows of the groups of another."""
    for key in ("employees", "groups"):
        if getattr(declared, key):
            yield Problem((*path, key), "must be left out: the table that is followed has it")
    if followed not in groups:
        near = wording.meant(wording.nearest(followed, groups))
        found = near or f" (tables with groups: {wording.listed(groups)})"
        message = "must name a published table whose suppression has groups" + found
        yield Problem((*path, "follows"), message)
    missing = [it for it in groups.get(followed, ()) if it not in columns]
    if missing:
        message = f"must name a table whose groups this one has; missing: {wording.listed(missing)}"
        yield Problem((*path, "follows"), message)
    yield from _check_named((*path, "sums"), declared.sums, columns)
    for name in set(declared.sums) & set(declared.columns):
        yield Problem((*path, "sums"), f"must not repeat {name} of columns")


def _check_named(
    path: KeyPath, names: Sequence[str], columns: Mapping[str, Column]
) -> Iterator[Problem]:
    for name in names:
        if name not in columns:
            near = wording.meant(wording.nearest(name, columns))
            there = near or f" (there are {wording.listed(columns)})"
            yield Problem(path, f"no published column is called {name}{there}")
