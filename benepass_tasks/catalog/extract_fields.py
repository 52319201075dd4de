"""What a source may say of a table of a database or of an API, as marshmallow fields and schemas.

The words beside `metadata` are those by which Kedro reads the same table or address.
"""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar
from urllib.parse import urlsplit

from marshmallow import ValidationError, validates_schema

from benepass_tasks.catalog import wording
from benepass_tasks.catalog.extracts import PAGINATORS, VARIABLE, ApiExtract, TableExtract
from benepass_tasks.catalog.fields import (
    Choice,
    Count,
    Duration,
    Section,
    Strict,
    Text,
    Value,
    of_form,
)


class Variable(Text):
    """The name of a variable of the environment that holds a secret, and never the secret."""

    form = of_form(type="string", pattern=rf"^\s*{VARIABLE}\s*$")

    def _checked(self, text: str) -> str:
        if re.fullmatch(VARIABLE, text):
            return text
        # What stands here may be the secret itself.
        raise ValidationError(
            "must be the name of a variable of the environment such as HR_DATABASE, "
            "which holds the secret: it does not belong in this file"
        )


class WebAddress(Text):
    """An address of the web without a user, a password or a query."""

    form = of_form(type="string", pattern=r"^\s*https?://")

    def _checked(self, text: str) -> str:
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValidationError("must be an address that begins with https:// or http://")
        if "@" in parts.netloc:
            raise ValidationError("must have no user and password; name the variable of a token")
        if parts.query or parts.fragment:
            raise ValidationError(
                "must end with its path; what is asked stands in load_args.params"
            )
        return text


class Parameters(Value[Mapping[str, str]]):
    """Texts and numbers by name, as a request has them."""

    _ITEM = of_form(type=["string", "integer"])
    form = of_form(type="object", additionalProperties=_ITEM)

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> Mapping[str, str]:
        if not isinstance(value, Mapping):
            raise ValidationError(f"must be a mapping, not {wording.shown(value)}")
        wrong = [it for it in value.values() if not _is_plain(it)]
        if wrong:
            raise ValidationError(
                f"must hold texts or whole numbers, not {wording.shown(wrong[0])}"
            )
        return MappingProxyType({str(name): str(it) for name, it in value.items()})


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


class Paginator(Value[Mapping[str, object]]):
    """How the next page is found, in dlt's words: `{type: cursor, cursor_path: next}`."""

    form = of_form(
        type="object",
        oneOf=[
            {
                "properties": {"type": {"const": kind}}
                | {it: {"type": ["string", "integer"]} for it in words},
                "required": ["type"],
                "additionalProperties": False,
            }
            for kind, words in PAGINATORS.items()
        ],
    )

    def _deserialize(
        self, value: object, *_args: object, **_kwargs: object
    ) -> Mapping[str, object]:
        if not isinstance(value, Mapping):
            raise ValidationError(
                f"must be a mapping such as {{type: json_link}}, not {wording.shown(value)}"
            )
        kind = value.get("type")
        if not isinstance(kind, str) or kind not in PAGINATORS:
            raise ValidationError({"type": [wording.one_of(kind, tuple(PAGINATORS))]})
        allowed = ("type", *PAGINATORS[kind])
        errors = {it: [wording.unknown_key(it, allowed)] for it in value if it not in allowed}
        errors |= {
            name: [f"must be text or a whole number, not {wording.shown(it)}"]
            for name, it in value.items()
            if name in allowed and not _is_plain(it)
        }
        if errors:
            raise ValidationError(errors)
        return MappingProxyType(dict(value))


class Size(Value[int]):
    """A number of bytes: `500MB`, `10GB`."""

    _FORM = r"([1-9][0-9]*)\s*(MB|GB|TB)"
    form = of_form(type="string", pattern=rf"^\s*{_FORM}\s*$")

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> int:
        found = re.fullmatch(self._FORM, value.strip()) if isinstance(value, str) else None
        if not found:
            raise ValidationError(f"must be bytes such as 10GB, not {wording.shown(value)}")
        return int(found[1]) << {"MB": 20, "GB": 30, "TB": 40}[found[2]]


class _ExtractSchema(Strict):
    json_rules: ClassVar[Sequence[Mapping[str, Any]]] = (
        {"dependentRequired": {it: ["cursor"] for it in ("lag", "deletes", "cursor_param")}},
    )

    cursor = Text()
    lag = Duration()

    @validates_schema(skip_on_field_errors=True)
    def check_cursor(self, data: dict[str, Any], **_kwargs: object) -> None:
        """What belongs to a cursor stands beside one."""
        for name in ("lag", "deletes", "cursor_param"):
            if name in data and "cursor" not in data:
                raise ValidationError("is for a cursor, and there is none: all is read", name)


class TableExtractSchema(_ExtractSchema):
    """How a table is read."""

    json_rules: ClassVar[Sequence[Mapping[str, Any]]] = (
        *_ExtractSchema.json_rules,
        {"dependentRequired": {it: ["mode"] for it in ("publication", "max_lag")}},
        {"not": {"required": ["mode", "cursor"]}},
    )

    deletes = Choice(("compare_keys",))
    mode = Choice(("cdc",))
    publication = Text()
    max_lag = Size()

    @validates_schema(skip_on_field_errors=True)
    def check_mode(self, data: dict[str, Any], **_kwargs: object) -> None:
        """What belongs to changes stands beside the mode, which needs no cursor."""
        for name in ("publication", "max_lag"):
            if name in data and "mode" not in data:
                raise ValidationError("is for mode: cdc; add that, or remove this", name)
        if "mode" in data and "cursor" in data:
            raise ValidationError("is for reading without mode: cdc, which needs none", "cursor")


class ApiExtractSchema(_ExtractSchema):
    """How an API is read."""

    json_rules: ClassVar[Sequence[Mapping[str, Any]]] = (
        *_ExtractSchema.json_rules,
        {"dependentRequired": {"cursor": ["cursor_param"]}},
    )

    records = Text(required=True)
    paginator = Paginator(required=True)
    cursor_param = Text()
    token = Variable()
    max_pages = Count()

    @validates_schema(skip_on_field_errors=True)
    def check_parameter(self, data: dict[str, Any], **_kwargs: object) -> None:
        """The API is told from where on."""
        if "cursor" in data and "cursor_param" not in data:
            message = "is required beside a cursor: the parameter that asks from where on"
            raise ValidationError(message, "cursor_param")


class _TableArgs(Strict):
    schema = Text()


class _ApiArgs(Strict):
    params = Parameters()
    headers = Parameters()
    timeout = Count()


TABLE_ARGS = Section(_TableArgs())
API_ARGS = Section(_ApiArgs())


def table_extract(entry: Mapping[str, Any], said: Mapping[str, Any]) -> TableExtract:
    """What an entry and its `extract` say of a table, each valid."""
    schema = entry.get("load_args", {}).get("schema")
    return TableExtract(
        credentials=entry["credentials"], table=entry["table_name"], schema=schema, **said
    )


def api_extract(entry: Mapping[str, Any], said: Mapping[str, Any]) -> ApiExtract:
    """What an entry and its `extract` say of an API, each valid."""
    nothing: Mapping[str, str] = MappingProxyType({})
    return ApiExtract(
        **{"url": entry["url"], "params": nothing, "headers": nothing}
        | dict(entry.get("load_args", {}))
        | dict(said)
    )
