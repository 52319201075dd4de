"""The models as queries for Spark, for those who run them elsewhere."""

from collections.abc import Mapping
from pathlib import Path

from benepass_tasks.sqlmodels.effective import Definitions
from benepass_tasks.sqlmodels.spark import Target, functions, spark_queries


def write_queries(
    definitions: Definitions, settings: Mapping[str, str], folder: Path
) -> list[Path]:
    """Write the SELECT of each model, in an order in which each comes after what it reads.

    Args:
        definitions: The catalog and the models.
        settings: Literals by the names that `getvariable` takes.
        folder: Where the files go: `01-quality.issue_types.sql` and so on, and `functions.py` with
            what a session has to know. Others of such a name are removed.

    Returns:
        The queries.

    Raises:
        ModelError: some model cannot be carried over; the message has a line for each.
    """
    made = spark_queries(definitions, Target(settings, str))
    folder.mkdir(parents=True, exist_ok=True)
    for earlier in folder.glob("[0-9]*-*.*.sql"):
        earlier.unlink()
    digits = len(str(len(made)))
    for number, (relation, query) in enumerate(made.items(), 1):
        (folder / f"{number:0{digits}}-{relation}.sql").write_text(
            f"{query.sql}\n", encoding="utf-8"
        )
    source = Path(str(functions.__file__)).read_text(encoding="utf-8")
    (folder / "functions.py").write_text(source, encoding="utf-8")
    return sorted(folder.glob("[0-9]*-*.*.sql"))
