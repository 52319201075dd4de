"""What may be said of a failure inside DuckDB: never a value of the data."""

import duckdb

from benepass_tasks.config.errors import BenepassError

ABOUT_SQL = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException)
MEMORY = "DuckDB has too little memory for this: set --benepass-memory-limit higher"
ON_ANY_LINE = {
    "No space left on device": "no space is left on the disk",
    "Out of Memory": MEMORY,
    "failed to pin block": MEMORY,
    "failed to allocate": MEMORY,
}
"""What DuckDB says on any line, and in errors of several kinds."""

DAMAGED = "Corrupt"
WAY_OUT = "restore it, or move it away: the next run rebuilds it"

ABOUT_THE_MACHINE = (duckdb.IOException, OSError)


def explain(failure: BaseException) -> str:
    """Say what went wrong, in DuckDB's words only where these cannot quote the data."""
    cause = root_cause(failure)
    for sign, meaning in ON_ANY_LINE.items():
        if sign in str(cause):
            return meaning
    if isinstance(cause, ABOUT_SQL):
        return f"DuckDB refuses the SQL: {_first_line(cause)}"
    if isinstance(cause, ABOUT_THE_MACHINE):
        return f"DuckDB stopped: {_first_line(cause)}"
    if isinstance(cause, duckdb.DataError):
        return (
            f"DuckDB stopped with {type(cause).__name__}: a value of the data does not fit the "
            "SQL; use try_cast, nullif or a filter where a value may not fit"
        )
    if DAMAGED in str(cause):
        return f"DuckDB stopped: the file is damaged; {WAY_OUT}"
    return f"DuckDB stopped with {type(cause).__name__}"


def root_cause(failure: BaseException) -> BaseException:
    """What a failure began with, or the error for people that says it."""
    while failure.__cause__ is not None and not isinstance(failure, BenepassError):
        failure = failure.__cause__
    return failure


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
