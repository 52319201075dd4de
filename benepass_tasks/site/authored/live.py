"""What each run says at its end, in runs.js, for which a page has places only."""

from benepass_tasks.site.page import DataTable, Field

INCIDENTS = DataTable(
    "incidents",
    "What is wrong now, the worst first.",
    (
        Field("severity", "Severity", "tag"),
        Field("title", "What is wrong"),
        Field("detail", "How"),
        Field("opened_at", "Since", "instant"),
    ),
    (),
    empty="No incident is open.",
    is_live=True,
)

MONITORS = DataTable(
    "monitors",
    "What the monitors said when they looked last, what is odd first.",
    (
        Field("status", "Status", "tag"),
        Field("monitor", "Monitor", "code"),
        Field("dataset", "Dataset", "code"),
        Field("name", "Of", "code"),
        Field("message", "What was found"),
        Field("compared_with", "Compared with"),
        Field("checked_at", "Looked", "instant"),
    ),
    (),
    is_searchable=True,
    page_size=15,
    is_live=True,
)

LIVE = {"incidents": INCIDENTS, "monitors": MONITORS}
"""The tables by name."""
