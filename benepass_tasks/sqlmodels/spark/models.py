"""All models of a project as queries for Spark."""

from collections.abc import Mapping
from importlib.metadata import version

from benepass_tasks.config.digests import digest
from benepass_tasks.config.errors import ModelError
from benepass_tasks.sqlmodels.definitions import Model
from benepass_tasks.sqlmodels.effective import Definitions
from benepass_tasks.sqlmodels.spark.building import Columns
from benepass_tasks.sqlmodels.spark.transpiling import SparkQuery, Target, spark_query
from benepass_tasks.sqlmodels.statements import SECRETS


def spark_queries(definitions: Definitions, target: Target) -> dict[str, SparkQuery]:
    """The relations that SQL files make, with their queries, each after those that it reads.

    Raises:
        ModelError: some model cannot be carried over; the message has a line for each.
    """
    made, problems = dict[str, SparkQuery](), list[str]()
    for model in definitions.graph.models.values():
        if model.is_generated:
            continue
        macros = {it.name: it for it in definitions.graph.macros_of(model)}
        try:
            made[model.relation] = spark_query(model, macros, _columns(definitions, model), target)
        except ModelError as error:
            problems.append(str(error))
    if problems:
        raise ModelError("\n".join(problems))
    return made


def known_queries(definitions: Definitions, settings: Mapping[str, str]) -> dict[str, SparkQuery]:
    """The same for temporary views and for DuckDB, kept for as long as nothing has changed.

    Raises:
        ModelError: as above.
    """
    graph, tables = definitions.graph, definitions.catalog.tables.values()
    key = digest(
        version("sqlglot"),
        *(f"{name}={it}" for name, it in settings.items() if name not in SECRETS),
        *(it.sql for it in graph.macros.values()),
        *(it.sql for it in graph.models.values()),
        *(
            f"{it.relation}.{name} {column.type}"
            for it in tables
            for name, column in it.columns.items()
        ),
    )
    found: dict[str, SparkQuery] | None = definitions.cache.recall("spark", key, _restored)
    if found is None:
        found = spark_queries(definitions, Target(settings, view_of, is_taken_over=True))
        kept = {relation: (it.sql, sorted(it.hashed)) for relation, it in found.items()}
        definitions.cache.keep(key, spark=kept)
    return found


def _restored(kept: Mapping[str, tuple[str, list[str]]]) -> dict[str, SparkQuery]:
    return {it: SparkQuery(sql, frozenset(hashed)) for it, (sql, hashed) in kept.items()}


def view_of(relation: str) -> str:
    """The name of the temporary view, which has no schema, of a table."""
    return relation.replace(".", "__")


def _columns(definitions: Definitions, model: Model) -> Columns:
    tables = definitions.catalog.tables
    made, *read = (
        {name: column.type for name, column in tables[it].columns.items()}
        for it in (model.relation, *model.references)
    )
    return Columns.of(read, made)
