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
    return {"config": config, "data": {"name": "rows"}, "width": "container", **spec}


def vega_lite(name: str, **values: object) -> dict[str, Any]:
    """A chart that stands in a file.

    Args:
        name: The file in `specs/`. What it has as `"$name"` is one of the values; why it is as it
            is stands under `usermeta`.
        values: The values by name.
    """
    places = {f"${key}": value for key, value in values.items()}

    def filled(found: dict[str, Any]) -> dict[str, Any]:
        return {key: places.get(it, it) if isinstance(it, str) else it for key, it in found.items()}

    spec = json.loads((SPECS / f"{name}.json").read_text("utf-8"), object_hook=filled)
    spec.pop("usermeta", None)
    return with_look(spec)
