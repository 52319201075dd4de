"""The charts of the overview and of the employees, as Vega-Lite without their rows."""

from typing import Any

import altair as alt

from benepass_tasks.site import charts

MONEY = alt.Axis(format="$~s", tickCount=5)


def spend_by_month() -> dict[str, Any]:
    """One bar a month, over rows of `month`, `spend`, `share` and `transactions`."""
    bars = (
        alt.Chart(charts.ROWS)
        .mark_bar()
        .encode(
            x=alt.X("month:O", sort=None, title=None, axis=alt.Axis(labelOverlap=True)),
            y=alt.Y("spend:Q", title="Spend", axis=MONEY),
            tooltip=[alt.Tooltip("month:O", title="Month"), *_sums_told()],
        )
    )
    return charts.finished(bars)


def spend_by(dimension: str, title: str) -> dict[str, Any]:
    """One bar for each row, in the order of the rows; columns as for months."""
    bars = (
        alt.Chart(charts.ROWS, height=alt.Step(26))
        .mark_bar()
        .encode(
            x=alt.X("spend:Q", title="Spend", axis=MONEY),
            y=alt.Y(f"{dimension}:N", sort=None, title=None),
            tooltip=[alt.Tooltip(f"{dimension}:N", title=title), *_sums_told()],
        )
    )
    return charts.finished(bars)


def employees_by(dimension: str, title: str) -> dict[str, Any]:
    """One column for each row of `employees`, in the order of the rows."""
    columns = (
        alt.Chart(charts.ROWS)
        .mark_bar()
        .encode(
            x=alt.X(f"{dimension}:O", sort=None, title=title, axis=alt.Axis(labelOverlap=True)),
            y=alt.Y("employees:Q", title="Employees", axis=alt.Axis(tickMinStep=1, tickCount=5)),
            tooltip=[
                alt.Tooltip(f"{dimension}:O", title=title),
                alt.Tooltip("employees:Q", title="Employees", format=",.0f"),
            ],
        )
    )
    return charts.finished(columns)


def allowance_against_spend() -> dict[str, Any]:
    """A bar for `spend` and a mark for `allowance`, or the `note`, over rows of a `label` each."""
    base = alt.Chart(charts.ROWS, height=alt.Step(30)).encode(
        y=alt.Y("label:N", sort=None, title=None)
    )
    told = base.transform_filter("!datum.note").encode(tooltip=_program_told())
    spend = _in_series(told, "Spend").mark_bar(height=16)
    allowance = _in_series(told, "Allowance").mark_tick(thickness=4, size=24, opacity=1)
    withheld = (
        base.transform_filter("datum.note")
        .mark_text(align="left", dx=4, fontSize=12, color="var(--muted)")
        .encode(x=alt.XDatum(0), text="note:N", tooltip=_withheld_told())
    )
    x = alt.X("spend:Q", title="Mean of a month", axis=MONEY)
    layers = [spend.encode(x=x), allowance.encode(x="allowance:Q"), withheld]
    return charts.finished(alt.LayerChart(layer=layers))


def allowance_used() -> dict[str, Any]:
    """A field for each `month` and `label`, the stronger the more of the allowance is `used`."""
    base = alt.Chart(charts.ROWS, height=alt.Step(30)).encode(
        x=alt.X("month:O", title=None, axis=alt.Axis(labelOverlap=True)),
        y=alt.Y("label:N", sort=None, title=None),
    )
    month = alt.Tooltip("month:O", title="Month")
    told = base.transform_filter("!datum.note").encode(tooltip=[month, *_program_told()])
    used = told.mark_rect(stroke="var(--surface)", strokeWidth=2).encode(
        opacity=alt.Opacity(
            "used:Q",
            title="Used",
            # Weak enough for the text on it to be read.
            scale=alt.Scale(range=[0.05, 0.5], zero=True),
            legend=alt.Legend(format=".0%", symbolType="square", symbolFillColor=charts.SERIES[0]),
        )
    )
    is_wide_enough = alt.ExprRef("bandwidth('x') < 34 ? 0 : 1")
    rate = told.mark_text(color="var(--text)", fontSize=11, opacity=is_wide_enough).encode(
        text=alt.Text("used:Q", format=".0%")
    )
    withheld = (
        base.transform_filter("datum.note")
        .mark_rect(fill="transparent", stroke="var(--line)", strokeDash=[3, 3])
        .encode(tooltip=[month, *_withheld_told()])
    )
    return charts.finished(alt.LayerChart(layer=[used, withheld, rate]))


def _in_series(chart: alt.Chart, series: str) -> alt.Chart:
    """The chart in the colour of one of two series, which the legend names one below the other."""
    color = alt.Color(
        "series:N",
        scale=alt.Scale(domain=["Spend", "Allowance"], range=list(charts.SERIES[:2])),
        legend=alt.Legend(title=None, columns=1),
    )
    colored: alt.Chart = chart.transform_calculate(series=f"'{series}'").encode(color=color)
    return colored


def _sums_told() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("spend:Q", title="Spend", format="$,.2f"),
        alt.Tooltip("share:Q", title="Share of spend", format=".1%"),
        alt.Tooltip("transactions:Q", title="Transactions", format=",.0f"),
    ]


def _program_told() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("program:N", title="Programme"),
        alt.Tooltip("benefit_type:N", title="Benefit type"),
        alt.Tooltip("allowance:Q", title="Allowance", format="$,.2f"),
        alt.Tooltip("spend:Q", title="Spend", format="$,.2f"),
        alt.Tooltip("used:Q", title="Used", format=".1%"),
    ]


def _withheld_told() -> list[alt.Tooltip]:
    return [*_program_told()[:2], alt.Tooltip("note:N", title="Figures")]
