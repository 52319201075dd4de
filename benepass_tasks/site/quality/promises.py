"""Whether the data keeps to what is declared: tests of the catalog, and the files' columns."""

from collections.abc import Iterable, Sequence

from benepass_tasks.catalog import Catalog, Source
from benepass_tasks.catalog.wording import printable
from benepass_tasks.ingestion.schema_evolution.history import Entry
from benepass_tasks.quality.data_tests.results import Result
from benepass_tasks.site.page import DataTable, Field, Row, cut, instant

MOST_CHANGES = 500
"""Changes that the page lists, the newest ones."""

UNDECLARED = "not in the catalog"
"""Stands for the name of a column that only a file has."""

_ORDER = ("failed", "warned", "passed")


def checks(results: Sequence[Result], catalog: Catalog) -> DataTable:
    """The tests of the catalog, what did not pass first."""
    ordered = sorted(results, key=lambda it: _ORDER.index(it.status))
    return DataTable(
        "checks",
        "What each table promises in the catalog, and what became of it when it was tested last. "
        "A test with severity fail stops a run before anything is published.",
        (
            Field("status", "Result", "tag"),
            Field("severity", "Severity"),
            Field("relation", "Table", "code"),
            Field("column", "Column", "code"),
            Field("test", "Test"),
            Field("failing", "Failing", "count"),
            Field("rows", "Rows", "count"),
            Field("keys", "First keys", "code"),
            Field("checked_at", "Tested", "instant"),
        ),
        [_check(it, catalog) for it in ordered],
        is_searchable=True,
        page_size=15,
        empty="Nothing is tested: no table has `tests` in catalog.yaml.",
    )


def _check(it: Result, catalog: Catalog) -> Row:
    table = catalog.tables.get(it.relation)
    is_public = table is not None and table.impersonal.issuperset(table.key)
    keys = ", ".join(printable(key) for key in it.sample_keys)
    return {
        "status": it.status,
        "severity": it.severity,
        "relation": it.relation,
        "column": it.column_name,
        "test": cut(it.named),
        "failing": it.failing_rows,
        "rows": it.checked_rows,
        "keys": cut(keys) if is_public or not keys else "personal: in meta.check_results",
        "checked_at": instant(it.checked_at),
    }


def schema_changes(entries: Iterable[Entry], catalog: Catalog) -> DataTable:
    """How the columns of the files have changed since each source came first, the newest first.

    A column that the catalog does not declare is not named: a file may have a record for a header.
    """
    changes = _since_the_first_load(entries)[::-1]
    return DataTable(
        "schema-changes",
        "Columns of the source files that have changed, the newest change first. What does not fit "
        "are values that are not of the type before. What a column is called that is not in the "
        "catalog, schema history says on the command line.",
        (
            Field("at", "When", "instant"),
            Field("severity", "Severity", "tag"),
            Field("source", "Source", "code"),
            Field("file", "File"),
            Field("column", "Column", "code"),
            Field("header", "Header", "code"),
            Field("change", "Change"),
            Field("before", "Before", "code"),
            Field("after", "After", "code"),
            Field("misfits", "Do not fit", "count"),
        ),
        [_change(it, catalog.sources.get(it.source)) for it in changes[:MOST_CHANGES]],
        total=len(changes),
        is_searchable=True,
        page_size=10,
        empty="No column has changed since each source was loaded first.",
    )


def _since_the_first_load(entries: Iterable[Entry]) -> list[Entry]:
    first: dict[str, tuple[str, str]] = {}
    loads = ((it, (it.load_id, it.file)) for it in entries)
    return [it for it, load in loads if first.setdefault(it.source, load) != load]


def _change(it: Entry, source: Source | None) -> Row:
    change = it.change
    declared = source.columns if source else {}

    def named(column: str | None) -> str | None:
        return column if column is None or column in declared else UNDECLARED

    header, before, after = change.header, change.before, change.after
    if header is not None and change.column not in declared:
        header = UNDECLARED
    if change.kind == "renamed":
        before, after = named(before), named(after)
    elif change.kind == "respelled" and change.column not in declared:
        before = after = UNDECLARED
    guess = " (a guess)" if change.is_guess else ""
    return {
        "at": instant(it.changed_at),
        "severity": change.severity,
        "source": it.source,
        "file": cut(it.file),
        "column": named(change.column),
        "header": None if header is None else cut(printable(header)),
        "change": f"{change.kind.replace('_', ' ')}{guess}",
        "before": None if before is None else cut(printable(before)),
        "after": None if after is None else cut(printable(after)),
        "misfits": change.violations.count if change.violations else None,
    }
