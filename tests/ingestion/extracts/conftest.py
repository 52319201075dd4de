"""What the tests of extracts share: a source as the catalog declares it, and its extracts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from extracting import Reading

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def reading(tmp_path: Path) -> Reading:
    return Reading(tmp_path)
