"""What the runs say at their end, for which the page has places only."""

from benepass_tasks.site.page import DataTable, Field

INCIDENTS = DataTable(
    "incidents-table",
    "What is wrong now, the worst first.",
    (
        Field("severity", "Severity", "tag"),
        Field("title", "What is wrong"),
        Field("detail", "How"),
        Field("opened_at", "Since", "instant"),
    ),
    (),
    is_live=True,
)

MONITORS = DataTable(
    "monitors-table",
    "What the monitors said when they looked last, what is odd first.",
    (
        Field("status", "Status", "tag"),
        Field("monitor", "Monitor", "code"),
        Field("dataset", "Dataset", "code"),
        Field("name", "Of", "code"),
        Field("message", "What was found"),
        Field("compared_with", "Compared with"),
    ),
    (),
    is_searchable=True,
    page_size=15,
    is_live=True,
)

LIVE = {"incidents": INCIDENTS, "monitors": MONITORS}
"""The tables by name."""
