"""What became of the records: clean, flagged, quarantined and rejected, now and over the runs."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from benepass_tasks.site.charts import vega_lite
from benepass_tasks.site.page import Chart, DataTable, Field, Row, instant
from benepass_tasks.site.rendering import written
from benepass_tasks.state.history.read import RunFigures, SourceFigures

RUNS = 100
"""Runs that are compared at most."""

ALL = "all"
"""All sources together, as a filter has it."""

MOST_SERIES = 5
"""Reasons that a chart tells apart; the others are added up."""

OTHER = "other"

Kind: TypeAlias = Literal["reason", "flag"]

KINDS: tuple[Kind, ...] = ("reason", "flag")

_OUTCOMES = ("flagged", "quarantined", "rejected")

_SOURCE_FIELDS = (
    Field("source", "Source", "code"),
    Field("records", "Records", "count"),
    Field("clean", "Clean", "count"),
    Field("flagged", "Flagged", "count"),
    Field("quarantined", "Quarantined", "count"),
    Field("rejected", "Rejected", "count"),
    Field("clean_rate", "Clean rate", "rate"),
    Field("completeness", "Cells filled", "rate"),
)
_SELDOM = (Field("uncounted", "No spend", "count"), Field("erased", "Erased", "count"))
"""What is shown only where there is some: records that are no spend, and those left out."""


def totals_of(sources: Sequence[SourceFigures]) -> dict[str, int | float | None]:
    """What became of the records of all sources."""
    counts = {
        name: sum(getattr(it, name) for it in sources)
        for name in ("records", "clean", "flagged", "quarantined", "rejected")
    }
    rates = {
        f"{name}_rate": counts[name] / counts["records"] if counts["records"] else None
        for name in ("clean", *_OUTCOMES)
    }
    return counts | rates


def outcomes(sources: Sequence[SourceFigures]) -> Chart:
    """What is not clean, by source."""
    seldom = (it for it in _SELDOM if any(getattr(source, it.key) for source in sources))
    shown = (*_SOURCE_FIELDS, *seldom)
    rows = [
        {
            "source": it.source,
            "outcome": outcome,
            "place": place,
            "records": getattr(it, outcome),
            "rate": getattr(it, outcome) / it.records,
        }
        for it in sources
        if it.records
        for place, outcome in enumerate(_OUTCOMES)
    ]
    return Chart(
        "outcomes",
        "What is not clean, by source",
        "The share of each source's records that are flagged, quarantined or rejected; all others "
        "are clean.",
        vega_lite("outcomes", sources=[it.source for it in sources]),
        rows if any(row["records"] for row in rows) else [],
        DataTable(
            "sources",
            "By source. A flagged record is in the marts with a remark, a quarantined one is kept "
            "out, and a rejected one could not be read.",
            shown,
            [{field.key: getattr(it, field.key) for field in shown} for it in sources],
        ),
        empty="Every record is clean." if rows else "The source files hold no record.",
    )


def clean_rates(runs: Sequence[RunFigures]) -> Chart:
    """The clean rate of each source, over the runs."""
    began = [instant(run.started_at) for run in runs]
    rows: list[Row] = [
        {"run": run, "source": it.source, "rate": it.clean_rate, "records": it.records}
        for run, figures in zip(began, runs, strict=True)
        for it in figures.sources
        if it.clean_rate is not None
    ]
    sources = [it.source for it in runs[-1].sources] if runs else []
    return Chart(
        "clean-rates",
        "Clean rate over the runs",
        f"The share of clean records by source, in the last {len(runs)} runs that balanced the "
        "books; each run is named by its start.",
        vega_lite("clean-rates", sources=sources),
        rows if len(runs) > 1 else [],
        DataTable(
            "clean-rates-table",
            "Clean rate by run, the newest first.",
            (
                Field("run", "Run of", "instant"),
                *(Field(f"rate of {source}", source, "rate") for source in sources),
            ),
            [
                {"run": run}
                | {f"rate of {source}": None for source in sources}
                | {f"rate of {it.source}": it.clean_rate for it in figures.sources}
                for run, figures in reversed(list(zip(began, runs, strict=True)))
            ],
            page_size=10,
        ),
        empty=_too_few(runs, "its clean rates are in the table above, and their lines are here"),
    )


@dataclass(frozen=True, slots=True)
class Series:
    """How often something was said of records, run by run."""

    name: str
    counts: Sequence[int]


def by_name(runs: Sequence[RunFigures], kind: Kind) -> dict[str, list[Series]]:
    """The reasons or flags over the runs: of all sources, and by source; the rarer ones folded."""
    sources = [it.source for it in runs[-1].sources] if runs else []
    found = {scope: _series(runs, kind, scope) for scope in (ALL, *sources)}
    return {scope: series for scope, series in found.items() if series}


def _series(runs: Sequence[RunFigures], kind: Kind, scope: str) -> list[Series]:
    counted = [_counted(run, kind, scope) for run in runs]
    total = sum(counted, Counter())
    names = sorted(total, key=lambda name: (-total[name], name))
    # One that would be alone among the others is shown itself.
    kept = names if len(names) <= MOST_SERIES + 1 else names[:MOST_SERIES]
    series = [Series(name, [counts[name] for counts in counted]) for name in kept]
    if len(kept) < len(names):
        rest = [sum(counts[name] for name in names[MOST_SERIES:]) for counts in counted]
        series.append(Series(OTHER, rest))
    return series


def _counted(run: RunFigures, kind: Kind, scope: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for it in run.sources:
        if scope in (ALL, it.source):
            counts.update(_names(it, kind))
    return counts


def _names(it: SourceFigures, kind: Kind) -> Mapping[str, int]:
    return it.by_reason if kind == "reason" else it.by_flag


def over_runs(runs: Sequence[RunFigures], kind: Kind, meanings: Mapping[str, str]) -> Chart:
    """The reasons or flags of all sources, over the runs.

    Args:
        runs: The runs, the oldest first.
        kind: What is counted.
        meanings: When a record has a reason or flag, in words; one may be missing.
    """
    began = [instant(run.started_at) for run in runs]
    rows = [
        {"run": run, "name": series.name, "place": place, "records": count}
        for place, series in enumerate(by_name(runs, kind).get(ALL, ()))
        for run, count in zip(began, series.counts, strict=True)
    ]
    verb = "quarantined" if kind == "reason" else "flagged"
    return Chart(
        f"{kind}s-over-runs",
        f"Records {verb}, by {kind}",
        f"How many records each run found {verb}, by {kind}: the {MOST_SERIES} most frequent, and "
        f"all others together. The order of the colours is that of the legend, from the bottom.",
        vega_lite("over-runs", kind=kind),
        rows if len(runs) > 1 else [],
        DataTable(
            f"{kind}s-now",
            f"By source and {kind}, as of the last run, and how it was in the run before.",
            (
                Field("source", "Source", "code"),
                Field("name", kind.capitalize(), "code"),
                Field("now", "Now", "count"),
                Field("before", "Before", "count"),
                Field("change", "Change", "count"),
                Field("meaning", "When"),
            ),
            [
                {**row, "meaning": meanings.get(str(row["name"]))}
                for row in _now_and_before(runs, kind)
            ],
            page_size=15,
            empty=f"No record is {verb}.",
        ),
        empty=_too_few(runs, f"its {kind}s are in this table, and a chart of all runs is here"),
    )


def _now_and_before(runs: Sequence[RunFigures], kind: Kind) -> Iterator[Row]:
    if not runs:
        return
    now = _by_place(runs[-1], kind)
    before = _by_place(runs[-2], kind) if len(runs) > 1 else None
    places = now.keys() | (before or {}).keys()
    for source, name in sorted(places, key=lambda it: (-now.get(it, 0), it)):
        count = now.get((source, name), 0)
        earlier = None if before is None else before.get((source, name), 0)
        change = None if earlier is None else count - earlier
        row = {"source": source, "name": name, "now": count, "before": earlier, "change": change}
        yield row


def _by_place(run: RunFigures, kind: Kind) -> dict[tuple[str, str], int]:
    return {
        (it.source, name): count for it in run.sources for name, count in _names(it, kind).items()
    }


def _too_few(runs: Sequence[RunFigures], what: str) -> str:
    if not runs:
        return "No run has balanced the books yet: run `benepass run`."
    if len(runs) > 1:
        return "There was none in any of the runs."
    began = written(instant(runs[-1].started_at), "instant")
    return f"One run has balanced the books so far, that of {began}: {what} from the next run on."
