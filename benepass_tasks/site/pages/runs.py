"""The page Runs; what it shows, each run tells at its end."""

from collections.abc import Iterator

from benepass_tasks.site.charts import vega_lite
from benepass_tasks.site.page import Chart, DataTable, Field, Page
from benepass_tasks.site.sources import Sources

_RUNS = DataTable(
    "runs",
    "The last runs, the newest first. What was up to date was skipped.",
    (
        Field("status", "Status", "tag"),
        Field("started_at", "Started", "instant", link="href"),
        Field("seconds", "Took", "seconds"),
        Field("built", "Built", "count"),
        Field("skipped", "Skipped", "count"),
        Field("failed", "Failed", "count"),
        Field("as_of", "As of", "date"),
        Field("commit", "Commit", "code"),
    ),
    (),
    page_size=10,
    is_live=True,
)

_NODES = DataTable(
    "nodes",
    "What the run built or failed to build, in the order in which it began.",
    (
        Field("outcome", "Outcome", "tag"),
        Field("node", "What", "code"),
        Field("reason", "Why"),
        Field("how", "How"),
        Field("rows", "Rows", "count"),
        Field("touched", "Touched", "count"),
        Field("start", "Began after", "seconds"),
        Field("seconds", "Took", "seconds"),
    ),
    (),
    is_searchable=True,
    page_size=50,
    is_live=True,
)

_COMPARED = DataTable(
    "compared",
    "What either run built, the largest change of seconds first.",
    (
        Field("node", "What", "code"),
        Field("seconds_a", "A took", "seconds"),
        Field("seconds_b", "B took", "seconds"),
        Field("more_seconds", "Change", "seconds"),
        Field("rows_a", "Rows in A", "count"),
        Field("rows_b", "Rows in B", "count"),
        Field("more_rows", "Change", "count"),
        Field("why_a", "A: why"),
        Field("why_b", "B: why"),
    ),
    (),
    is_searchable=True,
    page_size=50,
    is_live=True,
)


def pages(_sources: Sources) -> Iterator[Page]:
    """The page."""
    yield Page(
        "runs.html",
        "runs.html.j2",
        "Runs",
        "runs.html",
        values={
            "runs": _RUNS,
            "compared": _COMPARED,
            "gantt": Chart(
                "gantt",
                "What it did, and when",
                "A bar for each file, table or proof, from when it began until it was done, in "
                "seconds since the run began; what failed says so.",
                vega_lite("gantt"),
                _NODES,
            ),
        },
        scripts=("address.js", "runs-page.js"),
        has_charts=True,
    )
