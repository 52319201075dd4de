"""Reading `catalog.yaml`: all that it declares as plain data, or everything wrong with its form."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast, get_args

from benepass_tasks.catalog import rules, wording
from benepass_tasks.catalog.audiences import ANALYST, ANALYSTS, Audience, audience
from benepass_tasks.catalog.datasets import (
    Declarations,
    DeclaredSource,
    DeclaredTable,
    Layer,
    Mask,
)
from benepass_tasks.catalog.document import (
    Document,
    Entries,
    KeyPath,
    Problem,
    problems_in,
    read_document,
    refuse,
)
from benepass_tasks.catalog.extracts import EXTRACTED_TYPES
from benepass_tasks.catalog.implied import base_views, raw_tables
from benepass_tasks.catalog.layout import FILE_TYPES
from benepass_tasks.catalog.publishing import AUDIENCES
from benepass_tasks.config.errors import CatalogError

if TYPE_CHECKING:
    from benepass_tasks.catalog.fields import Strict

MASKING_POLICY = "_masking_policy"
"""The key of the masking policy; Kedro skips it, as it does all that begin so."""

TABLES = "_tables"
"""The key of the tables that Kedro makes from the factory's entry."""

PURPOSES = "_purposes"
"""The key of what the tables of each layer are kept for."""

FACTORY = "{layer}.{table}"
"""The name of that entry: a pattern of Kedro, which stands for every name with a dot."""

TABLE_TYPE = "ibis.TableDataset"
_SOURCE_KEYS = frozenset({"filepath", "load_args", "credentials", "url"})
_TABLE_KEYS = frozenset({"table_name", "database", "connection"})
_LAYERS = tuple(it for it in get_args(Layer) if it != "base")


def load_catalog(path: Path) -> Declarations:
    """Read what a catalog declares.

    Args:
        path: The catalog's file.

    Returns:
        Its sources and tables, among them the raw table of each source.

    Raises:
        CatalogError: The file cannot be read, is not of the right form, or its datasets do not fit
            each other; the message has one line for each problem, sorted by the line it is on.
    """
    document = read_document(_read(path), path.name)
    reading = _Reading(document)
    reading.read()
    raw = list(raw_tables(reading.sources, reading.tables))
    implied = {it.relation: it for it in raw if it.is_implied}
    tables = {name: it for name, it in implied.items() if name not in reading.metadata}
    tables |= {it.relation: it for it in base_views(reading.sources, raw)}
    tables |= reading.tables | {it.relation: it for it in raw if not it.is_implied}
    metadata = {name: _source_path(it) for name, it in tables.items()} | reading.metadata
    metadata[AUDIENCES] = (AUDIENCES,)
    entries = Entries(document, MappingProxyType(metadata))
    declared = Declarations(
        path,
        MappingProxyType(reading.sources),
        MappingProxyType(tables),
        MappingProxyType(reading.masks),
        MappingProxyType(reading.purposes),
        audiences=MappingProxyType({ANALYST: ANALYSTS} | reading.audiences),
        entries=entries,
    )
    found = rules.check_declarations(declared, reading.metadata)
    reading.problems += map(entries.placed, found)
    refuse(document, reading.problems)
    return declared


def _source_path(table: DeclaredTable) -> KeyPath:
    """Where what a table follows from is declared."""
    return (table.name, "metadata") if table.layer == "base" else (table.source or "",)


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


@dataclass(slots=True)
class _Reading:
    """What has been read of a document so far, and what is wrong with it.

    A dataset of the wrong form is not among the sources and tables, but its name is known.
    """

    document: Document
    sources: dict[str, DeclaredSource] = field(default_factory=dict)
    tables: dict[str, DeclaredTable] = field(default_factory=dict)
    masks: dict[str, Mask] = field(default_factory=dict)
    purposes: dict[str, str] = field(default_factory=dict)
    audiences: dict[str, Audience] = field(default_factory=dict)
    metadata: dict[str, KeyPath] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def read(self) -> None:
        # Not at the top because it imports marshmallow, which takes longer than loading a catalog:
        # whoever only needs the dataclasses should not wait for it.
        from benepass_tasks.catalog import audience_fields, schema  # noqa: PLC0415

        data = self.document.data
        self.problems += self.document.problems
        self._read_masks(data.get(MASKING_POLICY, {}), schema.MASK)
        self.purposes = self._load(schema.PURPOSES, data.get(PURPOSES, {}), (PURPOSES,)) or {}
        self._read_audiences(data.get(AUDIENCES, {}), audience_fields.AUDIENCE)
        self._read_tables(data.get(TABLES, {}), schema.TABLE_METADATA)
        for name, declared in data.items():
            if not isinstance(name, str):
                self._refuse((name,), wording.unknown_key(name, ()))
            elif name.startswith("_"):
                continue  # Anchors: Kedro skips such names as well, whatever stands under them.
            elif name == FACTORY:
                self._load(schema.FACTORY, declared, (name,))
            elif not isinstance(declared, Mapping):
                self._refuse((name,), f"must be a mapping, not {wording.shown(declared)}")
            elif is_table(name, declared):
                self._read_table(name, declared, schema.TABLE)
            else:
                self._read_source(name, declared, schema.source_schema(declared.get("type")))
        if not self.metadata and all(isinstance(it, str) and it[:1] in "_{" for it in data):
            self._refuse((), "must declare at least one dataset")
        if TABLES in data and FACTORY not in data:
            message = f"Kedro knows these tables by an entry '{FACTORY}'; add it: docs/catalog.md"
            self._refuse((TABLES,), message)

    def _refuse(self, path: KeyPath, message: str) -> None:
        self.problems.append(Problem(path, message))

    def _load(self, schema: "Strict", declared: object, path: KeyPath) -> Any:  # noqa: ANN401
        """What a schema makes of a value; None where it finds something wrong."""
        from marshmallow import ValidationError  # noqa: PLC0415 - as above

        try:
            return schema.load(cast("Any", declared))
        except ValidationError as error:
            self.problems += (Problem(*it) for it in problems_in(error.messages, path))
            return None

    def _read_masks(self, declared: object, schema: "Strict") -> None:
        if not isinstance(declared, Mapping):
            message = f"must be a mapping of macros, not {wording.shown(declared)}"
            self._refuse((MASKING_POLICY,), message)
            return
        for macro, settings in declared.items():
            loaded = self._load(schema, settings, (MASKING_POLICY, macro))
            if loaded is not None:
                self.masks[str(macro)] = Mask(macro=str(macro), **loaded)

    def _read_audiences(self, declared: object, schema: "Strict") -> None:
        if not isinstance(declared, Mapping):
            message = f"must be a mapping of audiences, not {wording.shown(declared)}"
            self._refuse((AUDIENCES,), message)
            return
        for name, settings in declared.items():
            path = (AUDIENCES, name)
            wrong = wording.not_snake_case(name) if isinstance(name, str) else None
            if wrong or not isinstance(name, str):
                self._refuse(path, wrong or wording.unknown_key(name, ()))
                continue
            # Whoever is only named gets what analysts get.
            loaded = self._load(schema, {} if settings is None else settings, path)
            if loaded is not None:
                self.audiences[name] = audience(name, loaded)

    def _read_tables(self, declared: object, schema: "Strict") -> None:
        if not isinstance(declared, Mapping):
            message = f"must be a mapping of tables, not {wording.shown(declared)}"
            self._refuse((TABLES,), message)
            return
        for name, metadata in declared.items():
            path = (TABLES, name)
            if not isinstance(name, str):
                self._refuse(path, wording.unknown_key(name, ()))
            elif name in self.document.data:
                self._refuse(path, "has an entry of its own in this file, too; remove one of them")
            else:
                self._add_table(name, path, path, self._load(schema, metadata, path))

    def _read_table(self, name: str, declared: Mapping[object, object], schema: "Strict") -> None:
        loaded = self._load(schema, declared, (name,))
        self._add_table(name, (name,), (name, "metadata"), loaded and loaded["metadata"])
        layer, _, table = name.partition(".")
        for key, expected in (("table_name", table), ("database", layer)):
            given = declared.get(key)
            # A wrong name is told as such, and nothing can be asked to agree with it.
            valid = not wording.not_snake_case(expected) and (key != "database" or layer in _LAYERS)
            if valid and isinstance(given, str) and given.strip() != expected:
                message = (
                    f"must be '{expected}', as the dataset's name says, not {wording.shown(given)}"
                )
                self._refuse((name, key), message)

    def _add_table(
        self, name: str, entry: KeyPath, path: KeyPath, loaded: Mapping[str, Any] | None
    ) -> None:
        self.metadata[name] = path
        layer, _, table = name.partition(".")
        wrong = list(_wrong_with_name(name))
        self.problems += (Problem(entry, message) for message in wrong)
        if loaded is not None and not wrong:
            silent = dict.fromkeys(("grain", "domain", "source")) | {"materialized": "table"}
            said: dict[str, Any] = silent | dict(loaded)
            self.tables[name] = DeclaredTable(layer=cast("Layer", layer), name=table, **said)

    def _read_source(self, name: str, declared: Mapping[object, object], schema: "Strict") -> None:
        self.metadata[name] = (name, "metadata")
        loaded = self._load(schema, declared, (name,))
        if "." in name:
            message = "the name of a source has no dot; <layer>.<table> names a table"
            self._refuse((name,), message)
        elif wrong := wording.not_snake_case(name):
            self._refuse((name,), wrong)
        elif loaded is not None:
            extract = loaded.get("extract")
            made = {"domain": None} | ({"filepath": extract.filepath(name)} if extract else {})
            self.sources[name] = DeclaredSource(name=name, **made | loaded)


def is_table(name: str, declared: Mapping[object, object]) -> bool:
    """Tell a table from a source, even if one of its signs is wrong.

    Otherwise one wrong name or type would make every other line of the dataset wrong too.

    Args:
        name: The dataset's name.
        declared: What the catalog says of it.
    """
    named = 1 if "." in name else -1
    kind = declared.get("type")
    typed = (kind == TABLE_TYPE) - (kind in (*FILE_TYPES, *EXTRACTED_TYPES))
    keyed = bool(_TABLE_KEYS & declared.keys()) - bool(_SOURCE_KEYS & declared.keys())
    return (named + typed + keyed or named) > 0


def _wrong_with_name(name: str) -> Iterator[str]:
    layer, dot, table = name.partition(".")
    if not dot:
        yield f"a table is called <layer>.<table>, the layer one of {', '.join(_LAYERS)}"
        return
    if layer == "base":
        yield "follows from its source, and has no entry; remove it"
    elif layer not in _LAYERS:
        yield f"the layer {wording.one_of(layer, _LAYERS)}"
    wrong = wording.not_snake_case(table)
    if wrong:
        yield wrong
