"""Reading `catalog.yaml`: all of it as plain data, or everything wrong with it at once."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from benepass_tasks.catalog import rules, wording
from benepass_tasks.catalog.datasets import (
    Catalog,
    Column,
    Layer,
    Mask,
    SchemaContract,
    Source,
    Table,
)
from benepass_tasks.catalog.document import Document, KeyPath, Place, Problem, read_document
from benepass_tasks.config.errors import CatalogError

MASKING_POLICY = "_masking_policy"
"""The key of the masking policy; Kedro skips it, as it does all that begin so."""


def load_catalog(path: Path) -> Catalog:
    """Read and check a catalog.

    Args:
        path: The catalog's file.

    Returns:
        Its sources and tables.

    Raises:
        CatalogError: The file cannot be read, or breaks a rule; the message has one line for each
            problem, sorted by the line it is on.
    """
    document = read_document(_read(path), path.name)
    datasets = _datasets(document.data)
    problems = [*document.problems, *_not_datasets(document.data), *rules.check(datasets)]
    loaded = {name: _load(name, declared, problems) for name, declared in datasets.items()}
    masks = _load_masks(document.data.get(MASKING_POLICY, {}), problems)
    if problems:
        raise CatalogError("\n".join(_described(problems, document)))
    return _catalog(path, loaded, masks)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise CatalogError(
            f"{path.name}: no such file in {path.absolute().parent}: run from the project's "
            "folder, or set --benepass-project-dir or [benepass] project_dir"
        ) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise CatalogError(f"{path.name}:{line}: not UTF-8 text: save it as UTF-8") from error
    except OSError as error:
        raise CatalogError(f"{path.name}: cannot be read: {error.strerror} ({path})") from error


def _datasets(data: Mapping[object, object]) -> dict[str, Mapping[object, object]]:
    return {
        name: declared
        for name, declared in data.items()
        if isinstance(name, str) and isinstance(declared, Mapping) and not _holds_anchors(name)
    }


def _not_datasets(data: Mapping[object, object]) -> Iterator[Problem]:
    if all(map(_holds_anchors, data)):
        yield Problem((), "must declare at least one dataset")
    for name, declared in data.items():
        if not isinstance(name, str):
            yield Problem((name,), wording.unknown_key(name, ()))
        elif not isinstance(declared, Mapping) and not _holds_anchors(name):
            yield Problem((name,), f"must be a mapping, not {wording.shown(declared)}")


def _holds_anchors(name: object) -> bool:
    """Kedro skips such names as well, whatever stands under them."""
    return isinstance(name, str) and name.startswith("_")


def _load(
    name: str, declared: Mapping[object, object], problems: list[Problem]
) -> Mapping[str, Any]:
    # Not at the top because it imports marshmallow, which takes longer than loading a catalog:
    # whoever only needs the dataclasses should not wait for it.
    from benepass_tasks.catalog.schema import load_dataset  # noqa: PLC0415

    loaded, messages = load_dataset(declared, table=rules.is_table(name, declared))
    problems += (Problem((name, *path), message) for path, message in messages)
    return loaded


def _load_masks(declared: object, problems: list[Problem]) -> Mapping[str, Mask]:
    from benepass_tasks.catalog.schema import load_masks  # noqa: PLC0415 - as above

    if not isinstance(declared, Mapping):
        message = f"must be a mapping of macros, not {wording.shown(declared)}"
        problems.append(Problem((MASKING_POLICY,), message))
        return {}
    masks, messages = load_masks(declared)
    problems += (Problem((MASKING_POLICY, *path), message) for path, message in messages)
    return masks


def _catalog(
    path: Path, loaded: Mapping[str, Mapping[str, Any]], masks: Mapping[str, Mask]
) -> Catalog:
    sources = {name: _source(name, data) for name, data in loaded.items() if "." not in name}
    tables = {name: _table(name, data) for name, data in loaded.items() if "." in name}
    return Catalog(
        path, MappingProxyType(sources), MappingProxyType(tables), MappingProxyType(dict(masks))
    )


def _source(name: str, data: Mapping[str, Any]) -> Source:
    metadata = data["metadata"]
    return Source(
        name=name,
        filepath=data["filepath"],
        description=metadata["description"],
        domain=metadata.get("domain"),
        columns=metadata["columns"],
        schema_contract=metadata.get("schema_contract", SchemaContract()),
        freshness=metadata.get("freshness"),
        volume=metadata.get("volume"),
    )


def _table(name: str, data: Mapping[str, Any]) -> Table:
    layer, _, table = name.partition(".")
    metadata = data["metadata"]
    return Table(
        layer=cast("Layer", layer),
        name=table,
        description=metadata["description"],
        grain=metadata.get("grain"),
        materialized=metadata.get("materialized", "table"),
        domain=metadata.get("domain"),
        source=metadata.get("source"),
        columns=metadata["columns"],
        published=metadata.get("published", False),
        suppression=metadata.get("suppression"),
        key=metadata.get("key") or _usual_key(metadata["columns"]),
        tests=metadata.get("tests", ()),
        freshness=metadata.get("freshness"),
        volume=metadata.get("volume"),
    )


def _usual_key(columns: Mapping[str, Column]) -> tuple[str, ...]:
    """Where a row came from, if the table says so and nothing personal is in it."""
    found = [columns[name] for name in rules.PROVENANCE if name in columns]
    is_usable = all(column.pii.class_ != "identifier" for column in found)
    return rules.PROVENANCE if is_usable and len(found) == len(rules.PROVENANCE) else ()


def _described(problems: Iterable[Problem], document: Document) -> Iterator[str]:
    """One line for each problem, and only one for what many places share through an anchor."""
    alike: dict[tuple[int, int, KeyPath, str], list[Place]] = {}
    for problem in problems:
        place = document.place(problem.path)
        key = (place.line, place.column, problem.path[-1:], problem.message)
        alike.setdefault(key, []).append(place)
    for (line, *_, message), places in sorted(alike.items(), key=_by_line):
        place = places[0]
        surprise = f" ({place.surprise})" if place.surprise else ""
        others = f" (in {len(places)} places, through an anchor)" if len(places) > 1 else ""
        where = f"{document.name}:{line} {place.dotted}".rstrip()
        yield f"{where}: {message}{surprise}{others}"


def _by_line(alike: tuple[tuple[int, int, KeyPath, str], list[Place]]) -> tuple[int, int, str, str]:
    (line, column, _, message), places = alike
    return line, column, places[0].dotted, message
