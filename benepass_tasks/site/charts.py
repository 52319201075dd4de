"""Charts: one look for all, in the colours of the page."""

from typing import Any, Literal

import altair as alt

SERIES = tuple(f"var(--series-{number})" for number in range(1, 7))
"""The colours of series, in their order."""

ROWS = alt.NamedData("rows")
"""The data of every chart: the rows that the page has, or those that its filters leave."""

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif'
"""The fonts of the page by their names: Vega measures labels with them, and cannot by `inherit`."""

Format = Literal["$,.2f", "$,.0f", "$~s", ",.0f", ".0%", ".1%", ",.2f"]
"""How the numbers of an axis or a tooltip are written, in the words of d3-format."""


def finished(chart: alt.Chart | alt.LayerChart, height: int = 280) -> dict[str, Any]:
    """A chart as wide as its place, in the colours of the page, as Vega-Lite.

    Args:
        chart: The chart over `ROWS`.
        height: Its height in pixels; `step` heights are the chart's own and stay.
    """
    sized = chart.properties(width="container")
    if sized.height is alt.Undefined:
        sized = sized.properties(height=height)
    spec: dict[str, Any] = (
        sized.configure(background="transparent", font=FONT)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor="var(--muted)",
            titleColor="var(--muted)",
            gridColor="var(--grid)",
            domainColor="var(--strong-line)",
            tickColor="var(--strong-line)",
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
            labelLimit=160,
        )
        .configure_legend(
            labelColor="var(--text)",
            titleColor="var(--muted)",
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
            orient="top",
        )
        .configure_mark(color=SERIES[0])
        .configure_range(category=list(SERIES))
        .to_dict()
    )
    return spec
