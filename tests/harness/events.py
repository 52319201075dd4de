"""Events of changes, as Debezium writes them, and a project that is loaded from such."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from workspace import Workspace

Row = dict[str, Any]

TABLE = "hr.staff"

FIELDS = ["employee_id", "first_name", "last_name", "email", "hire_date", "status"]
TYPES: dict[str, Row] = {
    "employee_id": {"type": "string", "optional": False},
    "hire_date": {"type": "int32", "name": "io.debezium.time.Date", "version": 1},
}
"""The types of columns that are no optional texts, as Kafka Connect writes them."""


def person(number: int, **values: Any) -> Row:  # noqa: ANN401 - JSON
    """An employee as a row of the table, hired on the first day of 2020."""
    name = ["Ann", "Bo", "Cy", "Di", "Ed", "Flo", "Gus", "Hal"][number - 1]
    made = [f"E{number}", name, "Archer", f"{name.lower()}@example.com", 18262, "active"]
    return dict(zip(FIELDS, made, strict=True)) | values


@dataclass(frozen=True)
class Writer:
    """Writes events of a table; with the schema of Kafka Connect around them, or without."""

    table: str = TABLE
    has_schema: bool = True

    def event(
        self, op: str, row: Row | None, lsn: int, snapshot: str = "false", before: Row | None = None
    ) -> str:
        """A line with an event in Debezium's envelope."""
        schema, _, table = self.table.rpartition(".")
        payload = {
            "before": row if op == "d" else before,
            "after": None if op in ("d", "t") else row,
            "source": {
                "version": "3.0.0.Final",
                "connector": "postgresql",
                "name": "hr",
                "ts_ms": 1_767_225_600_000 + lsn,
                "snapshot": snapshot,
                "db": "benefits",
                "sequence": json.dumps([None, str(lsn)]),
                "schema": schema,
                "table": table,
                "txId": lsn,
                "lsn": lsn,
                "xmin": None,
            },
            "transaction": None,
            "op": op,
            "ts_ms": 1_767_225_600_100 + lsn,
        }
        if not self.has_schema:
            return json.dumps(payload)
        of_row = {"type": "struct", "fields": fields_of(row or {}), "optional": True}
        fields = [of_row | {"field": "before"}, of_row | {"field": "after"}]
        fields += [{"type": "string", "field": "op"}]
        return json.dumps(
            {"schema": {"type": "struct", "fields": fields}, "payload": payload}, ensure_ascii=False
        )

    def snapshot(self, *rows: Row, lsn: int) -> list[str]:
        """A reading of the whole table."""
        marks = ["true"] * len(rows)
        marks[0] = "first_in_data_collection"
        marks[-1] = "last_in_data_collection"
        return [self.event("r", row, lsn, it) for row, it in zip(rows, marks, strict=True)]


def fields_of(row: Row) -> list[Row]:
    """The schema of a row."""
    text = {"type": "string", "optional": True}
    return [TYPES.get(name, text) | {"field": name} for name in row]


def packed(number: int) -> str:
    """The bytes of a number without its point."""
    size = number.bit_length() // 8 + 1
    return base64.b64encode(number.to_bytes(size, signed=True)).decode()


def follow(project: Workspace, **words: Any) -> None:  # noqa: ANN401 - YAML
    """Let the employees of a project come as events; the words are more of their metadata."""
    path = project.root / "catalog.yaml"
    catalog = yaml.safe_load(path.read_text(encoding="utf-8"))
    entry = catalog["employees"]
    entry |= {"type": "pandas.JSONDataset", "load_args": {"lines": True}}
    entry["filepath"] = "data/staff/*.jsonl"
    entry["metadata"] |= {"layout": {"format": "debezium", "table": TABLE}} | words
    path.write_text(yaml.safe_dump(catalog, sort_keys=False), encoding="utf-8")
    (project.data / "employees.csv").unlink()


def deliver(project: Workspace, name: str, *lines: str) -> None:
    """Have a file of events arrive."""
    project.write(f"data/staff/{name}.jsonl", "".join(f"{it}\n" for it in lines))
