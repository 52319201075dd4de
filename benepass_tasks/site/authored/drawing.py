"""The charts of a page as Vega-Lite, over the data set `rows`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benepass_tasks.site.authored.blocks import Chart, Measure
from benepass_tasks.site.charts import with_look
from benepass_tasks.site.page import Field, Kind

FORMATS: Mapping[Kind, str] = {"money": "$,.2f", "rate": ".1%", "count": ",.0f"}
AXIS_FORMATS: Mapping[Kind, str] = {"money": "$~s", "rate": ".1~%"}

UNITS: Mapping[Kind, str] = {"month": "utcyearmonth", "date": "utcyearmonthdate"}
"""The step of an axis of time."""

DATES: Mapping[Kind, str] = {"month": "%b %Y", "date": "%Y-%m-%d", "instant": "%Y-%m-%d %H:%M"}

MONTHS = (
    "datum.index == 0 || utcmonth({0}) == 0 "
    "? [utcFormat({0}, '%b'), utcFormat({0}, '%Y')] : utcFormat({0}, '%b')"
)
"""The label of a month: its name, and below the first one and each January the year."""

MONTH = "((range('x')[1] - range('x')[0]) * 2629746000 / (domain('x')[1] - domain('x')[0]))"
"""The width of a month, in pixels."""

_STEPS = "".join(f"{MONTH} > {33 / it:.3g} ? {it} : " for it in (1, 2, 3, 6, 12, 24, 60))

MONTH_STEP = f"{{interval: 'month', step: {_STEPS}120}}"
"""How many months lie between two labels, so that each has the room of its name."""

WORDS = "split(replace(datum.label, '\N{EN DASH}', '\N{EN DASH} '), ' ')"
"""A label with a word a line, so that those of narrow bars stand side by side."""

HALF: Mapping[Kind, str] = {
    "month": "(scale('x', utc(2001, 1, 1)) - scale('x', utc(2001, 0, 1))) / 2",
    "date": "(scale('x', utc(2001, 0, 2)) - scale('x', utc(2001, 0, 1))) / 2",
}
"""Half the width of a step of time, in pixels."""

ROOM = "[width, containerSize()[0]][1]"
"""The width of the chart's place in the window; it is asked anew where `width` has changed."""

LABEL_LIMIT = {"expr": f"max(120, {ROOM} * 0.55)"}
"""How wide a label may be: what a chart can spare."""


def drawn(
    chart: Chart,
    fields: Sequence[Field],
    measures: Mapping[str, Kind],
    series: Sequence[str],
    kinds: Mapping[str, Kind],
) -> dict[str, Any]:
    """A chart as Vega-Lite.

    Args:
        chart: What is declared.
        fields: Its columns, with their labels.
        measures: How its measures are written, by key.
        series: The values that have a colour.
        kinds: How columns are written, by name.
    """
    labels = {it.key: it.label for it in fields}
    return with_look(_Drawing(chart, labels, measures, series, kinds).spec())


@dataclass(frozen=True)
class _Drawing:
    chart: Chart
    labels: Mapping[str, str]
    measures: Mapping[str, Kind]
    series: Sequence[str]
    kinds: Mapping[str, Kind]

    def spec(self) -> dict[str, Any]:
        makers = {
            "bar": self._bars,
            "line": self._lines,
            "area": self._areas,
            "scatter": self._points,
            "heatmap": self._fields,
        }
        return makers[self.chart.mark]()

    @property
    def _is_sideways(self) -> bool:
        """Whether bars lie: names are read better so, and the order of steps is not theirs."""
        is_name = self.kinds[self.chart.x] in ("text", "code", "tag")
        return is_name and self.chart.sort != "none"

    @property
    def _is_timed(self) -> bool:
        """Whether bars have the width of a month or day."""
        return self.chart.mark == "bar" and self.kinds[self.chart.x] in UNITS

    def _bars(self) -> dict[str, Any]:
        chart, place, length = self.chart, "x", "y"
        if self._is_sideways:
            place, length = "y", "x"
        mark: dict[str, Any] = {"type": "bar", "minBandSize": 2} | self._stroke
        mark |= {"width": {"band": 0.8}} if self._is_timed else {}
        bar = {"mark": mark, "encoding": {length: self._measure(chart.y)}}
        encoding = {place: self._dimension(chart.x), **self._common}
        height: Any = {"step": 26} if self._is_sideways else 280
        if chart.target is None:
            return {"height": height, **bar, "encoding": encoding | bar["encoding"]}
        tick = {
            "mark": {
                "type": "tick",
                "opacity": 1,
                "color": "var(--series-2)",
                "size": 20,
                "thickness": 4,
            },
            "encoding": {length: self._measure(chart.target) | {"title": self.labels[chart.y.key]}},
        }
        return {"height": height, "encoding": encoding, "layer": [bar, tick]}

    def _lines(self) -> dict[str, Any]:
        shape: dict[str, Any] = {"shape": self._series_as()} if self.series else {}
        dash: dict[str, Any] = {"strokeDash": self._series_as()} if self.series else {}
        axes = {"x": self._dimension(self.chart.x), "y": self._measure(self.chart.y, zero=False)}
        return {
            "height": 280,
            "encoding": axes | self._common,
            "layer": [
                {"mark": {"type": "line", "strokeWidth": 2}, "encoding": dash},
                {
                    "mark": {"type": "point", "filled": True, "opacity": 1, "size": 50},
                    "encoding": shape,
                },
            ],
        }

    def _areas(self) -> dict[str, Any]:
        axes = {"x": self._dimension(self.chart.x), "y": self._measure(self.chart.y)}
        if self.series:
            # What is stacked has a value everywhere.
            axes["y"] |= {"impute": {"value": 0}, "stack": "zero"}
        mark = {"type": "area", "opacity": 0.8}
        return {"height": 280, "mark": mark, "encoding": axes | self._common}

    def _points(self) -> dict[str, Any]:
        chart = self.chart
        across = self._measure(chart.across or chart.y, zero=False)
        axes = {"x": across, "y": self._measure(chart.y, zero=False)}
        mark = {"type": "point", "filled": True, "opacity": 0.6, "size": 60}
        return {"height": 320, "mark": mark, "encoding": axes | self._common}

    def _fields(self) -> dict[str, Any]:
        chart, key = self.chart, self.chart.y.key
        kind = self.measures[key]
        number = {"rate": ".0%", "money": "$.2~s"}.get(kind, ".3~s")
        x = {"field": chart.x, "type": "ordinal", "title": None, "axis": self._steps(chart.x)}
        axis = {"labelLimit": LABEL_LIMIT}
        y = {"field": chart.side, "type": "nominal", "title": None, "sort": None, "axis": axis}
        # The colour is weak enough for the text on it to be read.
        shade = {
            "field": key,
            "type": "quantitative",
            "title": self.labels[key],
            "legend": {
                "format": number,
                "tickCount": {"expr": f"{ROOM} < 480 ? 2 : 6"},
                "symbolFillColor": "var(--series-1)",
                "symbolType": "square",
            },
            "scale": {"range": [0.05, 0.5], "zero": True},
        }
        told = f"isValid(datum[{key!r}])"
        place = {"type": "rect", "width": {"band": 0.94}, "height": {"band": 0.9}}
        filled = place | {"color": "var(--series-1)"}
        blank = place | {
            "fill": "transparent",
            "stroke": "var(--line)",
            "strokeDash": [3, 3],
        }
        text = {
            "type": "text",
            "color": "var(--text)",
            "fontSize": 11,
            "opacity": {"expr": "bandwidth('x') < 34 ? 0 : 1"},
        }
        return {
            "height": {"step": 30},
            "encoding": {"x": x, "y": y, **self._common},
            "layer": [
                {"transform": [{"filter": told}], "mark": filled, "encoding": {"opacity": shade}},
                {"transform": [{"filter": f"!{told}"}], "mark": blank},
                {
                    "transform": [{"filter": told}],
                    "mark": text,
                    "encoding": {"text": {"field": key, "type": "quantitative", "format": number}},
                },
            ],
        }

    @property
    def _stroke(self) -> dict[str, Any]:
        return {"stroke": "var(--surface)", "strokeWidth": 0.5} if self.series else {}

    @property
    def _common(self) -> dict[str, Any]:
        """What all marks have: what is told of them, where they lead, and their colour."""
        chart = self.chart
        dimensions = [self._told(it) for it in chart.dimensions]
        measures = [
            {
                "field": key,
                "type": "quantitative",
                "title": self.labels[key],
                "format": FORMATS.get(kind, ",.6~g"),
            }
            for key, kind in self.measures.items()
        ]
        encoding: dict[str, Any] = {"tooltip": [*dimensions, *measures]}
        if chart.link:
            encoding["href"] = {"field": "_href"}
        if self.series:
            encoding["color"] = self._series_as()
        return encoding

    def _told(self, column: str) -> dict[str, Any]:
        kind = self.kinds[column]
        found: dict[str, Any] = {"field": column, "type": "nominal", "title": self.labels[column]}
        if column == self.chart.x and kind in DATES and self.chart.mark != "heatmap":
            found |= {"type": "temporal", "format": DATES[kind]}
            found |= {"timeUnit": UNITS[kind]} if kind in UNITS else {"scale": {"type": "utc"}}
        return found

    def _series_as(self) -> dict[str, Any]:
        # Colour, dash and shape share a legend where they have one domain.
        return {
            "field": self.chart.series,
            "type": "nominal",
            "title": None,
            "legend": {"columns": {"expr": f"max(1, floor({ROOM} / 200))"}, "labelLimit": 190},
            "scale": {"domain": list(self.series)},
        }

    def _dimension(self, column: str) -> dict[str, Any]:
        kind = self.kinds[column]
        if kind in DATES:
            return {"field": column, "type": "temporal", "title": None, **self._time(kind)}
        if self._is_sideways and self.chart.mark == "bar":
            axis: dict[str, Any] = {"labelLimit": LABEL_LIMIT}
            return {"field": column, "type": "nominal", "title": None, "sort": None, "axis": axis}
        steps = {"type": "ordinal", "sort": None, "axis": self._steps(column)}
        return {"field": column, "title": self.labels[column], **steps}

    def _steps(self, column: str) -> dict[str, Any]:
        """The axis of values that stand side by side, each with a place of its own."""
        month = MONTHS.format("utcParse(datum.value, '%Y-%m')")
        return {"labelExpr": month if self.kinds[column] == "month" else WORDS, **_FLAT}

    def _time(self, kind: Kind) -> dict[str, Any]:
        axis: dict[str, Any] = {"format": DATES[kind], **_FLAT}
        if kind == "month":
            label = MONTHS.format("datum.value")
            axis |= {"labelExpr": label, "labelFlush": False, "tickCount": {"expr": MONTH_STEP}}
        elif kind == "date":
            axis |= {"labelBound": True, "tickCount": {"interval": "day", "step": 1}}
        if self._is_timed:
            # A month is named below its bar, and not where it begins; the last one ends an axis.
            label = (
                f"+datum.value < +domain('x')[1] ? ({axis.get('labelExpr', 'datum.label')}) : ''"
            )
            below = {"labelExpr": label, "labelFlush": False, "labelOffset": {"expr": HALF[kind]}}
            return {"timeUnit": UNITS[kind], "axis": axis | below | {"ticks": False, "grid": False}}
        return {"scale": {"type": "utc"}, "axis": axis}

    def _measure(self, measure: Measure, *, zero: bool = True) -> dict[str, Any]:
        kind = self.measures[measure.key]
        axis: dict[str, Any] = {"format": AXIS_FORMATS.get(kind, "~s"), "tickCount": 5}
        if kind == "money":
            axis["labelExpr"] = "datum.value ? datum.label : '$0'"
        if kind == "count":
            axis["tickMinStep"] = 1
        title = self.labels[measure.key]
        found = {"field": measure.key, "type": "quantitative", "title": title, "axis": axis}
        return found if zero else found | {"scale": {"zero": False, "nice": True}}


_FLAT = {"labelAngle": 0, "labelOverlap": "greedy", "labelSeparation": 6}
"""Labels that lie, and are left out where there is no room."""
