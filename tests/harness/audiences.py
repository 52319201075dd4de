"""A warehouse of two tables, published for audiences that a test declares, without a run."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import duckdb
import yaml
from projects import ROOT, catalog_without_sql
from warehouses import settings_in

from benepass_tasks.config.hash_key import HashKey
from benepass_tasks.engine.quoting import quote_name
from benepass_tasks.publish.publishing import Order, publish
from benepass_tasks.state.publication import publications_of
from benepass_tasks.state.warehouse import warehouse_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from benepass_tasks.config.settings import Settings
    from benepass_tasks.engine.measure import Measure
    from benepass_tasks.state.publication import Publication

NAME = {"class": "identifier", "kind": "FIRST_NAME", "treatment": "plaintext", "reason": "as is"}
EMAIL = {"class": "identifier", "kind": "EMAIL_ADDRESS", "treatment": "plaintext", "reason": "x"}
ID = {"class": "pseudonym", "kind": "EMPLOYEE_ID"}
DAY = {"class": "quasi_identifier", "kind": "DATE"}
MONEY = {"class": "none", "sensitive": True, "kind": "FINANCIAL"}
Columns = dict[str, dict[str, tuple[str, dict[str, Any] | None]]]
COLUMNS: Columns = {
    "people": {
        "id": ("VARCHAR", ID),
        "name": ("VARCHAR", NAME),
        "email": ("VARCHAR", EMAIL),
        "hired": ("DATE", DAY),
        "days": ("BIGINT", DAY),
        "tags": ("VARCHAR[]", None),
    },
    "spend": {"id": ("VARCHAR", ID), "amount": ("DECIMAL(18,2)", MONEY), "shop": ("VARCHAR", None)},
}
Rows = dict[str, list[tuple[Any, ...]]]
ROWS: Rows = {
    "people": [
        ("E1", "Ann", "ann@example.com", date(2020, 3, 4), 800, ["a", "it's"]),
        ("E2", "Zoë\n\\.", "zoe@example.com", None, -3, []),
        ("E3", None, None, date(1999, 12, 31), None, None),
    ],
    "spend": [("E1", "10.50", "Gym"), ("E2", "-3.00", None)],
}
VISITS: Columns = {"visits": {"id": ("VARCHAR", None), "at": ("TIMESTAMP WITH TIME ZONE", None)}}
"""A table that falls into months."""


def visits(*instants: str | None) -> Rows:
    return {"visits": [(f"V{number}", at) for number, at in enumerate(instants)]}


POLICY = {
    "mask_email": {"treatment": "mask", "kinds": ["EMAIL_ADDRESS"], "fingerprint": "0" * 32},
    "keyed_hash": {"treatment": "hash", "fingerprint": "1" * 32},
}
NAMED = {"treatment": {"identifier": "plaintext"}, "reason": "they look people up"}
"""What is said of whoever sees people by name."""


@dataclass
class Publishing:
    """A project of a test, whose tables are published as often as it asks.

    Attributes:
        left: What is recorded of the files of each audience, from one time to the next.
    """

    root: Path
    audiences: dict[str, Any]
    settings: dict[str, Any] = field(default_factory=dict)
    columns: Columns = field(default_factory=lambda: COLUMNS)
    rows: Rows = field(default_factory=lambda: ROWS)
    months: dict[str, str] = field(default_factory=dict)
    left: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        with duckdb.connect(str(self.root / "warehouse.duckdb")) as connection:
            connection.execute("create schema raw; create schema marts")
            connection.execute("create table raw.people (email varchar)")
        self.fill()

    def fill(self) -> None:
        """Let the warehouse have the tables and rows that there are now."""
        with duckdb.connect(str(self.root / "warehouse.duckdb")) as connection:
            for name, columns in self.columns.items():
                types = ", ".join(f"{quote_name(it)} {type_}" for it, (type_, _) in columns.items())
                connection.execute(f"create or replace table marts.{name} ({types})")
                marks = ", ".join("?" for _ in columns)
                insert = f"insert into marts.{name} values ({marks})"
                if self.rows[name]:
                    connection.executemany(insert, self.rows[name])

    @property
    def told(self) -> Settings:
        data = self.root / "data"
        return replace(
            settings_in(self.root, "warehouse.duckdb"),
            data_dir=data,
            memory_limit="500MB",
            lock_timeout=10,
            hash_key=HashKey(b"k" * 40),
            published_dir=data / "published",
            site_dir=data / "site",
            **self.settings,
        )

    @property
    def publications(self) -> Mapping[str, Publication]:
        path = self.root / "catalog.yaml"
        path.write_text(yaml.safe_dump(self._catalog(), sort_keys=False), encoding="utf-8")
        return publications_of(self.told, catalog_without_sql(path))

    def publish(self) -> dict[str, dict[str, Measure]]:
        """Publish everything; what was written for each audience."""
        found = self.publications
        orders = [
            Order(it, [*it.files, *it.parts], self.left.get(name, {})) for name, it in found.items()
        ]
        macros = [(ROOT / f"sql/macros/{it}.sql").read_text(encoding="utf-8") for it in POLICY]
        made = publish(warehouse_of(self.told), orders, macros, "run")
        written = dict(zip(found, made, strict=True))
        self.left = {
            name: {file: it.data_hash for file, it in of.items()} for name, of in written.items()
        }
        return written

    def read(self, audience: str, table: str) -> list[dict[str, Any]]:
        """The rows of a table as an audience reads them in its database."""
        folder = self.publications[audience].folder
        assert folder is not None
        with duckdb.connect(str(folder / "benepass.duckdb"), read_only=True) as connection:
            found = connection.execute(f"from marts.{table} order by id")
            names = [name for name, *_ in found.description]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def _catalog(self) -> dict[str, Any]:
        return {
            "_audiences": self.audiences,
            "_masking_policy": POLICY,
            "people": {
                "type": "pandas.CSVDataset",
                "filepath": "data/people.csv",
                "metadata": {
                    "description": "They.",
                    "domain": "people",
                    "columns": {"email": {"description": "It.", "pii": EMAIL}},
                },
            },
            **{f"marts.{name}": self._table(name) for name in self.columns},
        }

    def _table(self, name: str) -> dict[str, Any]:
        columns = {
            column: {"description": "It.", "type": type_} | ({"pii": pii} if pii else {})
            for column, (type_, pii) in self.columns[name].items()
        }
        months = {"months": {"column": self.months[name]}} if name in self.months else {}
        return {
            "type": "ibis.TableDataset",
            "table_name": name,
            "database": "marts",
            "connection": {"backend": "duckdb", "database": "data/w.duckdb", "read_only": True},
            "metadata": {
                "description": f"The {name}.",
                "domain": "people",
                "published": True,
                "columns": columns,
                **months,
            },
        }
