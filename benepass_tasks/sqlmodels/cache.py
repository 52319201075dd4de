"""What was found out about the project, kept so that a run of the same one need not do so again."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from benepass_tasks.config.project import LAYERS, Project
from benepass_tasks.engine.disk import private_file
from benepass_tasks.sqlmodels.definitions import Macro, Model

FORMAT = "8"
"""Version of what is kept, and of the rules that it was found out by."""

SqlFiles = tuple[dict[str, Macro], dict[str, Model]]
"""The macros and the models of a project by name."""

T = TypeVar("T")


def files_key(project: Project, generated: Mapping[str, str]) -> str:
    """Digest of all SQL, where it stands or what is generated, and of what reads it."""
    state = hashlib.sha256(_format().encode())
    for folder in ("macros", "checks", *LAYERS):
        for path in project.sql_files(folder):
            state.update(f"\0{folder}/{path.name}\0".encode())
            state.update(hashlib.sha256((project.root / path).read_bytes()).digest())
    for relation, sql in generated.items():
        state.update(f"\0{relation}\0{sql}".encode())
    return state.hexdigest()


def _format() -> str:
    return f"{FORMAT} {version('benepass-tasks')} {version('duckdb')}"


class Cache:
    """A file of what was found out, each under the digest of what it follows from.

    Attributes:
        file: The file, which may be missing.
    """

    def __init__(self, file: Path) -> None:
        """Name the file; it is read when something is recalled."""
        self.file = file

    @cached_property
    def _kept(self) -> dict[str, Any]:
        try:
            kept = json.loads(self.file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            kept = None
        is_ours = isinstance(kept, dict) and kept.get("format") == _format()
        return kept if is_ours else {"format": _format()}

    def recall(self, what: str, key: str, restored: Callable[[Any], T]) -> T | None:
        """What was kept under the key; None where there is none, or it cannot be read."""
        try:
            kept = self._kept[what]
            return restored(kept["value"]) if kept["key"] == key else None
        except (ValueError, LookupError, TypeError, AttributeError):
            # Whatever is wrong with it, the files of the project are the truth and are read.
            return None

    def last(self, what: str, restored: Callable[[Any], T]) -> T | None:
        """What was kept last, whatever it follows from: some of it may still hold."""
        try:
            return restored(self._kept[what]["value"])
        except (ValueError, LookupError, TypeError, AttributeError):
            return None

    def keep(self, key: str, **found: object) -> None:
        """Keep what was found out; where the folder cannot be written, for this run alone."""
        self._kept.update({what: {"key": key, "value": value} for what, value in found.items()})
        aside = self.file.with_name(f"{self.file.name}.{os.getpid()}")
        with suppress(OSError):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with private_file(aside) as file:
                json.dump(self._kept, file)
            aside.replace(self.file)


def plain(read: SqlFiles) -> object:
    """What was read from the SQL files, as JSON has it."""
    macros, models = read
    return {
        "macros": {name: _plain(asdict(macro)) for name, macro in macros.items()},
        "models": {name: _plain(asdict(model)) for name, model in models.items()},
    }


def restored(kept: Mapping[str, Any]) -> SqlFiles:
    """What was read from the SQL files, from JSON."""
    return (
        {name: Macro(**_restored(fields)) for name, fields in kept["macros"].items()},
        {name: Model(**_restored(fields)) for name, fields in kept["models"].items()},
    )


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _listed(value) for name, value in fields.items()}


def _listed(value: object) -> object:
    if isinstance(value, Path):
        return str(value)
    return sorted(value) if isinstance(value, frozenset | tuple) else value


def _restored(fields: Mapping[str, Any]) -> dict[str, Any]:
    restored: dict[str, Any] = {
        name: frozenset(value) if isinstance(value, Iterable) and name in SETS else value
        for name, value in fields.items()
    }
    restored["path"] = Path(restored["path"])
    if "references" in restored:
        restored["references"] = tuple(restored["references"])
    return restored


SETS = ("macros", "variables")
"""Fields of a definition that are sets, which JSON has none of."""
