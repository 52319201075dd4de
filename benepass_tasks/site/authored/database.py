"""What the SQL of pages reads: the published file, what is known of runs, and nothing else."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import Connection

from benepass_tasks.config.settings import Settings
from benepass_tasks.engine.isolated import Given, isolated
from benepass_tasks.site.authored.history import HISTORY, SCHEMA
from benepass_tasks.sqlmodels.statements import SETTINGS
from benepass_tasks.state.publication import DATABASE


def pages_database(
    settings: Settings, history: Mapping[str, Sequence[Mapping[str, Any]]]
) -> AbstractContextManager[Connection]:
    """The database.

    Args:
        settings: They name the published file, and give the variables that SQL may read.
        history: The rows of the tables of `HISTORY`.
    """
    return isolated(
        settings.published_dir / DATABASE,
        SCHEMA,
        {name: Given(types, history.get(name, ())) for name, types in HISTORY.items()},
        {name: settings.variables[name] for name in SETTINGS},
        settings.memory_limit,
    )
