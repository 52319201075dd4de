"""What a dataset's name asks of it, and what the datasets ask of each other.

These rules read the document's plain data rather than loaded datasets, so that they can speak up
beside the errors of the schemas. They look no deeper than they must, and leave a value of the
wrong type to the schema, which says so.
"""

from collections.abc import Iterator, Mapping
from typing import TypeAlias, get_args

from benepass_tasks.catalog import monitoring, publishing, wording
from benepass_tasks.catalog.datasets import Layer
from benepass_tasks.catalog.document import Problem, mapping_at, value_at
from benepass_tasks.catalog.header_names import INGESTED, column_name

SOURCE_TYPE = "pandas.CSVDataset"
TABLE_TYPE = "ibis.TableDataset"
# The one raw table without a source: what no raw table could take ends up there.
REJECTED = "raw.rejected_rows"
# What tells the rows of such a table apart, unless it has a key of its own.
PROVENANCE = ("_source_file", "_row_number")
_SOURCE_KEYS = frozenset({"filepath", "load_args"})
_TABLE_KEYS = frozenset({"table_name", "database", "connection"})
_LAYERS: tuple[str, ...] = get_args(Layer)
_ONLY_TABLES = ("raw", "quality", "marts")

_Datasets: TypeAlias = Mapping[str, Mapping[object, object]]


def is_table(name: str, declared: Mapping[object, object]) -> bool:
    """Tell a table from a source, even if one of its signs is wrong.

    Otherwise one wrong name or type would make every other line of the dataset wrong too.

    Args:
        name: The dataset's name.
        declared: What the catalog says of it.
    """
    named = 1 if "." in name else -1
    kind = declared.get("type")
    typed = (kind == TABLE_TYPE) - (kind == SOURCE_TYPE)
    keyed = bool(_TABLE_KEYS & declared.keys()) - bool(_SOURCE_KEYS & declared.keys())
    return (named + typed + keyed or named) > 0


def check(datasets: _Datasets) -> Iterator[Problem]:
    """Apply every rule of this module.

    Args:
        datasets: The datasets by name; each at least a mapping.

    Yields:
        What is wrong, in no particular order.
    """
    sources = {n: d for n, d in datasets.items() if not is_table(n, d)}
    tables = {n: d for n, d in datasets.items() if is_table(n, d)}
    for name, source in sources.items():
        yield from _check_source_name(name)
        yield from _check_source_columns(name, source)
        yield from _check_aliases(name, source)
        yield from monitoring.check_source(name, source)
    for name, table in tables.items():
        yield from _check_table_name(name)
        yield from _check_agreement(name, table)
        yield from _check_materialized(name, table)
        yield from _check_source_of(name, table, sources)
        yield from monitoring.check_table(name, table)
    yield from publishing.check(tables)
    yield from _check_one_raw_table(sources, tables)
    yield from _check_relationships(tables)
    yield from _check_patterns(tables)


def _check_source_name(name: str) -> Iterator[Problem]:
    if "." in name:
        yield Problem((name,), "the name of a source has no dot; <layer>.<table> names a table")
        return
    wrong = wording.not_snake_case(name)
    if wrong:
        yield Problem((name,), wrong)


def _check_source_columns(name: str, source: object) -> Iterator[Problem]:
    for column in INGESTED:
        if column in mapping_at(source, "metadata", "columns"):
            message = "is a name that ingestion gives to a column of its own; choose another"
            yield Problem((name, "metadata", "columns", column), message)


def _check_aliases(name: str, source: object) -> Iterator[Problem]:
    """Each name of a header means one column, by the rules by which headers are matched."""
    columns = mapping_at(source, "metadata", "columns")
    meant = {column_name(column): column for column in columns if isinstance(column, str)}
    for column, declared in columns.items():
        aliases = value_at(declared, "aliases")
        given = aliases if isinstance(aliases, list) else ()
        for alias in dict.fromkeys(it for it in given if isinstance(it, str)):
            header = column_name(alias)
            wrong = _wrong_with_alias(header, alias, meant.get(header), column)
            if wrong:
                path = (name, "metadata", "columns", column, "aliases")
                yield Problem(path, f"{wording.shown(alias)} {wrong}")
            meant.setdefault(header, str(column))


def _wrong_with_alias(header: str, alias: str, meant: str | None, column: object) -> str | None:
    if not header or "@" in alias:
        return "cannot be the name of a column in a header; remove it"
    if header in INGESTED:
        return "is a name that ingestion gives to a column of its own; remove it"
    if meant == column:
        return f"means {column} already, since case and style do not matter; remove it"
    return f"means {meant} already; one of the two must go" if meant else None


def _check_table_name(name: str) -> Iterator[Problem]:
    layer, dot, table = name.partition(".")
    if not dot:
        message = f"a table is called <layer>.<table>, the layer one of {', '.join(_LAYERS)}"
        yield Problem((name,), message)
        return
    if layer not in _LAYERS:
        yield Problem((name,), f"the layer {wording.one_of(layer, _LAYERS)}")
    wrong = wording.not_snake_case(table)
    if wrong:
        yield Problem((name,), wrong)


def _check_agreement(name: str, table: object) -> Iterator[Problem]:
    layer, _, table_name = name.partition(".")
    for key, expected in (("table_name", table_name), ("database", layer)):
        given = value_at(table, key)
        # A wrong name is told as such, and nothing can be asked to agree with it.
        valid = not wording.not_snake_case(expected) and (key != "database" or layer in _LAYERS)
        if valid and isinstance(given, str) and given.strip() != expected:
            message = (
                f"must be '{expected}', as the dataset's name says, not {wording.shown(given)}"
            )
            yield Problem((name, key), message)


def _check_materialized(name: str, table: object) -> Iterator[Problem]:
    layer = name.partition(".")[0]
    if layer in _ONLY_TABLES and value_at(table, "metadata", "materialized") == "view":
        message = f"must be table: nothing in {layer} is a view"
        yield Problem((name, "metadata", "materialized"), message)


def _check_source_of(name: str, table: object, sources: _Datasets) -> Iterator[Problem]:
    metadata = value_at(table, "metadata")
    if not isinstance(metadata, Mapping):
        return
    path = (name, "metadata", "source")
    if name == REJECTED or not name.startswith("raw."):
        if "source" in metadata:
            yield Problem(path, _no_source_here(name))
        return
    source = metadata.get("source")
    if "source" not in metadata:
        yield Problem(path, f"is required for a raw table (sources: {wording.listed(sources)})")
    elif isinstance(source, str) and source not in sources:
        yield Problem(path, _no_such_source(source, sources))
    elif isinstance(source, str):
        yield from _check_raw_columns(name, table, source, sources[source])


def _no_source_here(name: str) -> str:
    if name == REJECTED:
        return "must be left out: rejected rows come from all sources"
    return "only a raw table has a source; remove it"


def _no_such_source(source: str, sources: _Datasets) -> str:
    near = wording.meant(wording.nearest(source, sources))
    return "no such source in the catalog" + (near or f" (sources: {wording.listed(sources)})")


def _check_raw_columns(
    name: str, table: object, source: str, declared: object
) -> Iterator[Problem]:
    path = (name, "metadata", "columns")
    columns = mapping_at(table, "metadata", "columns")
    if not columns:
        return
    missing = [
        column
        for column in mapping_at(declared, "metadata", "columns")
        if isinstance(column, str) and column not in columns
    ]
    if missing:
        message = f"must have each column of source '{source}'; missing: {wording.listed(missing)}"
        yield Problem(path, message)
    added = [f"{column} {kind}" for column, kind in INGESTED.items() if column not in columns]
    if added:
        yield Problem(path, f"must have what ingestion adds; missing: {wording.listed(added)}")
    for column, kind in INGESTED.items():
        given = value_at(columns, column, "type")
        if isinstance(given, str) and given.strip() != kind:
            message = f"must be {kind}, which is what ingestion writes, not {wording.shown(given)}"
            yield Problem((*path, column, "type"), message)


def _check_one_raw_table(sources: _Datasets, tables: _Datasets) -> Iterator[Problem]:
    loaded_by: dict[str, str] = {}
    for name, table in tables.items():
        source = value_at(table, "metadata", "source")
        if name == REJECTED or not name.startswith("raw.") or not isinstance(source, str):
            continue
        first = loaded_by.setdefault(source, name)
        if first != name:
            message = f"a source has one raw table, and '{source}' already has {first}"
            yield Problem((name, "metadata", "source"), message)
    for name in sources:
        if name not in loaded_by:
            message = f"no raw table is loaded from it: add one with metadata.source: {name}"
            yield Problem((name,), message)


def _tests_on_columns(
    tables: _Datasets, kind: str
) -> Iterator[tuple[tuple[object, ...], object, object]]:
    """The path, the arguments and the column's type of each test of a kind."""
    for name, table in tables.items():
        for column, declared in mapping_at(table, "metadata", "columns").items():
            tests = value_at(declared, "tests")
            for index, test in enumerate(tests if isinstance(tests, list) else ()):
                if isinstance(test, Mapping) and kind in test:
                    path = (name, "metadata", "columns", column, "tests", index, kind)
                    yield path, test[kind], value_at(declared, "type")


def _check_relationships(tables: _Datasets) -> Iterator[Problem]:
    for path, given, kind in _tests_on_columns(tables, "relationships"):
        to, column = value_at(given, "to"), value_at(given, "column")
        if not isinstance(to, str) or not isinstance(column, str):
            continue
        columns = mapping_at(tables.get(to), "metadata", "columns")
        names = [name for name in columns if isinstance(name, str)]
        if to not in tables:
            near = wording.meant(wording.nearest(to, tables))
            yield Problem((*path, "to"), "no such table in the catalog" + near)
        elif column not in columns:
            near = wording.meant(wording.nearest(column, names))
            message = f"{to} has no such column" + (near or f" (columns: {wording.listed(names)})")
            yield Problem((*path, "column"), message)
        elif isinstance(found := value_at(columns, column, "type"), str) and found != kind:
            message = f"must be of the column's own type {kind}, and {to}.{column} is {found}"
            yield Problem((*path, "column"), message)


def _check_patterns(tables: _Datasets) -> Iterator[Problem]:
    patterns = [
        (path, given)
        for path, given, _ in _tests_on_columns(tables, "regex")
        if isinstance(given, str) and given
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
                yield Problem(path, f"is no regular expression of DuckDB: {said}")
