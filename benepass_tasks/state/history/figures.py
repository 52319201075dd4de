"""What a run says of the quality of the data, as figures that can be followed over the runs."""

from sqlalchemy import Connection, delete, insert
from sqlalchemy.exc import DBAPIError

from benepass_tasks.config.errors import BooksError
from benepass_tasks.config.project import Project
from benepass_tasks.engine.failures import explain
from benepass_tasks.state.meta import QUALITY_FIGURES
from benepass_tasks.state.store import state_of

REPORT = "reports/quality_figures.sql"


def keep_figures(connection: Connection, project: Project, run_id: str) -> None:
    """Write the figures of the tables as a run leaves them: rows of `meta.quality_figures`.

    Raises:
        BooksError: DuckDB refuses the SQL of the report.
    """
    sql = (project.sql / REPORT).read_text(encoding="utf-8")
    try:
        rows = connection.exec_driver_sql(sql).all()
    except DBAPIError as error:
        # Without the cause: its text may quote a value of the data.
        raise BooksError(f"sql/{REPORT}: {explain(error)}") from None
    state = state_of(connection)
    state.execute(delete(QUALITY_FIGURES).where(QUALITY_FIGURES.c.run_id == run_id))
    names = ("dataset", "figure", "name", "value")
    found = [{"run_id": run_id, **dict(zip(names, row, strict=True))} for row in rows]
    if found:
        state.execute(insert(QUALITY_FIGURES), found)
