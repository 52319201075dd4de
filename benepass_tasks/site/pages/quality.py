"""The page Data quality."""

from collections.abc import Iterator

from benepass_tasks.ingestion.schema_evolution.history import read_entries
from benepass_tasks.quality.data_tests.results import read_latest
from benepass_tasks.site.page import Page, instant
from benepass_tasks.site.quality import books, promises, quarantine, watched
from benepass_tasks.site.sources import Sources
from benepass_tasks.state.history.read import figures_over_runs


def pages(sources: Sources) -> Iterator[Page]:
    """The page."""
    runs = figures_over_runs(sources.connection, books.RUNS)
    now = runs[-1].sources if runs else []
    kept_out = quarantine.read_quarantine(sources)
    meanings = quarantine.read_meanings(sources)
    yield Page(
        "quality.html",
        "quality.html.j2",
        "Data quality",
        "quality.html",
        values={
            "balanced_at": instant(runs[-1].started_at) if runs else None,
            "totals": books.totals_of(now),
            "outcomes": books.outcomes(now),
            "clean_rates": books.clean_rates(runs),
            "charts": [books.over_runs(runs, kind, meanings) for kind in books.KINDS],
            "most_runs": books.RUNS,
            "sources": [it.source for it in now],
            "kept_out": kept_out,
            "rejected": quarantine.read_rejected(sources.connection),
            "checks": promises.checks(read_latest(sources.connection), sources.catalog),
            "schema_changes": promises.schema_changes(
                read_entries(sources.connection), sources.catalog
            ),
            "incidents": watched.INCIDENTS,
            "monitors": watched.MONITORS,
        },
        data={
            "reasons": [[it.source, it.name, it.records] for it in kept_out.reasons],
            "runs": [instant(run.started_at) for run in runs],
            "series": {
                kind: {
                    scope: [[it.name, it.counts] for it in series]
                    for scope, series in books.by_name(runs, kind).items()
                }
                for kind in books.KINDS
            },
        },
        scripts=("address.js", "quality.js"),
        has_charts=True,
        downloads=(kept_out.download,),
    )
