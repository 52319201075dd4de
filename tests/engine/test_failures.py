"""What is said of a failure inside DuckDB."""

from __future__ import annotations

import duckdb
import pytest

from benepass_tasks.engine.failures import explain

AT_A_DETACH = """IO Error: Detached database 'w', but CHECKPOINT during DETACH failed.
Original error: Could not write file "w.duckdb": No space left on device"""

WITHOUT_MEMORY = """FATAL Error: Detached database 'w', but CHECKPOINT during DETACH failed.
Original error: failed to pin block of size 256.0 KiB (976.0 KiB/976.5 KiB used)"""


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (duckdb.IOException(AT_A_DETACH), "no space is left on the disk"),
        (duckdb.FatalException(AT_A_DETACH), "no space is left on the disk"),
        (OSError(28, "No space left on device"), "no space is left on the disk"),
        (duckdb.IOException("IO Error: it is gone\nmore"), "DuckDB stopped: IO Error: it is gone"),
        (duckdb.OutOfMemoryException("Out of Memory Error"), "set --benepass-memory-limit higher"),
        (duckdb.FatalException(WITHOUT_MEMORY), "set --benepass-memory-limit higher"),
        (duckdb.CatalogException("no table t"), "DuckDB refuses the SQL: no table t"),
        (duckdb.FatalException("Corrupt"), "the file is damaged; restore it, or move it away"),
        (duckdb.ConversionException("'Ann' is not a number"), "a value of the data does not fit"),
        (duckdb.InternalException("'Ann'"), "DuckDB stopped with InternalException"),
    ],
)
def test_its_cause_is_said_and_no_value(failure: BaseException, words: str) -> None:
    wrapped = ValueError("dlt could not")
    wrapped.__cause__ = failure
    assert words in explain(wrapped)
    assert "Ann" not in explain(wrapped)
