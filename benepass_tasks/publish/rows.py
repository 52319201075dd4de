"""The rows of a table that was written aside, to tell whether a place has them already."""

from benepass_tasks.engine.session import Run


def measured(run: Run, name: str) -> tuple[int, int]:
    """How many rows a table has, and the sum of their hashes, whatever their order.

    Args:
        run: Runs SQL in a session that has the table.
        name: The table, quoted.
    """
    rows, of_rows = run(f"select count(*), sum(hash(it)) from {name} as it")[0]  # noqa: S608 - quoted
    return rows, of_rows
