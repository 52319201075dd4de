"""OpenLineage's own client takes the events for its own.

The published JSON Schemas come with no package, so it is the classes that the client generates from
them which must take every event: they refuse a key that they do not know, and miss one that is not
there. What they make of an event must be the event again, with the schemas that it names.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import column_lineage_dataset as lineage_facet
from openlineage.client.facet_v2 import schema_dataset, sql_job
from openlineage.client.serde import Serde
from projects import catalog_of

from benepass_tasks.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    from workspace import Workspace

Json = dict[str, Any]


@pytest.fixture
def events(workspace: Workspace, tmp_path: Path) -> list[Json]:
    file = tmp_path / "events.ndjson"
    project = ["--benepass-project-dir", str(workspace.root)]
    assert main(["lineage", "--openlineage", str(file), *project]) == 0
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_the_client_makes_the_same_event_of_each(events: list[Json], workspace: Workspace) -> None:
    assert len(events) == len(catalog_of(workspace.root).tables)
    for event in events:
        assert _filled(Serde.to_dict(_run_event(event))) == _filled(event)


@pytest.mark.parametrize("key", ["eventTime", "run", "job"])
def test_an_event_without_what_it_needs_is_refused(events: list[Json], key: str) -> None:
    del events[0][key]
    with pytest.raises(KeyError):
        _run_event(events[0])


def test_a_run_without_a_uuid_and_a_time_that_is_none_are_refused(events: list[Json]) -> None:
    with pytest.raises(ValueError, match="UUID"):
        _run_event(events[0] | {"run": {"runId": "first"}})
    with pytest.raises(ValueError, match="yest"):
        _run_event(events[0] | {"eventTime": "yesterday"})


def test_a_facet_with_another_key_is_refused(events: list[Json]) -> None:
    facet = events[0]["outputs"][0]["facets"]["columnLineage"]
    facet["fields"]["email"]["inputs"] = facet["fields"]["email"].pop("inputFields")
    with pytest.raises(TypeError, match="inputs"):
        _run_event(events[0])


def _filled(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """A value without what is empty, of which the client writes more."""
    if isinstance(value, dict):
        filled = {name: _filled(content) for name, content in value.items()}
        return {name: content for name, content in filled.items() if content not in ({}, [], None)}
    return [*map(_filled, value)] if isinstance(value, list) else value


def _run_event(event: Json) -> RunEvent:
    job = event["job"]
    return RunEvent(
        eventType=RunState[event["eventType"]],
        eventTime=event["eventTime"],
        producer=event["producer"],
        run=Run(**event["run"]),
        job=Job(job["namespace"], job["name"], _facets(job["facets"])),
        inputs=[_dataset(InputDataset, dataset) for dataset in event["inputs"]],
        outputs=[_dataset(OutputDataset, dataset) for dataset in event["outputs"]],
    )


def _dataset(kind: Any, dataset: Json) -> Any:  # noqa: ANN401 - two classes without a common one
    return kind(**dataset | {"facets": _facets(dataset["facets"])})


def _facets(facets: Json) -> Json:
    return {name: FACETS[name](_known(facet)) for name, facet in facets.items()}


def _known(facet: Json) -> Json:
    """A facet's content; its schema is what the client's own class says, and is compared."""
    content = {name: value for name, value in facet.items() if not name.startswith("_")}
    return content | {"producer": facet["_producer"]}


def _column_lineage(content: Json) -> Any:  # noqa: ANN401
    fields = {
        name: lineage_facet.Fields(**field | {"inputFields": _input_fields(field)})
        if "inputFields" in field
        else lineage_facet.Fields(**field)
        for name, field in content["fields"].items()
    }
    rows = _input_fields({"inputFields": content["dataset"]})
    return lineage_facet.ColumnLineageDatasetFacet(**content | {"fields": fields, "dataset": rows})


def _input_fields(field: Json) -> list[Any]:
    how = lineage_facet.Transformation
    return [
        lineage_facet.InputField(
            **found | {"transformations": [how(**it) for it in found["transformations"]]}
        )
        for found in field["inputFields"]
    ]


def _schema(content: Json) -> Any:  # noqa: ANN401
    fields = [schema_dataset.SchemaDatasetFacetFields(**field) for field in content["fields"]]
    return schema_dataset.SchemaDatasetFacet(**content | {"fields": fields})


FACETS = {
    "columnLineage": _column_lineage,
    "schema": _schema,
    "sql": lambda content: sql_job.SQLJobFacet(**content),
}
