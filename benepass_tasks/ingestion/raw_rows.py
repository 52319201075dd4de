"""The rows of a source in its raw table, which are judged as soon as they are there."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from benepass_tasks.catalog import Source
from benepass_tasks.engine.tables import engine_of
from benepass_tasks.sqlmodels import Macro


@dataclass(frozen=True, slots=True)
class RawRows:
    """What is known of the rows.

    Attributes:
        source: The source.
        relation: Its raw table.
        macros: What its SQL calls, each after those that it calls itself.
    """

    source: Source
    relation: str
    macros: Sequence[Macro]

    def define_macros(self, connection: Connection) -> None:
        """Define in a session that writes what the SQL calls."""
        for macro in self.macros:
            engine_of(connection).define(macro.name, macro.sql)
