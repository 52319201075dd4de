"""What may stand in an audience of the catalog, as marshmallow fields and schemas."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any, get_args

from marshmallow import ValidationError, post_load

from benepass_tasks.catalog import wording
from benepass_tasks.catalog.audiences import BucketPlace, Disclosure, IcebergPlace, PostgresPlace
from benepass_tasks.catalog.datasets import PiiClass
from benepass_tasks.catalog.extract_fields import Variable
from benepass_tasks.catalog.fields import (
    Choice,
    Count,
    JsonSchema,
    Kind,
    Names,
    Section,
    Strict,
    Text,
    Value,
    of_form,
)

_PERSONAL = tuple(it for it in get_args(PiiClass) if it != "none")
_MODE = r"0[64][04][04]"
_FOLDER = r"^\s*data/[^\\]*[^\\/.\s]\s*$"
_POSTGRES_NAME = r"[a-z_][a-z0-9_]{0,62}"
_CATALOG_NAME = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"
_PREFIX = r"s3://[a-z0-9][a-z0-9.-]*[a-z0-9](/[A-Za-z0-9_=.-]+)+"
_NAMESPACE = r"[a-z][a-z0-9_]*"
_DISCLOSURE = Choice(get_args(Disclosure), aliases={"clear": "plaintext"})


class _Disclosures(Value[Mapping[str, str]]):
    """What becomes of values, by class or kind."""

    form: JsonSchema = of_form(
        type="object",
        propertyNames={"anyOf": [{"enum": list(_PERSONAL)}, Kind.form]},
        additionalProperties=_DISCLOSURE.form,
        minProperties=1,
    )

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> Mapping[str, str]:
        if not isinstance(value, Mapping) or not value:
            message = "must be a mapping of classes and kinds, such as {identifier: drop}"
            raise ValidationError(f"{message}, not {wording.shown(value)}")
        errors, loaded = dict[object, object](), dict[str, str]()
        for name, said in value.items():
            try:
                if name not in _PERSONAL:
                    _check_kind(name)
                loaded[str(name)] = str(_DISCLOSURE.deserialize(said))
            except ValidationError as error:
                errors[name] = error.messages
        if errors:
            raise ValidationError(errors)
        return MappingProxyType(loaded)


def _check_kind(name: object) -> None:
    near = wording.nearest(name, _PERSONAL) if isinstance(name, str) else None
    if near and str(name).islower():
        raise ValidationError(f"is not a class of personal data{wording.meant(near)}")
    try:
        Kind().deserialize(name)
    except ValidationError:
        classes = ", ".join(_PERSONAL)
        message = f"must be a class ({classes}) or a kind such as EMAIL_ADDRESS"
        raise ValidationError(message) from None


class _Mode(Text):
    """The permissions of files, in octal digits: their owner alone writes them."""

    form = of_form(type="string", pattern=rf"^\s*{_MODE}\s*$")

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> str:
        if isinstance(value, str) and re.fullmatch(_MODE, value.strip()):
            return value.strip()
        raise ValidationError(
            "must be four octal digits in quotes that let nobody but the owner write, such as "
            f"'0640', not {wording.shown(value)}"
        )


class _Folder(Text):
    """A folder below `data/`."""

    form = of_form(type="string", pattern=_FOLDER)

    def _checked(self, text: str) -> str:
        path = PurePosixPath(text)
        if path.is_absolute() or ".." in path.parts or "\\" in text:
            raise ValidationError("must stay below data/: no absolute path, no '..', no backslash")
        if path.parts[:1] != ("data",) or not path.parts[1:] or any(map(_is_hidden, path.parts)):
            message = "must be a folder below data/, such as data/published.finance"
            raise ValidationError(f"{message}, not {wording.shown(text)}")
        return path.as_posix()


def _is_hidden(part: str) -> bool:
    return part.startswith(".") or not part.strip().isprintable()


class _PostgresName(Text):
    """A name of Postgres that needs no quotes and is none of its own."""

    form = of_form(type="string", pattern=rf"^\s*{_POSTGRES_NAME}\s*$")

    def _checked(self, text: str) -> str:
        if not re.fullmatch(_POSTGRES_NAME, text):
            raise ValidationError(
                "must have lower-case letters, digits and _ only, 63 of them at most, not "
                + wording.shown(text)
            )
        if text.startswith("pg_") or text in ("public", "information_schema"):
            raise ValidationError(f"must not be {text}, which everybody has or is Postgres' own")
        return text


class _LowerCase(Text):
    """A name in lower case that no other spelling stands for."""

    def __init__(self, pattern: str, example: str, **settings: Any) -> None:  # noqa: ANN401 - marshmallow's
        """Take what a name looks like."""
        super().__init__(**settings)
        self._pattern, self._example = pattern, example
        self.form = of_form(type="string", pattern=rf"^\s*{pattern}\s*$")

    def _checked(self, text: str) -> str:
        if not re.fullmatch(self._pattern, text):
            raise ValidationError(
                f"must be a name in lower case such as {self._example}, not {wording.shown(text)}"
            )
        return text


class _Bucket(Value[BucketPlace]):
    """A prefix of a bucket."""

    form = of_form(type="string", pattern=rf"^\s*{_PREFIX}/?\s*$")

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> BucketPlace:
        text = value.strip().rstrip("/") if isinstance(value, str) else ""
        if not re.fullmatch(_PREFIX, text):
            raise ValidationError(
                "must be a bucket and a prefix such as s3://benefits/for_finance, not "
                + wording.shown(value)
            )
        return BucketPlace(text)


class _IcebergSchema(Strict):
    catalog = _LowerCase(_CATALOG_NAME, "lake or lake-eu", required=True)
    namespace = _LowerCase(_NAMESPACE, "benefits or for_finance", required=True)

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: object) -> IcebergPlace:
        """Make the declaration."""
        return IcebergPlace(**data)


class _PostgresSchema(Strict):
    credentials = Variable(required=True)
    schema_ = _PostgresName(required=True, data_key="schema")
    role = _PostgresName(required=True)

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: object) -> PostgresPlace:
        """Make the declaration."""
        return PostgresPlace(data["credentials"], data["schema_"], data["role"])


class _AudienceSchema(Strict):
    description = Text()
    datasets = Names()
    disclosures = _Disclosures(data_key="treatment")
    min_group_size = Count()
    reason = Text()
    folder = _Folder()
    owner = Text()
    group = Text()
    mode = _Mode()
    postgres = Section(_PostgresSchema())
    iceberg = Section(_IcebergSchema())
    bucket = _Bucket()

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: object) -> dict[str, Any]:
        """Put what is said of the files into one declaration."""
        said = {name: data.pop(name) for name in ("owner", "group", "mode") if name in data}
        mode = {"mode": int(said["mode"], 8)} if "mode" in said else {}
        return data | {"access": said | mode}


AUDIENCE = _AudienceSchema()
"""Whom something is published for."""
