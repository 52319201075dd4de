"""What dlt is given to work with: all of its configuration, and the warehouse as destination."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import dlt
from dlt.common.configuration.container import Container
from dlt.common.configuration.providers.provider import ConfigProvider
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.runtime.run_context import RunContext
from dlt.destinations import duckdb as duckdb_destination
from dlt.destinations.impl.duckdb.configuration import (
    DuckDbClientConfiguration,
    DuckDbCredentials,
)
from dlt.destinations.impl.duckdb.duck import DuckDbClient
from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient

from benepass_tasks.engine.session import ALIAS, quote_name

CONFIGURATION = {
    "dlthub_telemetry": False,
    "log_level": "CRITICAL",
    "compression": "lz4",
    "add_dlt_load_id": True,
    "delete_completed_jobs": True,
    "workers": 1,
    # Its state would be stored in raw, and nothing here reads it.
    "restore_from_destination": False,
}
"""What dlt does not find here has its default: it reads no environment and no file of its own."""


class Configuration(ConfigProvider):
    """dlt's configuration by the name of the value alone, whichever section it is asked for in."""

    name = "benepass_tasks"
    supports_secrets = True
    supports_sections = False

    def get_value(
        self,
        key: str,
        hint: type[Any],  # noqa: ARG002 - the values have the types that they need
        pipeline_name: str | None,  # noqa: ARG002
        *sections: str,  # noqa: ARG002
    ) -> tuple[Any, str]:
        """The value, if any, and the name that it was found by."""
        return CONFIGURATION.get(key), key


class Context(RunContext):
    """dlt's surroundings, of which the configuration is the only part that matters here."""

    def initial_providers(self) -> list[ConfigProvider]:
        """Where dlt looks for its configuration."""
        return [Configuration()]


@contextmanager
def configured() -> Iterator[None]:
    """Let dlt have this configuration, and its own again afterwards."""
    with Container().injectable_context(PluggableRunContext(Context("."))):
        yield


class RawSqlClient(DuckDbSqlClient):
    """dlt's SQL on a connection that has the warehouse attached, and settings of its own."""

    def __init__(
        self,
        schemas: tuple[str, str],
        credentials: DuckDbCredentials,
        capabilities: DestinationCapabilitiesContext,
    ) -> None:
        """Leave the settings of the connection as they are."""
        super().__init__(*schemas, credentials, capabilities)
        self._pragmas = []
        self._global_config = {}

    def catalog_name(self, quote: bool = True, casefold: bool = True) -> str:  # noqa: ARG002, FBT001, FBT002
        """The database that the schema is in."""
        return quote_name(ALIAS) if quote else ALIAS


class RawClient(DuckDbClient):
    """dlt's DuckDB client, on the warehouse."""

    def __init__(
        self,
        schema: dlt.Schema,
        config: DuckDbClientConfiguration,
        capabilities: DestinationCapabilitiesContext,
    ) -> None:
        """Put the own SQL in place of the original's."""
        super().__init__(schema, config, capabilities)
        schemas = (self.sql_client.dataset_name, self.sql_client.staging_dataset_name)
        self.sql_client = RawSqlClient(schemas, config.credentials, capabilities)


class Destination(duckdb_destination):
    """dlt's DuckDB, which works out once what it can do: dlt asks a dozen times in each load."""

    @property
    def client_class(self) -> type[RawClient]:
        """What dlt works with."""
        return RawClient

    def capabilities(
        self,
        config: object = None,  # noqa: ARG002 - neither changes what DuckDB can do
        naming: object = None,  # noqa: ARG002
    ) -> DestinationCapabilitiesContext:
        """What DuckDB can do, as a copy, since dlt adjusts it."""
        return _capabilities().copy()


@cache
def _capabilities() -> DestinationCapabilitiesContext:
    return duckdb_destination().capabilities()
