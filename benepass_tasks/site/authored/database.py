"""What the SQL of pages reads: the published file, what is known of runs, and nothing else."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from benepass_tasks.config.settings import Settings
from benepass_tasks.engine.isolated import Given, isolated
from benepass_tasks.site.authored.history import HISTORY, SCHEMA
from benepass_tasks.sqlmodels.statements import SETTINGS
from benepass_tasks.state.publication import DATABASE, Publication


def database_of(shown: Publication) -> Path:
    """The published file that pages read.

    Raises:
        ValueError: there is none.
    """
    if shown.folder is None:
        raise ValueError(f"audience {shown.audience.name} gets no files")
    return shown.folder / DATABASE


def told(settings: Settings, shown: Publication) -> Settings:
    """The settings as the pages tell them: groups have the size that the audience asks for."""
    return replace(settings, min_group_size=shown.min_group_size)


def pages_database(
    settings: Settings, shown: Publication, history: Mapping[str, Sequence[Mapping[str, Any]]]
) -> AbstractContextManager[Connection]:
    """The database.

    Args:
        settings: They give the variables that SQL may read.
        shown: What is published for whom the pages are.
        history: The rows of the tables of `HISTORY`.
    """
    return isolated(
        database_of(shown),
        SCHEMA,
        {name: Given(types, history.get(name, ())) for name, types in HISTORY.items()},
        {name: settings.variables[name] for name in SETTINGS},
        settings.memory_limit,
    )
