"""A server of Spark Connect, such as a cluster or Sail: it computes queries over Parquet files."""

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import tenacity

from benepass_tasks.config.errors import EngineError
from benepass_tasks.config.spark_server import TOKEN, SparkServer
from benepass_tasks.engine.handover import Made

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

log = logging.getLogger(__name__)

CONF = {"spark.sql.session.timeZone": "UTC", "spark.sql.ansi.enabled": "true"}
"""What a query means follows from these, and a server may have others."""

OLDEST = 4
"""The least major version of Spark whose SQL is written."""

ATTEMPTS = 3
LOST = ("UNAVAILABLE", "ABORTED", "CANCELLED", "DEADLINE_EXCEEDED")
"""What gRPC says of a connection that is gone; a query that was asked there can be asked again."""

REFUSED = ("UNAUTHENTICATED", "PERMISSION_DENIED")

FORGOTTEN = "INVALID_HANDLE"
"""How the errors begin of a server that was started anew, and knows nothing of the session."""


@dataclass(frozen=True, slots=True)
class Query:
    """A query, and what it reads.

    Attributes:
        sql: The query.
        files: The Parquet files of tables, by the names that they have in it.
        views: Queries by the names that they have in it, each after those that it reads.
    """

    sql: str
    files: Mapping[str, Path]
    views: Mapping[str, str]


class LostError(Exception):
    """The server does not answer, or has forgotten the session."""


@dataclass
class Spark:
    """A server; each query has a session of its own, so that nothing of another counts.

    Attributes:
        server: Where it is.
        prepare: Makes known to a session what queries call.
    """

    server: SparkServer
    prepare: Callable[["SparkSession"], None]
    _is_given_up: bool = field(default=False, init=False, repr=False)

    def write(self, ask: Callable[[], tuple[Query, Path]]) -> Made:
        """Have the rows of a query written as Parquet files, again where the server is lost.

        Args:
            ask: Tells the query, and a folder that is not there yet.

        Returns:
            What it made.

        Raises:
            EngineError: the server cannot be reached, is not fit, or fails; quotes no value.
        """
        attempts = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(LostError),
            stop=tenacity.stop_after_attempt(1 if self._is_given_up else ATTEMPTS),
            wait=tenacity.wait_exponential(0.5, max=10),
            before_sleep=self._tell_lost,
            reraise=True,
        )
        try:
            return attempts(lambda: self._written(*ask()))
        except LostError as error:
            self._is_given_up = True
            raise EngineError(
                f"{self.server} does not answer ({error}); what was built before stays. Start it, "
                "or correct --benepass-spark-remote, and run again"
            ) from None

    def _tell_lost(self, state: tenacity.RetryCallState) -> None:
        lost = state.outcome.exception() if state.outcome else None
        log.warning("%s is lost (%s); asking it again", self.server, lost)

    def _written(self, query: Query, to: Path) -> Made:
        from pyspark.errors import PySparkException  # noqa: PLC0415 - slow, and an extra

        try:
            with self._session() as session:
                for name, file in query.files.items():
                    session.read.parquet(str(file)).createOrReplaceTempView(name)
                for name, sql in query.views.items():
                    session.sql(sql).createOrReplaceTempView(name)
                rows = session.sql(query.sql)
                rows.write.parquet(str(to))
                written = session.read.schema(rows.schema).parquet(str(to))
                return Made(to, written.count())
        except PySparkException as error:
            raise self._explained(error, to) from None

    @contextmanager
    def _session(self) -> Iterator["SparkSession"]:
        from pyspark.sql import SparkSession  # noqa: PLC0415 - see above
        from pyspark.sql.connect.client.retries import DefaultPolicy  # noqa: PLC0415 - see above

        # It warns from threads of its own, in words that tell an operator nothing.
        warnings.filterwarnings("ignore", module="pyspark")
        session = SparkSession.builder.remote(self.server.address).create()
        try:
            session.client.set_retry_policies([DefaultPolicy(max_retries=2, max_backoff=1_000)])
            self._refuse_old(session.version)
            for name, value in CONF.items():
                session.conf.set(name, value)
            self.prepare(session)
            yield session
        finally:
            session.stop()

    def _refuse_old(self, version: str) -> None:
        if int(version.partition(".")[0]) < OLDEST:
            raise EngineError(
                f"{self.server} is Spark {version}, whose SQL differs; it must be {OLDEST}.0 or "
                "newer"
            )

    def _explained(self, error: Exception, to: Path) -> Exception:
        """What may be said of a failure: its kind, and never a value of the data."""
        status = getattr(error, "getGrpcStatusCode", lambda: None)()
        code = status.name if status is not None else ""
        condition = getattr(error, "getCondition", lambda: None)() or ""
        if code in LOST or condition.startswith(FORGOTTEN):
            return LostError(condition or code)
        if code in REFUSED:
            return EngineError(f"{self.server} refuses the session; correct {TOKEN}")
        return EngineError(
            f"{self.server} stopped with {condition or type(error).__name__}; its own log says "
            f"more. It has to read and write {to.parent} by this path, as this user"
        )
