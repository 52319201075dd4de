"""What the tables promise in the catalog, put to the test.

All tests of a table are one query, which scans it once; its SQL checks are a query each. What came
of them is kept in `meta.check_results`.
"""

from benepass_tasks.quality.data_tests.check import run_tests

__all__ = ["run_tests"]
