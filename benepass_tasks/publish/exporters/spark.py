"""The models as queries for Spark, for those whose tables outgrow one machine."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from benepass_tasks.config.errors import ModelError
from benepass_tasks.sqlmodels import Model
from benepass_tasks.sqlmodels.effective import Definitions
from benepass_tasks.sqlmodels.spark import Columns, functions, spark_query


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
    made = dict(queries(definitions, settings, str))
    folder.mkdir(parents=True, exist_ok=True)
    for earlier in folder.glob("[0-9]*-*.*.sql"):
        earlier.unlink()
    digits = len(str(len(made)))
    for number, (relation, query) in enumerate(made.items(), 1):
        (folder / f"{number:0{digits}}-{relation}.sql").write_text(f"{query}\n", encoding="utf-8")
    source = Path(str(functions.__file__)).read_text(encoding="utf-8")
    (folder / "functions.py").write_text(source, encoding="utf-8")
    return sorted(folder.glob("[0-9]*-*.*.sql"))


def queries(
    definitions: Definitions, settings: Mapping[str, str], place: Callable[[str], str]
) -> Iterator[tuple[str, str]]:
    """The relations that SQL files make, with their queries, each after those that it reads.

    Args:
        definitions: As above.
        settings: As above.
        place: What Spark calls the table of a relation.

    Raises:
        ModelError: as above, after those that can.
    """
    problems = []
    for model in definitions.graph.models.values():
        if model.is_generated:
            continue
        macros = {it.name: it for it in definitions.graph.macros_of(model)}
        try:
            query = spark_query(model, macros, settings, _columns(definitions, model), place)
        except ModelError as error:
            problems.append(str(error))
        else:
            yield model.relation, query
    if problems:
        raise ModelError("\n".join(problems))


def _columns(definitions: Definitions, model: Model) -> Columns:
    tables = definitions.catalog.tables
    made, *read = (
        {name: column.type for name, column in tables[it].columns.items()}
        for it in (model.relation, *model.references)
    )
    return Columns.of(read, made)
