"""Tables whose rows a server of Spark computes, and the warehouse takes over."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from benepass_tasks.engine.handover import Handover
from benepass_tasks.engine.spark import Query, Spark
from benepass_tasks.engine.tables import engine_of
from benepass_tasks.pipeline.upkeep import Upkeep
from benepass_tasks.sqlmodels import Model
from benepass_tasks.sqlmodels.spark import SparkQuery, view_of
from benepass_tasks.state.plan import Plan
from benepass_tasks.state.run import Run


@dataclass(frozen=True)
class OnSpark:
    """What has Spark compute tables.

    What a table reads is handed over as files: tables, and the base views, which are of DuckDB's
    own. Other views Spark computes as it reads them.

    Attributes:
        spark: The server.
        handover: The folder that both read.
        queries: The models that are written in files, as queries for Spark.
        upkeep: The models around them.
        plan: What says which rows there are.
    """

    spark: Spark
    handover: Handover
    queries: Mapping[str, SparkQuery]
    upkeep: Upkeep
    plan: Plan

    def select(self, connection: Connection, model: Model, columns: Mapping[str, str]) -> str:
        """Have the rows of a table computed; returns the SELECT that takes them over.

        Args:
            connection: A session.
            model: Its SQL.
            columns: The columns that DuckDB would make of it, with their types.

        Raises:
            EngineError: the server cannot be reached, or fails.
        """

        def ask() -> tuple[Query, Path]:
            reached = dict.fromkeys(self._reached(model))
            views = {view_of(it): self.queries[it].sql for it in reached if it in self._views}
            files = {
                view_of(it): self._given(connection, it) for it in reached if it not in self._views
            }
            return Query(query.sql, files, views), self.handover.new_place()

        query = self.queries[model.relation]
        return self.handover.taken(self.spark.write(ask), columns, query.hashed)

    @property
    def _views(self) -> frozenset[str]:
        return self.upkeep.views & self.queries.keys()

    def _reached(self, model: Model) -> Iterator[str]:
        """What is read of a model, and of the views that it reads, each after what it reads."""
        for it in model.references:
            if it in self._views:
                yield from self._reached(self.upkeep.graph.models[it])
            yield it

    def _given(self, connection: Connection, relation: str) -> Path:
        columns = engine_of(connection).columns(relation)
        version = str(self.plan[relation].data_hash)
        return self.handover.give(connection, relation, columns, version)


def on_spark(run: Run, spark: Spark, upkeep: Upkeep) -> OnSpark:
    """What has a run's tables computed by its server."""
    handover = Handover(run.settings.handover_dir)
    return OnSpark(spark, handover, run.spark_queries, upkeep, run.plan())
