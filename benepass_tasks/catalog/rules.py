"""What the datasets of a catalog ask of each other, and a dataset's parts of each other.

`check_declarations` judges what the file says; `check_catalog` judges the effective catalog, since
a type or a class may be inherited. A problem's path begins with the dataset and goes on below its
metadata.
"""

from collections.abc import Iterator, Mapping, Sequence

from benepass_tasks.catalog import (
    events,
    fitting,
    form_rules,
    made_columns,
    publishing,
    reconciliation,
    records,
    retention,
    wording,
)
from benepass_tasks.catalog.datasets import (
    CONTRACTED,
    HEADCOUNT,
    AcceptedValues,
    Catalog,
    Column,
    DataTest,
    Declarations,
    DeclaredSource,
    DeclaredTable,
    DerivedFrom,
    Range,
    Regex,
    Relationships,
    Table,
    Unique,
)
from benepass_tasks.catalog.document import KeyPath, Problem
from benepass_tasks.catalog.header_names import ADDED, INGESTED, header_key
from benepass_tasks.catalog.implied import REJECTED

INSTANTS = ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE")
"""The types of a column that says how old a row is."""

_ONLY_TABLES = ("raw", "quality", "marts")


def check_declarations(declared: Declarations, names: Mapping[str, KeyPath]) -> Iterator[Problem]:
    """Judge what the file says.

    Args:
        declared: What it says; datasets of the wrong form are left out.
        names: Every dataset's name, those included.

    Yields:
        What is wrong, in no particular order.
    """
    for source in declared.sources.values():
        yield from _check_source_columns(source)
        yield from _check_aliases(source)
        yield from form_rules.check(source)
        yield from made_columns.check(source)
        yield from records.check(source)
        yield from events.check(source)
        yield from retention.check(source)
    for table in declared.tables.values():
        yield from _check_materialized(table)
        yield from _check_columns(table)
        yield from _check_source_of(table, names)
        yield from _check_watched(table)
    yield from _check_raw_tables(declared)


def _check_source_columns(source: DeclaredSource) -> Iterator[Problem]:
    for column in ADDED:
        if column in source.read_columns:
            message = "is a name that ingestion gives to a column of its own; choose another"
            yield Problem((source.name, "columns", column), message)
    if source.freshness and source.freshness.column:
        message = "a source is as fresh as its newest load: load: true, or name a table's column"
        yield Problem((source.name, "freshness", "column"), message)


def _check_aliases(source: DeclaredSource) -> Iterator[Problem]:
    """Each name of a header means one column, by the rules by which headers are matched."""
    meant = {header_key(column): column for column in source.columns}
    for column in source.columns.values():
        for alias in column.aliases:
            header = header_key(alias)
            wrong = _wrong_with_alias(header, alias, meant.get(header), column.name)
            if wrong:
                path = (source.name, "columns", column.name, "aliases")
                yield Problem(path, f"{wording.shown(alias)} {wrong}")
            meant.setdefault(header, column.name)


def _wrong_with_alias(header: str, alias: str, meant: str | None, column: str) -> str | None:
    if not header or "@" in alias:
        return "cannot be the name of a column in a header; remove it"
    if header in ADDED:
        return "is a name that ingestion gives to a column of its own; remove it"
    if meant == column:
        return f"means {column} already, since case and style do not matter; remove it"
    return f"means {meant} already; one of the two must go" if meant else None


def _check_materialized(table: DeclaredTable) -> Iterator[Problem]:
    if table.materialized != "view":
        return
    if table.layer in _ONLY_TABLES:
        message = f"must be table: nothing in {table.layer} is a view"
        yield Problem((table.relation, "materialized"), message)
    if table.volume:
        message = "must be left out: the rows of a view are not counted"
        yield Problem((table.relation, "volume"), message)


def _check_columns(table: DeclaredTable) -> Iterator[Problem]:
    is_needed = table.layer in CONTRACTED or table.relation == REJECTED
    if is_needed and not table.columns:
        message = f"is required in {table.layer}: every column, with its type"
        yield Problem((table.relation, "columns"), message)


def _check_source_of(table: DeclaredTable, names: Mapping[str, KeyPath]) -> Iterator[Problem]:
    path = (table.relation, "source")
    sources = [name for name in names if "." not in name]
    if table.relation == REJECTED and table.source:
        yield Problem(path, "must be left out: rejected rows come from all sources")
    elif table.layer != "raw" and table.source:
        yield Problem(path, "only a raw table has a source; remove it")
    elif table.layer == "raw" and table.relation != REJECTED:
        yield from _check_raw_source(table, path, sources)


def _check_raw_source(
    table: DeclaredTable, path: KeyPath, sources: Sequence[str]
) -> Iterator[Problem]:
    if table.source is None:
        message = f"is required for a raw table (sources: {wording.listed(sources)})"
        yield Problem(path, message)
    elif table.source not in sources:
        near = wording.meant(wording.nearest(table.source, sources))
        message = "no such source in the catalog"
        yield Problem(path, message + (near or f" (sources: {wording.listed(sources)})"))
    for name, kind in INGESTED.items():
        given = table.columns[name].type if name in table.columns else None
        if given not in (None, kind):
            message = f"must be {kind}, which is what ingestion writes, not {wording.shown(given)}"
            yield Problem((table.relation, "columns", name, "type"), message)


def _check_watched(table: DeclaredTable) -> Iterator[Problem]:
    if table.freshness and table.freshness.column is None and table.source is None:
        message = "only a source and its raw table are loaded; name a column instead"
        yield Problem((table.relation, "freshness", "load"), message)


def _check_raw_tables(declared: Declarations) -> Iterator[Problem]:
    loaded_by: dict[str, str] = {}
    for table in declared.tables.values():
        if table.layer == "raw" and table.source and table.relation != REJECTED:
            first = loaded_by.setdefault(table.source, table.relation)
            if first != table.relation:
                message = f"a source has one raw table, and '{table.source}' already has {first}"
                yield Problem((table.relation, "source"), message)
    for name, source in declared.sources.items():
        if name in loaded_by:
            yield from _check_raw_columns(declared.tables[loaded_by[name]], source)
        taken = declared.tables.get(f"raw.{name}")
        if name not in loaded_by and taken and taken.source in declared.sources:
            message = f"its raw table is {taken.relation}, which is loaded from {taken.source}"
            yield Problem((name,), message)


def _check_raw_columns(table: DeclaredTable, source: DeclaredSource) -> Iterator[Problem]:
    for column in table.columns:
        if column not in source.columns and column not in ADDED:
            near = wording.meant(wording.nearest(column, source.columns))
            there = near or f" (columns: {wording.listed(source.columns)})"
            message = f"source '{source.name}' has no such column{there}"
            yield Problem((table.relation, "columns", column), message)


def check_catalog(catalog: Catalog) -> Iterator[Problem]:
    """Judge the effective catalog.

    Yields:
        What is wrong, in no particular order.
    """
    for table in catalog.tables.values():
        yield from _check_key(table)
        yield from _check_derived_from(table, catalog)
        yield from _check_tests_of_columns(table, catalog)
        for index, test in enumerate(table.tests):
            if isinstance(test, Unique):
                path = (table.relation, "tests", index, "unique")
                yield from _check_names(path, test.columns, table)
        yield from _check_fresh_column(table)
        yield from _check_months(table)
    yield from publishing.check(catalog)
    yield from reconciliation.check(catalog)
    yield from retention.check_catalog(catalog)
    yield from _check_patterns(catalog)
    yield from form_rules.check_zones(catalog)


def _check_names(path: KeyPath, names: Sequence[str], table: Table) -> Iterator[Problem]:
    for index, name in enumerate(names):
        if name not in table.columns:
            yield Problem((*path, index), _no_such_column("in the table", name, table))


def _no_such_column(where: str, name: str, table: Table) -> str:
    near = wording.meant(wording.nearest(name, table.columns))
    there = near or f" (columns: {wording.listed(table.columns)})"
    return f"no such column {where}{there}"


def _check_key(table: Table) -> Iterator[Problem]:
    path = (table.relation, "key")
    yield from _check_names(path, table.key, table)
    for index, name in enumerate(table.key):
        if name in table.columns and table.columns[name].pii.class_ == "identifier":
            message = "identifies a person, and a key is shown; choose another column"
            yield Problem((*path, index), message)


def _check_derived_from(table: Table, catalog: Catalog) -> Iterator[Problem]:
    declared: list[tuple[KeyPath, DerivedFrom | None]] = [((table.relation,), table.derived_from)]
    declared += [
        ((table.relation, "columns", it.name), it.derived_from) for it in table.columns.values()
    ]
    known = [f"{it.name}.{name}" for it in catalog.sources.values() for name in it.columns]
    for path, derived_from in declared:
        for name in derived_from.columns if derived_from else ():
            if name not in known:
                near = wording.meant(wording.nearest(name, known))
                message = f"{name} is not a column of a source as employees.email is one{near}"
                yield Problem((*path, "derived_from", "column"), message)
    if table.derived_from and table.derived_from.reason == HEADCOUNT:
        message = f"{HEADCOUNT} is said of the column that counts; move it there"
        yield Problem((table.relation, "derived_from", "reason"), message)


def _check_tests_of_columns(table: Table, catalog: Catalog) -> Iterator[Problem]:
    for column in table.columns.values():
        for index, test in enumerate(column.tests):
            path = (table.relation, "columns", column.name, "tests", index)
            for below, message in _misfits(test, column, catalog):
                yield Problem((*path, *below), message)


def _misfits(test: DataTest, column: Column, catalog: Catalog) -> Iterator[tuple[KeyPath, str]]:
    """What of a test does not fit its column, by path."""
    if isinstance(test, Regex) and column.type != "VARCHAR":
        yield ("regex",), f"is for VARCHAR only, and the column is {column.type}"
    elif isinstance(test, AcceptedValues):
        for index, value in enumerate(test.values):
            wrong = fitting.misfit(value, column.type.removesuffix("[]"))
            if wrong:
                yield ("accepted_values", index), wrong
    elif isinstance(test, Range):
        yield from _range_misfits(test, column.type)
    elif isinstance(test, Relationships):
        yield from _relationship_misfits(test, column, catalog)


def _range_misfits(test: Range, kind: str) -> Iterator[tuple[KeyPath, str]]:
    if not fitting.is_ordered(kind):
        yield ("range",), f"is for numbers, dates and instants only, and the column is {kind}"
        return
    bounds = {"min": test.minimum, "max": test.maximum}
    wrong = {
        name: fitting.misfit(value, kind) for name, value in bounds.items() if value is not None
    }
    yield from ((("range", name), message) for name, message in wrong.items() if message)
    if any(wrong.values()) or test.minimum is None or test.maximum is None:
        return
    if not fitting.in_order(test.minimum, test.maximum):
        yield ("range", "max"), fitting.NOT_IN_ORDER


def _relationship_misfits(
    test: Relationships, column: Column, catalog: Catalog
) -> Iterator[tuple[KeyPath, str]]:
    to = catalog.tables.get(test.to)
    if to is None:
        near = wording.meant(wording.nearest(test.to, catalog.tables))
        yield ("relationships", "to"), "no such table in the catalog" + near
    elif test.column not in to.columns:
        near = wording.meant(wording.nearest(test.column, to.columns))
        there = near or f" (columns: {wording.listed(to.columns)})"
        yield ("relationships", "column"), f"{test.to} has no such column{there}"
    elif (found := to.columns[test.column].type) != (own := column.type.removesuffix("[]")):
        message = f"must be of the column's own type {own}, and {test.to}.{test.column}"
        yield ("relationships", "column"), f"{message} is {found}"


def _check_patterns(catalog: Catalog) -> Iterator[Problem]:
    patterns: list[tuple[KeyPath, str]] = [
        ((table.relation, "columns", column.name, "tests", index, "regex"), test.pattern)
        for table in catalog.tables.values()
        for column in table.columns.values()
        for index, test in enumerate(column.tests)
        if isinstance(test, Regex)
    ]
    patterns += [
        ((source.name, "census_part"), source.records.census_part)
        for source in catalog.sources.values()
        if source.records.census_part
    ]
    if not patterns:
        return
    import duckdb  # noqa: PLC0415 - only DuckDB knows what its expressions are

    with duckdb.connect(config={"threads": 1}) as connection:
        for path, pattern in patterns:
            try:
                connection.execute("select regexp_matches('', ?)", [pattern]).fetchall()
            except duckdb.Error as error:
                said = wording.shown(str(error).splitlines()[0])
                yield Problem(path, f"is not a regular expression of DuckDB: {said}")


def _check_fresh_column(table: Table) -> Iterator[Problem]:
    if table.freshness and table.freshness.column:
        path = (table.relation, "freshness", "column")
        yield from _check_instant(path, table.freshness.column, table)


def _check_months(table: Table) -> Iterator[Problem]:
    if table.months is None:
        return
    path, money = (table.relation, "months"), table.months.money
    yield from _check_instant((*path, "column"), table.months.column, table)
    if money and money not in table.columns:
        yield Problem((*path, "money"), _no_such_column("in the table", money, table))
    elif money and not (kind := table.columns[money].type).startswith("DECIMAL"):
        yield Problem((*path, "money"), f"must name a column of type DECIMAL, not {kind}")


def _check_instant(path: KeyPath, name: str, table: Table) -> Iterator[Problem]:
    if name not in table.columns:
        yield Problem(path, _no_such_column("in the table", name, table))
    elif (kind := table.columns[name].type) not in INSTANTS:
        message = f"must name a column of type {', '.join(INSTANTS[:-1])} or {INSTANTS[-1]}"
        yield Problem(path, f"{message}, not {kind}")
