"""Reads sources that are no files, without a warehouse."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import yaml
from projects import catalog_without_sql

from benepass_tasks.catalog.extracts import ApiExtract, BucketExtract, TableExtract
from benepass_tasks.ingestion.extracts import aside_of, settle, written_aside
from benepass_tasks.ingestion.extracts.files import Extracts
from benepass_tasks.state.object_copies import ObjectCopies

if TYPE_CHECKING:
    from pathlib import Path

    from benepass_tasks.catalog import Source


@dataclass
class Reading:
    """A folder of extracts; each reading is a minute after the one before it."""

    root: Path
    at: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    sources: list[Source] = field(default_factory=list)
    settles: bool = True

    def declare(self, columns: list[str], name: str = "people", /, **entry: object) -> None:
        """Declare a source by its entry; `extract` and `key` belong to its metadata."""
        words = [it for it in ("extract", "key", "ignored") if it in entry]
        said: dict[str, object] = {it: entry.pop(it) for it in words}
        metadata = {
            "description": "It.",
            "domain": "people",
            "columns": {it: {"description": "It."} for it in columns},
            **said,
        }
        path = self.root / "catalog.yaml"
        path.write_text(yaml.safe_dump({name: {**entry, "metadata": metadata}}), encoding="utf-8")
        self.sources.append(catalog_without_sql(path).sources[name])

    def read(self) -> dict[str, int]:
        """Read all sources, and take over what was read; returns the new rows."""
        from benepass_tasks.ingestion.extracts.api import read_api  # noqa: PLC0415 - dlt
        from benepass_tasks.ingestion.extracts.changes import follow_changes  # noqa: PLC0415
        from benepass_tasks.ingestion.extracts.database import read_tables  # noqa: PLC0415

        folder, aside = self.root / "extracts", aside_of(self.root / "extracts", "place")
        folder.mkdir(exist_ok=True)
        rows: dict[str, int] = {}
        self.at += timedelta(minutes=1)
        with written_aside(aside):
            tables = []
            for it in self.sources:
                if isinstance(it.extract, TableExtract):
                    extracts = Extracts(it, it.extract, folder, aside, self.at)
                    tables.append((extracts, it.extract))
                elif isinstance(it.extract, ApiExtract):
                    extracts = Extracts(it, it.extract, folder, aside, self.at)
                    rows[it.name] = read_api(extracts, it.extract)
                elif isinstance(it.extract, BucketExtract):
                    rows[it.name] = self._fetch(it, it.extract, folder, aside)
            if asked := [it for it in tables if it[1].mode is None]:
                rows |= read_tables(asked[0][1].credentials, asked)
            if followed := [it for it in tables if it[1].mode == "cdc"]:
                rows |= follow_changes(followed[0][1].credentials, followed)
            if self.settles:
                settle(folder, aside)
        return rows

    def _fetch(self, source: Source, extract: BucketExtract, folder: Path, aside: Path) -> int:
        from benepass_tasks.ingestion.extracts.objects import fetch_objects  # noqa: PLC0415

        found = fetch_objects(Extracts(source, extract, folder, aside, self.at), extract)
        if self.settles:
            ObjectCopies(folder, source.name).settle(aside)
        return found

    @property
    def files(self) -> list[Path]:
        return sorted((self.root / "extracts").rglob("*.parquet"))

    def rows(self, name: str = "people") -> list[dict[str, str | None]]:
        """The rows of all extracts of a source, in the order of the files."""
        there = [it for it in self.files if name in str(it.relative_to(self.root))]
        return [row for it in there for row in pq.read_table(it).to_pylist()]
