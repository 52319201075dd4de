"""Charts: one look for all, in the colours of the page."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SPECS = Path(__file__).parent / "specs"


def with_look(spec: Mapping[str, object]) -> dict[str, Any]:
    """A chart as wide as its place, over the data set `rows`: those that the page's filters leave.

    Args:
        spec: Vega-Lite, without data.
    """
    config = json.loads((SPECS / "config.json").read_text("utf-8"))
    # The last label of an axis may stand beyond its end.
    padding = {"left": 5, "top": 5, "right": 14, "bottom": 5}
    frame = {"config": config, "padding": padding, "width": "container"}
    return {**frame, "data": {"name": "rows"}, **spec}


def vega_lite(name: str) -> dict[str, Any]:
    """A chart that stands in a file of `specs/`; why it is as it is stands under `usermeta`."""
    spec = json.loads((SPECS / f"{name}.json").read_text("utf-8"))
    spec.pop("usermeta", None)
    return with_look(spec)
