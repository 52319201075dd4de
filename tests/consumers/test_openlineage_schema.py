"""The events are valid by OpenLineage's published JSON Schemas.

The schemas come with no package and no test fetches them: OPENLINEAGE_SPEC names the folder `spec`
of a copy of OpenLineage's repository. Without it the events are read by OpenLineage's own client
alone, in the tests beside this one.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from benepass_tasks.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workspace import Workspace

SPEC = os.environ.get("OPENLINEAGE_SPEC", "")
RUN_EVENT = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"

pytestmark = pytest.mark.skipif(
    not SPEC, reason="OPENLINEAGE_SPEC names no copy of OpenLineage's folder spec"
)


def validator(schema: str) -> Any:  # noqa: ANN401 - of a package that only this environment has
    jsonschema = pytest.importorskip("jsonschema")
    referencing = pytest.importorskip("referencing")
    paths = [Path(SPEC) / "OpenLineage.json", *(Path(SPEC) / "facets").glob("*.json")]
    schemas = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    named = ((it["$id"], referencing.Resource.from_contents(it)) for it in schemas)
    return jsonschema.Draft202012Validator(
        {"$ref": schema},
        registry=referencing.Registry().with_resources(named),
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    )


def facets(event: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from event["job"]["facets"].values()
    for dataset in (*event["inputs"], *event["outputs"]):
        yield from dataset["facets"].values()


@pytest.fixture
def events(workspace: Workspace, tmp_path: Path) -> list[dict[str, Any]]:
    file = tmp_path / "events.ndjson"
    project = ["--benepass-project-dir", str(workspace.root)]
    assert main(["lineage", "--openlineage", str(file), *project]) == 0
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_each_event_is_a_valid_run_event(events: list[dict[str, Any]]) -> None:
    run_event = validator(RUN_EVENT)
    for event in events:
        run_event.validate(event)
    del events[0]["run"]
    assert not run_event.is_valid(events[0])


def test_each_facet_is_valid_by_the_schema_that_it_names(events: list[dict[str, Any]]) -> None:
    found = [facet for event in events for facet in facets(event)]
    assert {facet["_schemaURL"].rpartition("/")[2] for facet in found} == {
        "ColumnLineageDatasetFacet",
        "SchemaDatasetFacet",
        "SQLJobFacet",
    }
    for facet in found:
        validator(facet["_schemaURL"]).validate(facet)
    lineage = next(it for it in found if it["_schemaURL"].endswith("ColumnLineageDatasetFacet"))
    del lineage["fields"]
    assert not validator(lineage["_schemaURL"]).is_valid(lineage)
