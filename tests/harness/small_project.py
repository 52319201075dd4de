"""A project of one source with personal columns and one mart, for trying what the proof sees."""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from projects import catalog_without_sql
from tracing import one_reader

from benepass_tasks.config.project import Project
from benepass_tasks.sqlmodels import ModelGraph, read_graph
from benepass_tasks.sqlmodels.cache import Cache
from benepass_tasks.sqlmodels.lineage import trace
from benepass_tasks.sqlmodels.privacy import Proof, approved_masks, mask_fingerprint, prove

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benepass_tasks.catalog import Catalog

SOURCE: dict[str, dict[str, Any]] = {
    "id": {"class": "pseudonym", "kind": "EMPLOYEE_ID"},
    "first_name": {
        "class": "identifier",
        "kind": "FIRST_NAME",
        "treatment": "plaintext",
        "reason": "as it came",
    },
    "email": {
        "class": "identifier",
        "kind": "EMAIL_ADDRESS",
        "treatment": "plaintext",
        "reason": "as it came",
    },
    "hired": {"class": "quasi_identifier", "kind": "DATE"},
    "salary": {"class": "none", "sensitive": True, "kind": "FINANCIAL"},
    "team": {"class": "none"},
}
"""The columns of source `people`, all of them text, and how personal each is."""

OTHERS: dict[str, dict[str, dict[str, Any]]] = {
    "orders": {
        "order_id": {"class": "pseudonym", "kind": "ORDER_ID"},
        "id": {"class": "pseudonym", "kind": "EMPLOYEE_ID"},
        "item": {"class": "none"},
        "amount": {"class": "none", "sensitive": True, "kind": "FINANCIAL"},
        "ordered": {"class": "none"},
    },
    "letters": {"letter": {"class": "none"}, "place": {"class": "none"}},
}
"""The columns of the other sources."""

MACROS = {
    "mask_email": "if(value is null, null, '****@' || split_part(value, '@', -1))",
    "pseudonym": "left(sha256(value || 'pepper'), 16)",
    "tidy": "trim(value)",
}
"""mask_email and pseudonym are in the policy, tidy is not."""

POLICY: dict[str, dict[str, Any]] = {
    "mask_email": {"treatment": "mask", "kinds": ["EMAIL_ADDRESS"]},
    "pseudonym": {"treatment": "hash"},
}
NONE: dict[str, Any] = {"class": "none"}
MASKED: dict[str, Any] = {"class": "pseudonym", "kind": "EMAIL_ADDRESS", "treatment": "mask"}


@dataclass
class SmallProject:
    """A folder with a catalog and SQL.

    Attributes:
        models: SQL by relation.
        columns: PII by relation and column, `type` and `derived_from` of the column with it.
        rows: What tables declare in `derived_from`, by relation.
        audiences: Whom all marts are published for; none where nothing is.
    """

    root: Path
    models: dict[str, str] = field(default_factory=dict)
    columns: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    macros: dict[str, str] = field(default_factory=lambda: dict(MACROS))
    policy: dict[str, dict[str, Any]] = field(default_factory=lambda: dict(POLICY))
    raw: dict[str, dict[str, Any]] = field(default_factory=dict)
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    audiences: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, relation: str, sql: str, **columns: dict[str, Any]) -> SmallProject:
        """Add a model with the PII of its columns."""
        self.models[relation] = textwrap.dedent(sql)
        self.columns[relation] = columns
        return self

    def read(self) -> tuple[Catalog, ModelGraph]:
        """Write the files, approve the masks as they are, and read all of it."""
        macros = _macros(frozenset(self.macros.items()))
        memory = self.root / "models.json"
        memory.write_bytes(macros.remembered)
        self._write(macros.fingerprints)
        project = Project(self.root)
        catalog = catalog_without_sql(project.catalog)
        return catalog, read_graph(project, catalog, Cache(memory), one_reader())

    def prove(self) -> Proof:
        """The proof of what is written."""
        catalog, graph = self.read()
        masks = approved_masks(catalog, graph)
        return prove(catalog, graph, trace(graph, catalog, masks, one_reader()))

    def rules(self) -> dict[str, set[str]]:
        """What is broken, by column or macro."""
        found: dict[str, set[str]] = {}
        for it in self.prove().findings:
            found.setdefault(it.subject, set()).add(it.rule)
        return found

    def _write(self, fingerprints: Mapping[str, str]) -> None:
        sql = {f"macros/{name}": _macro(name, body) for name, body in self.macros.items()}
        sql |= {relation.replace(".", "/"): it for relation, it in self.models.items()}
        for name, text in sql.items():
            path = self.root / "sql" / f"{name}.sql"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        policy = {
            name: {"fingerprint": fingerprints.get(name, "0" * 32)} | it
            for name, it in self.policy.items()
        }
        # JSON is YAML, and written in no time.
        declared = json.dumps(self._catalog(policy), indent=1)
        (self.root / "catalog.yaml").write_text(declared, encoding="utf-8")

    def _catalog(self, policy: dict[str, dict[str, Any]]) -> dict[str, object]:
        source = {name: _column("VARCHAR", pii) for name, pii in SOURCE.items()}
        raw = {name: _column("VARCHAR", pii) for name, pii in (SOURCE | self.raw).items()}
        ingested = {
            "_source_file": _column("VARCHAR", NONE),
            "_row_number": _column("BIGINT", NONE),
            "_dlt_load_id": _column("VARCHAR", NONE),
        }
        tables = {
            relation: _table(
                relation,
                {name: _column("VARCHAR", pii) for name, pii in it.items()},
                **({"derived_from": self.rows[relation]} if relation in self.rows else {}),
                **({"published": True} if self.audiences and "marts." in relation else {}),
            )
            for relation, it in self.columns.items()
        }
        staging = next(iter(self.models), "staging.s")
        for name, columns in OTHERS.items():
            said = {column: _column("VARCHAR", pii) for column, pii in columns.items()}
            tables[name] = _source(name, said, staging)
            tables[f"raw.{name}"] = _table(f"raw.{name}", said | ingested, source=name)
        return {
            "_masking_policy": policy,
            "_audiences": self.audiences,
            "people": _source("people", source, staging),
            "raw.people": _table("raw.people", raw | ingested, source="people"),
            **tables,
        }


@dataclass(frozen=True)
class _Macros:
    """What is known of macros before a project with them is read.

    Attributes:
        fingerprints: By name, what approves the mask.
        remembered: What a run keeps of them, so that the next need not read them.
    """

    fingerprints: Mapping[str, str]
    remembered: bytes


@cache
def _macros(bodies: frozenset[tuple[str, str]]) -> _Macros:
    with TemporaryDirectory() as folder:
        small = SmallProject(Path(folder), macros=dict(bodies))
        small.add("staging.s", "select id from raw.people", id=SOURCE["id"])
        small._write({})  # noqa: SLF001 - of this very class
        project, memory = Project(small.root), small.root / "models.json"
        graph = read_graph(project, catalog_without_sql(project.catalog), Cache(memory))
        fingerprints = {name: mask_fingerprint(graph, name) for name in graph.macros}
        return _Macros(fingerprints, memory.read_bytes())


def _macro(name: str, body: str) -> str:
    return f"create or replace macro {name}(value) as {body}"


def _table(relation: str, columns: dict[str, Any], **metadata: object) -> dict[str, object]:
    layer, _, name = relation.partition(".")
    return {
        "type": "ibis.TableDataset",
        "table_name": name,
        "database": layer,
        "connection": {"backend": "duckdb", "database": "data/w.duckdb", "read_only": True},
        "metadata": {"description": "It.", "domain": "people", "columns": columns, **metadata},
    }


def _source(name: str, columns: dict[str, Any], staging: str) -> dict[str, object]:
    return {
        "type": "pandas.CSVDataset",
        "filepath": f"data/{name}.csv",
        "metadata": {
            "description": "What they are.",
            "domain": "people",
            "reconciliation": {"staging": staging},
            "columns": columns,
        },
    }


def _column(kind: str, said: dict[str, Any]) -> dict[str, object]:
    beside = {name: said[name] for name in ("type", "derived_from") if name in said}
    pii = {name: it for name, it in said.items() if name not in beside}
    return {"description": "It.", "type": kind, "pii": pii} | beside
