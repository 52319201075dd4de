"""Another engine reads the tables of Iceberg that a run has written: Sail, without any of ours."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
import sparking
from audiences import NAMED, Columns, Publishing, Rows
from lakes import in_folder

from benepass_tasks.publish import pieces

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("pysail", reason="no Sail; `tox -e spark` has it")
pytestmark = pytest.mark.spark

COLUMNS: Columns = {
    "visits": {
        "id": ("VARCHAR", None),
        "at": ("TIMESTAMP WITH TIME ZONE", None),
        "amount": ("DECIMAL(18,2)", None),
        "tags": ("VARCHAR[]", None),
    }
}
ROWS: Rows = {
    "visits": [
        ("a", "2026-01-05 00:00:00+00", "1.50", ["x"]),
        ("b", None, None, None),
        ("c", "2025-12-31 23:59:59.5+00", "-2.00", []),
    ]
}


def test_sail_reads_the_last_version_and_the_months_it_asks_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "LARGE", 2)
    staff = {"staff": NAMED | {"iceberg": {"catalog": "lake", "namespace": "staff"}}}
    months = {"visits": "at"}
    for lake in in_folder(tmp_path / "lake", monkeypatch):
        made = Publishing(tmp_path, staff, columns=COLUMNS, rows=ROWS, months=months)
        made.publish()
        made.rows = {"visits": ROWS["visits"][:2]}
        made.fill()
        made.publish()
        place = lake.table("staff.visits").location()
    with sparking.sail() as served, sparking.connected(served.remote) as session:
        found = session.read.format("iceberg").load(place)
        first = ("a", datetime(2026, 1, 5), Decimal("1.50"), ["x"])  # noqa: DTZ001 - the session's
        assert sorted(map(tuple, found.collect())) == [first, ("b", None, None, None)]
        since = found.filter("at >= timestamp'2026-01-01 00:00:00'")
        assert [tuple(it) for it in since.collect()] == [first]
