"""What docs/schema.md says is what there is."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import get_args

from benepass_tasks.catalog import SchemaContract
from benepass_tasks.ingestion.inference import CANDIDATES
from benepass_tasks.ingestion.schema_evolution import file_schema
from benepass_tasks.ingestion.schema_evolution.changes import ChangeKind

DOCUMENT = (Path(__file__).resolve().parents[3] / "docs" / "schema.md").read_text(encoding="utf-8")


def named(heading: str) -> set[str]:
    """What the first column of the table with a heading names."""
    table = DOCUMENT.partition(f"| {heading} |")[2].partition("\n\n")[0]
    return set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))


def test_every_change_is_documented() -> None:
    assert named("change") == set(get_args(ChangeKind))


def test_every_part_of_a_contract_is_documented() -> None:
    assert named("key") == {field.name for field in fields(SchemaContract)}


def test_the_types_are_documented_in_the_order_in_which_they_are_tried() -> None:
    assert f"{', '.join(CANDIDATES)}, VARCHAR, the first" in " ".join(DOCUMENT.split())


def test_every_hint_is_documented() -> None:
    hints = {value for value in vars(file_schema).values() if str(value).startswith("x-")}
    assert set(re.findall(r"`(x-[a-z-]+)`", DOCUMENT)) == hints
