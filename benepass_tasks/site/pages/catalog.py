"""The catalog: an index of all datasets, and a page for each with all that is known of it."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from benepass_tasks.catalog import Column, DataTest, Freshness, Source, SqlCheck, Table, Volume
from benepass_tasks.catalog.wording import printable
from benepass_tasks.config.project import Project
from benepass_tasks.engine.measure import ColumnProfile
from benepass_tasks.quality.data_tests.results import Result
from benepass_tasks.quality.monitors.wording import span
from benepass_tasks.site import personal
from benepass_tasks.site.addresses import anchor_of, lineage_of, page_of
from benepass_tasks.site.datasets import FILES, LAYERS, Dataset, datasets_of
from benepass_tasks.site.highlighting import highlighted
from benepass_tasks.site.page import LONGEST_TEXT, DataTable, Field, Page, Row, instant
from benepass_tasks.site.sources import Sources, sql_of
from benepass_tasks.sqlmodels import ModelGraph
from benepass_tasks.state.markers import Load

INDEX = "catalog.html"


def pages(sources: Sources) -> Iterator[Page]:
    """The index, then a page for each source and each table."""
    datasets = datasets_of(sources)
    yield _index(datasets)
    for dataset in datasets:
        yield page(dataset, sources.definitions.project, sources.definitions.graph)


def page(dataset: Dataset, project: Project, graph: ModelGraph) -> Page:
    """The page of a dataset.

    Args:
        dataset: The dataset.
        project: Where its SQL is.
        graph: The models, with their macros and checks.
    """
    return Page(
        page_of(dataset.name),
        "dataset.html.j2",
        f"{dataset.name} · Catalog",
        INDEX,
        values={
            **_values(dataset),
            "sql": _sql(dataset, project),
            "further_sql": list(_further_sql(dataset, project, graph)),
        },
    )


def _index(datasets: Sequence[Dataset]) -> Page:
    layers = [
        (layer, LAYERS[layer], list(found))
        for layer, found in groupby(datasets, key=lambda it: it.layer)
    ]
    columns = [column for dataset in datasets for column in dataset.columns]
    return Page(
        INDEX,
        "catalog.html.j2",
        "Catalog",
        INDEX,
        values={
            "layers": layers,
            "badges": personal.BADGES.values(),
            "count": len(datasets),
            "columns": len(columns),
            "published": sum(dataset.published is not None for dataset in datasets),
            "personal": sum(column.pii.is_personal for column in columns),
            "tests": _tally(datasets),
            "table": _table(datasets),
            "page_of": page_of,
        },
    )


def _tally(datasets: Sequence[Dataset]) -> str:
    """How many tests failed, warned, passed or were not run, the worst first."""
    statuses = [
        result.status if (result := dataset.result_of(column, test)) else "not run"
        for dataset in datasets
        for column, test in dataset.tests
    ]
    counts = [(statuses.count(kind), kind) for kind in ("failed", "warned", "passed", "not run")]
    return ", ".join(f"{count:,} {kind}" for count, kind in counts if count)


def _table(datasets: Sequence[Dataset]) -> DataTable:
    return DataTable(
        "datasets",
        "All datasets, from the files to the marts",
        (
            Field("name", "Dataset", "code", link="page"),
            Field("layer", "Layer"),
            Field("description", "Description"),
            Field("rows", "Rows", "count"),
            Field("columns", "Columns", "count"),
            Field("published", "Published", "tag"),
            Field("personal", "Personal data"),
            Field("tests", "Tests", "tag"),
        ),
        [_summary(dataset) for dataset in datasets],
        page_size=50,
        is_searchable=True,
        empty="No dataset is declared; catalog.yaml declares them.",
    )


def _summary(dataset: Dataset) -> Row:
    badges = personal.badges_of(dataset.columns)
    return {
        "name": dataset.name,
        "page": page_of(dataset.name),
        "layer": dataset.layer,
        "description": dataset.declared.description,
        "rows": dataset.rows,
        "columns": len(dataset.columns),
        "published": "published" if dataset.published else None,
        "personal": ", ".join(f"{badge.name} ({badge.letter})" for badge in badges) or "none",
        "tests": _tally([dataset]) or None,
    }


def _values(dataset: Dataset) -> Mapping[str, object]:
    declared = dataset.declared
    return {
        "dataset": dataset,
        "lead": declared.description,
        "facts": list(_facts(dataset)),
        "columns": [_column(dataset, column) for column in dataset.columns],
        "has_tests": bool(dataset.tests),
        "has_profiles": bool(dataset.profiles),
        "badges": personal.BADGES.values(),
        "tests": [
            _test(test, dataset.result_of(column, test))
            for column, test in dataset.tests
            if column is None
        ],
        "loads": [_load(load) for load in dataset.loads],
        "files": dataset.files,
        "page_of": page_of,
        "lineage": lineage_of(dataset.name),
    }


def _facts(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """What there is to say about a dataset as a whole, as heading and text."""
    declared = dataset.declared
    yield "Layer", dataset.layer
    if isinstance(declared, Table):
        yield "Kind", declared.materialized
        yield "Grain", declared.grain or ""
    else:
        yield "From" if declared.extract else "Files", declared.origin
    yield "Domain", declared.domain or ", ".join(sorted({it.domain for it in dataset.columns}))
    if dataset.rows is not None:
        yield ("Records" if dataset.layer == FILES else "Rows"), f"{dataset.rows:,}"
    elif isinstance(declared, Table) and declared.materialized == "view":
        yield "Rows", "not counted: computed at each read"
    if dataset.built_at:
        what = "Loaded" if dataset.layer == FILES else "Built"
        yield what, f"{dataset.built_at:%Y-%m-%d %H:%M} UTC"
    if declared.freshness:
        yield "Freshness", _freshness(declared.freshness)
    if declared.volume:
        yield "Volume", _volume(declared.volume)
    if isinstance(declared, Source):
        contract = declared.schema_contract
        modes = f"tables {contract.tables}, columns {contract.columns}"
        yield "Schema contract", f"{modes}, types {contract.data_type}"
    yield from _publishing(dataset)


def _publishing(dataset: Dataset) -> Iterator[tuple[str, str]]:
    published = dataset.published
    if published is None:
        yield "Published", "no"
        return
    left_out = [column.name for column in dataset.columns if not dataset.shows(column.name)]
    yield "Published", f"yes, without {', '.join(left_out)}" if left_out else "yes, all columns"
    suppression = published.table.suppression
    if suppression:
        names = ", ".join(suppression.withheld)
        few = f"fewer than {published.min_group_size} employees"
        yield "Withheld", f"{names} in rows that tell of {few}, or would give such away"


def _freshness(declared: Freshness) -> str:
    newest = f"latest {declared.column}" if declared.column else "newest load"
    limits = [
        f"{what} when older than {span(age)}"
        for what, age in (("warns", declared.warn_after), ("fails", declared.fail_after))
        if age
    ]
    return f"{newest}: {', '.join(limits)}"


def _volume(declared: Volume) -> str:
    limits = ("at least", declared.minimum), ("at most", declared.maximum)
    return ", ".join(f"{what} {rows:,} rows" for what, rows in limits if rows is not None)


def _column(dataset: Dataset, column: Column) -> Mapping[str, object]:
    return {
        "name": column.name,
        "anchor": anchor_of(column.name),
        "lineage": lineage_of(f"{dataset.name}.{column.name}"),
        "type": column.type,
        "domain": column.domain,
        "comes_from": column.comes_from,
        "description": column.description,
        "is_required": column.required or isinstance(dataset.declared, Table),
        "aliases": [printable(it, LONGEST_TEXT) for it in column.aliases],
        "is_published": dataset.shows(column.name),
        "badges": personal.badges(column.pii),
        "pii": column.pii,
        "treatment": personal.TREATMENTS.get(column.pii.treatment or ""),
        "tests": [_test(test, dataset.result_of(column.name, test)) for test in column.tests],
        "profile": _profile(dataset, column),
    }


def _test(test: DataTest, result: Result | None) -> Mapping[str, object]:
    status = result.status if result else "not run"
    said = "not run yet"
    if result:
        found = f"{result.failing_rows:,} of {result.checked_rows:,} rows"
        said = found if result.failing_rows else f"none of {result.checked_rows:,} rows"
    return {
        "name": test.kind,
        "arguments": test.arguments,
        "severity": test.severity,
        "status": status,
        "found": said,
        "checked_at": instant(result.checked_at) if result else None,
    }


def _profile(dataset: Dataset, column: Column) -> list[tuple[str, str]]:
    """What a column holds; of its values no more than what is published says as well."""
    profile = dataset.profiles.get(column.name)
    if profile is None:
        return []
    if profile.null_rate is None:
        return [("Rows", "none")]
    missing = ("Missing", f"{profile.null_rate * 100:,.1f}%")
    facts = [missing, ("Different", _distinct(profile))]
    return facts + (_values_of(profile) if dataset.is_public(column.name) else [])


def _distinct(profile: ColumnProfile) -> str:
    # The estimate may exceed what there is by some percent.
    about = f"about {min(profile.distinct_estimate, profile.row_count - profile.null_count):,}"
    touched = profile.touched_rows
    return f"{about}, estimated before {touched:,} rows came or went" if touched else about


def _values_of(profile: ColumnProfile) -> list[tuple[str, str]]:
    extremes = ("Least", profile.minimum), ("Greatest", profile.maximum)
    facts = [(what, printable(text, LONGEST_TEXT)) for what, text in extremes if text is not None]
    if profile.mean is not None:
        facts.append(("Mean", f"{profile.mean:,.6g}"))
    return facts


def _load(load: Load) -> Row:
    return {
        "file": printable(load.file, LONGEST_TEXT),
        "records": load.records,
        "rejected": load.rejected,
        "loaded_at": instant(load.loaded_at),
    }


def _sql(dataset: Dataset, project: Project) -> Mapping[str, object] | None:
    model = dataset.model
    if model is None:
        return None
    text = model.sql if model.is_generated else sql_of(project, model.path)
    return {"path": model.path.as_posix(), "html": highlighted(text, "sql")}


def _further_sql(
    dataset: Dataset, project: Project, graph: ModelGraph
) -> Iterator[Mapping[str, object]]:
    """The macros that a model calls and the checks that test its rows."""
    model = graph.models.get(dataset.name)
    macros = sorted(graph.macros_of(model), key=lambda it: it.name) if model else []
    files = [("Macro", it.name, it.path) for it in macros]
    for _, test in dataset.tests:
        if isinstance(test, SqlCheck):
            files.append(("Check", test.name, graph.checks[test.name].path))
    for what, name, path in files:
        html = highlighted(sql_of(project, path), f"{what.lower()}-{name}")
        yield {"what": what, "name": name, "path": path.as_posix(), "html": html}
