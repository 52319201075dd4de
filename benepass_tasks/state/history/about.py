"""What a run was made with: versions, settings and the commit of the project's files."""

import json
import platform
import subprocess
import sys
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benepass_tasks.config.settings import Settings
from benepass_tasks.config.spans import written_span

PACKAGES = ("benepass-tasks", "dlt", "duckdb", "luigi", "sqlalchemy")

SHOWN = (
    "env",
    "data_dir",
    "warehouse",
    "as_of",
    "pii_masking",
    "force",
    "accept",
    "extract",
    "engine",
    "memory_limit",
    "lock_timeout",
    "published_dir",
    "site_dir",
    "site_audience",
    "min_group_size",
    "publish_unmasked",
    "keep_runs",
    "keep_snapshots",
    "anomaly_window",
    "verify_every",
    "keep_changes",
    "keep_rejected",
    "max_restated",
)
"""The settings that are kept; one that is not named here may be a secret."""

PATIENCE = 5
"""Seconds after which a run does without its commit."""


def versions() -> str:
    """The versions of Python and of the packages that make the tables, as JSON."""
    found = {name: _version(name) for name in PACKAGES}
    return json.dumps({"python": platform.python_version(), **found})


def shown_settings(settings: Settings) -> str:
    """The settings of a run without its secrets, as JSON."""
    return json.dumps({name: _plain(getattr(settings, name)) for name in SHOWN})


def git_commit(folder: Path) -> str | None:
    """The commit that a folder's files are at, with `-dirty` where some differ from it.

    None where there is no commit or no git.
    """
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        asked = subprocess.run(  # noqa: S603 - the folder is an argument of its own
            [*command, "--exclude", "*"],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout.strip() or None


def _version(package: str) -> str:
    # What is imported knows it at once; the records of what is installed take milliseconds.
    known = getattr(sys.modules.get(package), "__version__", None)
    if known is not None:
        return str(known)
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _plain(value: object) -> object:
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, bool | int | float | None):
        return value
    if isinstance(value, timedelta):
        return written_span(value)
    return value.isoformat() if isinstance(value, datetime) else str(value)
