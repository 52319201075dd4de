"""What was read from the SQL files, kept so that a run with unchanged files need not parse them."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benepass_tasks.config.project import LAYERS, Project
from benepass_tasks.sqlmodels.definitions import Macro, Model

FORMAT = "4"
"""Version of what is kept; a change of it leaves earlier files unread."""

Definitions = tuple[dict[str, Macro], dict[str, Model]]


def files_key(project: Project, generated: Mapping[str, str]) -> str:
    """Digest of all SQL, where it stands or what is generated, and of what reads it."""
    state = hashlib.sha256(f"{FORMAT} {version('duckdb')}".encode())
    for folder in ("macros", "checks", *LAYERS):
        for path in project.sql_files(folder):
            state.update(f"\0{folder}/{path.name}\0".encode())
            state.update(hashlib.sha256((project.root / path).read_bytes()).digest())
    for relation, sql in generated.items():
        state.update(f"\0{relation}\0{sql}".encode())
    return state.hexdigest()


def recall(file: Path, key: str) -> Definitions | None:
    """What was kept under the key; None where there is none, or it cannot be read."""
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        if kept["key"] != key:
            return None
        return (
            {name: Macro(**_restored(fields)) for name, fields in kept["macros"].items()},
            {name: Model(**_restored(fields)) for name, fields in kept["models"].items()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        # Whatever is wrong with it, the SQL files are the truth and are read instead.
        return None


def keep(file: Path, key: str, definitions: Definitions) -> None:
    """Keep what was read; where the folder cannot be written, nothing is kept."""
    macros, models = definitions
    text = json.dumps(
        {
            "key": key,
            "macros": {name: _plain(asdict(macro)) for name, macro in macros.items()},
            "models": {name: _plain(asdict(model)) for name, model in models.items()},
        }
    )
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        aside = file.with_name(f"{file.name}.{os.getpid()}")
        aside.write_text(text, encoding="utf-8")
        aside.replace(file)
    except OSError:
        return


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
