"""What a source may say of how its files are written, as marshmallow schemas.

Each kind of file has its own words in `load_args`. They are those of the function by which pandas
reads such a file, as far as this project's readers do the same; all others are refused by name.
"""

import codecs
import csv
import dataclasses
import re
from collections.abc import Iterator, Mapping
from encodings.aliases import aliases
from types import MappingProxyType
from typing import Any, ClassVar, get_args

from marshmallow import ValidationError, validates_schema

from benepass_tasks.catalog import wording
from benepass_tasks.catalog.fields import (
    Choice,
    Exactly,
    Strict,
    Text,
    Value,
    json_schema,
    of_form,
)
from benepass_tasks.catalog.layout import CSV, EXCEL, JSON_LINES, PARQUET, EventFormat, Layout

_CHARACTER = r"[\x01-\x09\x0b\x0c\x0e-\x7e]"
_MOST_LINES = 10_000
_NO_QUOTES = csv.QUOTE_NONE
_OF_LAYOUT = frozenset(field.name for field in dataclasses.fields(Layout))
_LAYOUT_OF = MappingProxyType(
    {
        CSV: ("header_lines", "skip_lines"),
        EXCEL: ("header_lines", "skip_lines"),
        PARQUET: ("na_values",),
        JSON_LINES: ("na_values", "format", "table"),
    }
)


class Character(Value[str]):
    """One ASCII character that ends no line; a tab may be written as two."""

    form = of_form(type="string", pattern=rf"^({_CHARACTER}|\\t)$")

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> str:
        text = "\t" if value == r"\t" else value
        if isinstance(text, str) and re.fullmatch(_CHARACTER, text):
            return text
        raise ValidationError(
            f'must be one ASCII character such as ";" or "\\t", not {wording.shown(value)}'
        )


class Encoding(Value[str]):
    """A codec of text that Python has."""

    form = of_form(type="string", minLength=1)

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> str:
        if isinstance(value, str) and _is_text_encoding(value):
            return value
        known = {name.replace("_", "-") for name in (*aliases, *aliases.values())}
        near = wording.meant(wording.nearest(value, known)) if isinstance(value, str) else ""
        raise ValidationError(
            "must be an encoding of text that Python knows, such as utf-8, utf-16 or cp1252"
            + (near or f", not {wording.shown(value)}")
        )


def _is_text_encoding(name: str) -> bool:
    try:
        # A codec that is not of text, such as base64, encodes none; a few cannot be streamed.
        "a".encode(name)
        return codecs.lookup(name).incrementaldecoder is not None
    except (LookupError, ValueError):
        return False


class Lines(Value[int]):
    """A number of lines."""

    def __init__(self, least: int) -> None:
        """Make a field; `least` is the smallest number."""
        super().__init__()
        self._least = least
        self.form = of_form(type="integer", minimum=least, maximum=_MOST_LINES)

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> int:
        if type(value) is int and self._least <= value <= _MOST_LINES:
            return value
        raise ValidationError(
            f"must be a number of lines from {self._least} to {_MOST_LINES:,}, "
            f"not {wording.shown(value)}"
        )


class Words(Value[tuple[str, ...]]):
    """Texts that mean NULL; a single one needs no list."""

    _ITEM = of_form(type="string", minLength=1)
    form = of_form(anyOf=[_ITEM, of_form(type="array", items=_ITEM, minItems=1)])

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> tuple[str, ...]:
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, list) or not items:
            raise ValidationError(f"must be a list of words, not {wording.shown(value)}")
        errors = {
            index: [f"must be a word, not {wording.shown(item)}: put it in quotes"]
            for index, item in enumerate(items)
            if not isinstance(item, str) or not item
        }
        if errors:
            raise ValidationError(errors)
        return tuple(dict.fromkeys(items))


class Patterns(Value[tuple[str, ...]]):
    """Regular expressions as Python reads them."""

    form = of_form(type="array", items=of_form(type="string", minLength=1), minItems=1)

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> tuple[str, ...]:
        if not isinstance(value, list) or not value:
            raise ValidationError(
                "must be a list of regular expressions such as ['^Total'], "
                f"not {wording.shown(value)}"
            )
        errors = {index: [wrong] for index, it in enumerate(value) if (wrong := _no_pattern(it))}
        if errors:
            raise ValidationError(errors)
        return tuple(value)


def _no_pattern(value: object) -> str | None:
    if not isinstance(value, str) or not value:
        return f"must be a regular expression, not {wording.shown(value)}: put it in quotes"
    try:
        found = re.compile(value).search("")
    except re.error as error:
        return f"is not a regular expression: {error}"
    return "matches every line; begin it with what only those lines have" if found else None


class OneOf(Value[object]):
    """One of a few values of any type."""

    def __init__(self, valid: tuple[object, ...]) -> None:
        """Make a field; `valid` are the values."""
        super().__init__()
        self._valid = valid
        self.form = of_form(enum=list(valid))

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> object:
        if any(type(value) is type(it) and value == it for it in self._valid):
            return value
        choices = " or ".join(
            it if isinstance(it, str) else wording.shown(it) for it in self._valid
        )
        raise ValidationError(f"must be {choices}, not {wording.shown(value)}")


class _Args(Strict):
    """The words of one kind of file."""

    def _refused(self, key: object) -> str:
        if not isinstance(key, str):
            return wording.unknown_key(key, ())
        if near := wording.nearest(key, self.load_fields):
            return "is not honoured by the pipeline" + wording.meant(near)
        allowed = ", ".join(self.load_fields)
        return f"is not honoured by the pipeline; remove it (allowed: {allowed})"


class _CsvArgs(_Args):
    json_rules: ClassVar = ({"not": {"required": ["sep", "delimiter"]}},)

    sep = Character()
    delimiter = Character()
    encoding = Encoding()
    quotechar = Character()
    quoting = OneOf((csv.QUOTE_MINIMAL, _NO_QUOTES))
    escapechar = Character()
    skipinitialspace = OneOf((True, False))
    decimal = Character()
    thousands = Character()
    skiprows = Lines(0)
    skipfooter = Lines(0)
    comment = Character()
    na_values = Words()
    compression = OneOf(("infer", "gzip", "zip", "zstd"))
    # These make Kedro read as the pipeline does, or make no difference.
    dtype = OneOf(("str",))
    keep_default_na = OneOf((False,))
    na_filter = OneOf((False,))
    on_bad_lines = OneOf(("warn", "skip"))
    encoding_errors = OneOf(("replace",))
    engine = OneOf(("c", "python"))
    low_memory = OneOf((True, False))

    @validates_schema(skip_on_field_errors=True)
    def check_characters(self, data: dict[str, Any], **_kwargs: object) -> None:
        """No character has two meanings."""
        if {"sep", "delimiter"} <= data.keys():
            raise ValidationError("says the same as sep; remove one of them", "delimiter")
        _refuse_two_meanings(Layout(**_heeded(data)))


def _refuse_two_meanings(layout: Layout) -> None:
    structure = {
        "sep": layout.sep,
        "quotechar": layout.quotechar,
        "escapechar": layout.escapechar,
        "comment": layout.comment,
        "skipinitialspace": " " if layout.skipinitialspace else None,
    }
    for group in (structure, {"decimal": layout.decimal, "thousands": layout.thousands}):
        meant: dict[str, str] = {}
        for word, character in group.items():
            if character is not None and meant.setdefault(character, word) != word:
                message = f"is {wording.shown(character)}, and so is {meant[character]}"
                raise ValidationError(message, word)


class _ExcelArgs(_Args):
    sheet_name = Text()
    skiprows = Lines(0)
    skipfooter = Lines(0)
    decimal = Character()
    thousands = Character()
    na_values = Words()
    dtype = OneOf(("str",))
    keep_default_na = OneOf((False,))
    na_filter = OneOf((False,))
    engine = OneOf(("calamine", "openpyxl"))


class _ParquetArgs(_Args):
    engine = OneOf(("pyarrow",))


class _JsonArgs(_Args):
    lines = Exactly(only=True)
    encoding = Encoding()
    compression = OneOf(("infer", "gzip", "zip", "zstd"))
    dtype = OneOf(("str", False))
    encoding_errors = OneOf(("replace",))


_ARGS = MappingProxyType(
    {CSV: _CsvArgs(), EXCEL: _ExcelArgs(), PARQUET: _ParquetArgs(), JSON_LINES: _JsonArgs()}
)


class LoadArgs(Value[Mapping[str, Any]]):
    """How the files are read, in pandas' words for the `type` beside them."""

    form = of_form(type="object")

    def _deserialize(
        self,
        value: object,
        attr: str | None,  # noqa: ARG002 - marshmallow's own signature
        data: Mapping[str, Any] | None,
        **_kwargs: object,
    ) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            raise ValidationError(f"must be a mapping, not {wording.shown(value)}")
        schema = _ARGS.get((data or {}).get("type", CSV))
        # A wrong type is told as such; what its words would be, nobody knows.
        loaded: Mapping[str, Any] = schema.load(value) if schema else {}
        return loaded


class LayoutSchema(Strict):
    """What pandas has no word for."""

    json_rules: ClassVar = ({"dependentRequired": {"table": ["format"]}},)

    header_lines = Lines(1)
    skip_lines = Patterns()
    na_values = Words()
    format = Choice(get_args(EventFormat))
    table = Text()

    @validates_schema(skip_on_field_errors=True)
    def check_table(self, data: dict[str, Any], **_kwargs: object) -> None:
        """Only events name a table."""
        if "table" in data and "format" not in data:
            raise ValidationError("is for events of changes; add format: debezium", "table")


def type_rules() -> Iterator[Mapping[str, Any]]:
    """What JSON Schema is told of a source: which words go with which type."""
    for type_, args in _ARGS.items():
        layout = {
            name: json_schema(field) if name in _LAYOUT_OF[type_] else False
            for name, field in LayoutSchema().load_fields.items()
        }
        then = {
            "load_args": args.json_schema(),
            "metadata": {"properties": {"layout": {"properties": layout}}},
        }
        needed = ["load_args"] if type_ == JSON_LINES else []
        yield {
            "if": {"properties": {"type": {"const": type_}}},
            "then": {"properties": then, "required": needed},
        }


def layout_of(type_: str, args: Mapping[str, Any] | None, declared: Mapping[str, Any]) -> Layout:
    """Make the layout of a source.

    Args:
        type_: Its type.
        args: Its `load_args`, each valid; None where it has none.
        declared: What its `layout` says, each valid.

    Raises:
        ValidationError: what it says does not go with its type; by its place below the source.
    """
    if type_ == JSON_LINES and args is None:
        raise ValidationError("must say lines: true: a record a line is read", "load_args")
    allowed = _LAYOUT_OF[type_]
    errors = {name: [_not_for(type_, name)] for name in declared if name not in allowed}
    if errors:
        raise ValidationError({"metadata": {"layout": errors}})
    return Layout(**{**_heeded(args or {}), **declared, "type": type_})


def _not_for(type_: str, name: str) -> str:
    if name in _ARGS[type_].load_fields:
        return "stands among load_args, where pandas reads it; move it there"
    return f"is not for {type_} (allowed: {', '.join(_LAYOUT_OF[type_])})"


def _heeded(args: Mapping[str, Any]) -> dict[str, Any]:
    """The words that say something to this project's readers, under the names of a layout."""
    said = {name: it for name, it in args.items() if name in _OF_LAYOUT}
    if "delimiter" in args:
        said["sep"] = args["delimiter"]
    if args.get("quoting") == _NO_QUOTES:
        said["quotechar"] = None
    return said
