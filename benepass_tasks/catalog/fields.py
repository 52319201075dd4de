"""The kinds of value a catalog is made of, as marshmallow fields that explain what is valid."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any, ClassVar, TypeAlias, TypeVar

from marshmallow import RAISE, Schema, ValidationError, fields

from benepass_tasks.catalog import wording
from benepass_tasks.catalog.extracts import BUCKETS, EXTRACTS
from benepass_tasks.config.spans import PERIOD, SPAN, Period, read_period, read_span

_SIMPLE_TYPES = (
    "VARCHAR",
    "BIGINT",
    "INTEGER",
    "HUGEINT",
    "DOUBLE",
    "BOOLEAN",
    "DATE",
    "TIMESTAMP",
    "TIMESTAMP WITH TIME ZONE",
    "BLOB",
    "UUID",
)
# Names DuckDB understands as well, but never prints: one spelling makes types comparable.
_OTHER_TYPE_NAMES = {
    "TEXT": "VARCHAR",
    "STRING": "VARCHAR",
    "INT": "INTEGER",
    "INT8": "BIGINT",
    "LONG": "BIGINT",
    "FLOAT8": "DOUBLE",
    "BOOL": "BOOLEAN",
    "DATETIME": "TIMESTAMP",
    "TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE",
    "BYTEA": "BLOB",
}
_DECIMAL = re.compile(r"DECIMAL\((0|[1-9]\d*),(0|[1-9]\d*)\)", re.ASCII)
_LOOSE_DECIMAL = re.compile(r"(?:DECIMAL|NUMERIC|DEC)\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)", re.ASCII)
_MOST_DIGITS = 38
_KIND = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
_DIGITS = 32
_FINGERPRINT = re.compile(rf"[0-9a-f]{{{_DIGITS}}}")
_TYPE_FORM = (
    rf"^\s*({'|'.join(_SIMPLE_TYPES)}|DECIMAL\((0|[1-9][0-9]*),(0|[1-9][0-9]*)\))(\[\])?\s*$"
)
_BUCKET = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
_PATH_FORM = rf"^\s*(data|s3://{_BUCKET})/([^*?\[\\/]+/)*[^\\/]*[^\\/.\s][^\\/]*\s*$"
_GLOB = frozenset("*?[")
_PERCENTAGE = re.compile(r"(100(?:\.0+)?|[0-9]{1,2}(?:\.[0-9]+)?)\s*%", re.ASCII)

_T = TypeVar("_T")
JsonSchema: TypeAlias = dict[str, Any]


def of_form(**keywords: object) -> JsonSchema:
    """A schema of JSON Schema with these keywords."""
    return keywords


_TEXT = of_form(type="string", pattern=r"\S")

_UNKNOWN = "unknown"
_NOT_A_MAPPING = "not a mapping"


class Strict(Schema):
    """A mapping in which every key must be known."""

    # What is valid, in words.
    shape: ClassVar[str] = "a mapping"
    # Keys that are valid in a similar mapping, and why they are not valid in this one.
    elsewhere: ClassVar[Mapping[str, str]] = {}
    error_messages: dict[str, str] = {"unknown": _UNKNOWN, "type": _NOT_A_MAPPING}  # noqa: RUF012

    # What JSON Schema is told of rules over several keys.
    json_rules: ClassVar[Sequence[Mapping[str, Any]]] = ()

    class Meta:
        """Refuse unknown keys."""

        unknown = RAISE

    def handle_error(self, error: ValidationError, data: object, **_kwargs: object) -> None:
        """Put marshmallow's own two messages into words; only here are data and keys known."""
        messages = error.messages_dict
        for key, said in messages.items():
            if said == [_UNKNOWN]:
                messages[key] = [self._refused(key)]
            elif said == [_NOT_A_MAPPING]:
                messages[key] = [f"must be {self.shape}, not {wording.shown(data)}"]

    def _refused(self, key: object) -> str:
        if isinstance(key, str) and key in self.elsewhere:
            return self.elsewhere[key]
        allowed = [field.data_key or name for name, field in self.load_fields.items()]
        return wording.unknown_key(key, allowed)

    def json_schema(self) -> JsonSchema:
        """The mapping's form in JSON Schema."""
        fields_ = {it.data_key or name: it for name, it in self.load_fields.items()}
        schema: JsonSchema = {
            "type": "object",
            "properties": {name: json_schema(it) for name, it in fields_.items()},
            "required": [name for name, it in fields_.items() if it.required],
            "additionalProperties": False,
        }
        return schema | ({"allOf": list(self.json_rules)} if self.json_rules else {})


def json_schema(field: fields.Field[Any]) -> JsonSchema:
    """A value's form in JSON Schema, for editors.

    Raises:
        TypeError: the field is none of this project's, and nothing is known of its form.
    """
    if isinstance(field, Section) and isinstance(field.schema, Strict):
        return field.schema.json_schema()
    if isinstance(field, Value):
        return field.form
    raise TypeError(f"{field} does not say its form")


class Value(fields.Field[_T]):
    """Any value; says so in this project's words when it is missing or empty."""

    default_error_messages = {  # noqa: RUF012 - marshmallow's own declaration is no ClassVar
        "required": "is required",
        "null": "must not be empty",
    }

    # What JSON Schema can say of a valid value.
    form: JsonSchema


class Text(Value[str]):
    """Text that is not empty; the space around it is dropped."""

    form = _TEXT

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> str:
        if not isinstance(value, str):
            advice = "" if isinstance(value, list | Mapping) else ": put it in quotes"
            raise ValidationError(f"must be text, not {wording.shown(value)}{advice}")
        text = value.strip()
        if not text:
            raise ValidationError("must not be empty")
        return self._checked(text)

    def _checked(self, text: str) -> str:
        return text


class Choice(Value[str]):
    """One of a few words."""

    def __init__(
        self,
        choices: tuple[str, ...],
        *,
        required: bool = False,
        data_key: str | None = None,
        aliases: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Make a choice that has no default.

        Args:
            choices: The valid words.
            required: Whether the key must be there.
            data_key: The key, where Python cannot have it as an attribute's name.
            aliases: Older words that are still read, and the word that each stands for.
        """
        super().__init__(
            required=required,
            data_key=data_key,
            error_messages={"required": f"is required: one of {', '.join(choices)}"},
        )
        self._choices = choices
        self._aliases = aliases
        self.form = of_form(enum=[*choices, *aliases])

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> str:
        if isinstance(value, str) and self._aliases.get(value, value) in self._choices:
            return self._aliases.get(value, value)
        raise ValidationError(wording.one_of(value, self._choices))


class Exactly(Value[_T]):
    """The one value that is valid here; Kedro knows others, this project does not."""

    def __init__(self, only: _T, *, required: bool = True, data_key: str | None = None) -> None:
        """Make a field.

        Args:
            only: The valid value.
            required: Whether the key must be there.
            data_key: The key, where Python cannot have it as an attribute's name.
        """
        self._only = only
        self.form = of_form(const=only)
        self._word = only if isinstance(only, str) else wording.shown(only)
        super().__init__(
            required=required,
            data_key=data_key,
            error_messages={"required": f"is required: {self._word}"},
        )

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> _T:
        if type(value) is type(self._only) and value == self._only:
            return self._only
        raise ValidationError(f"must be {self._word}, not {wording.shown(value)}")


class Flag(Value[bool]):
    """True or false, and nothing that could be taken for it."""

    form = of_form(type="boolean")

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> bool:
        if isinstance(value, bool):
            return value
        raise ValidationError(f"must be true or false, not {wording.shown(value)}")


class Names(Value[tuple[str, ...]]):
    """Some names, each once."""

    form = of_form(type="array", items=_TEXT, minItems=1, uniqueItems=True)

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise ValidationError(f"must be a list of names, not {wording.shown(value)}")
        names = tuple(name.strip() for name in value if isinstance(name, str) and name.strip())
        if not names or len(names) < len(value):
            raise ValidationError("must be a list of one or more names")
        if len(set(names)) < len(names):
            raise ValidationError("must have each name once")
        return names


class OneOrMore(Names):
    """A name, or some of them."""

    form = of_form(anyOf=[_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}])

    def _deserialize(self, value: object, *args: object, **kwargs: object) -> tuple[str, ...]:
        return super()._deserialize([value] if isinstance(value, str) else value, *args, **kwargs)


class DuckDBType(Text):
    """A DuckDB type in the spelling DuckDB prints."""

    default_error_messages = {  # noqa: RUF012 - as above
        "required": "is required: a DuckDB type such as VARCHAR or DECIMAL(18,2)"
    }

    form = of_form(type="string", pattern=_TYPE_FORM)

    def _checked(self, text: str) -> str:
        item = text.removesuffix("[]")
        if item in _SIMPLE_TYPES:
            return text
        decimal = _DECIMAL.fullmatch(item)
        if decimal is None:
            raise ValidationError(_not_a_type(text))
        precision, scale = map(int, decimal.groups())
        if not 1 <= precision <= _MOST_DIGITS or scale > precision:
            raise ValidationError(
                f"DECIMAL(p,s) needs 1 <= p <= {_MOST_DIGITS} and 0 <= s <= p, not {text}"
            )
        return text


class Kind(Text):
    """The infoType of personal values."""

    form = of_form(type="string", pattern=rf"^\s*{_KIND.pattern}\s*$")

    def _checked(self, text: str) -> str:
        if _KIND.fullmatch(text):
            return text
        message = "must be an UPPER_SNAKE infoType such as EMAIL_ADDRESS"
        guess = wording.snake_case(text).upper()
        near = guess if _KIND.fullmatch(guess) else None
        raise ValidationError(message + (wording.meant(near) or f", not {wording.shown(text)}"))


class Kinds(Value[tuple[str, ...]]):
    """Infotypes, in a list."""

    form = of_form(type="array", items=Kind.form, minItems=1)

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> tuple[str, ...]:
        if not isinstance(value, list) or not value:
            raise ValidationError(
                f"must be a list of infoTypes such as [EMAIL_ADDRESS], not {wording.shown(value)}"
            )
        kind = Kind(required=True)
        return tuple(str(kind.deserialize(item)) for item in value)


class Fingerprint(Text):
    """A digest, as this project prints it."""

    form = of_form(type="string", pattern=rf"^\s*{_FINGERPRINT.pattern}\s*$")

    def _checked(self, text: str) -> str:
        if _FINGERPRINT.fullmatch(text):
            return text
        raise ValidationError(f"must be {_DIGITS} hexadecimal digits, not {wording.shown(text)}")


class Duration(Value[timedelta]):
    """A time span in minutes, hours or days."""

    form = of_form(type="string", pattern=rf"^\s*{SPAN.pattern}\s*$")

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> timedelta:
        found = read_span(value) if isinstance(value, str) else None
        if found is None:
            raise ValidationError(
                f"must be a time span such as 90m, 36h or 7d, not {wording.shown(value)}"
            )
        return found


class CalendarPeriod(Value[Period]):
    """A time in days, weeks, months or years."""

    form = of_form(type="string", pattern=rf"^\s*{PERIOD.pattern}\s*$")

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> Period:
        found = read_period(value) if isinstance(value, str) else None
        if found is None:
            raise ValidationError(
                f"must be a time such as 90 days, 25 months or 7 years, not {wording.shown(value)}"
            )
        return found


class Share(Value[float]):
    """A part of a whole, from 0 to 1, written as a percentage."""

    form = of_form(type="string", pattern=rf"^\s*{_PERCENTAGE.pattern}\s*$")

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> float:
        found = _PERCENTAGE.fullmatch(value.strip()) if isinstance(value, str) else None
        if found is None:
            raise ValidationError(
                f"must be a percentage from 0% to 100%, such as 50%, not {wording.shown(value)}"
            )
        return float(found[1]) / 100


class Count(Value[int]):
    """A whole number from 1 on."""

    form = of_form(type="integer", minimum=1)

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
            return value
        raise ValidationError(f"must be a whole number from 1 on, not {wording.shown(value)}")


class Factor(Value[float]):
    """How many times something may be what it was, from 1 on."""

    form = of_form(type="number", minimum=1)

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> float:
        if isinstance(value, int | float) and not isinstance(value, bool) and value >= 1:
            return float(value)
        raise ValidationError(
            f"must be a number from 1 on, such as 1.5, not {wording.shown(value)}"
        )


class SourcePath(Text):
    """Where a source's files are: below `data/` or in a bucket, only the file name a glob."""

    default_error_messages = {  # noqa: RUF012 - as above
        "required": "is required: a file below data/, such as data/members*.csv"
    }

    form = of_form(type="string", pattern=_PATH_FORM)

    def _checked(self, text: str) -> str:
        if "\\" in text:
            raise ValidationError("must have / between folders, not a backslash")
        is_elsewhere = "://" in text
        path = PurePosixPath(self._below_bucket(text) if is_elsewhere else text)
        folders = path.parts[:-1]
        has_name = path.name and (folders or is_elsewhere) and not text.endswith("/")
        if path.is_absolute() or ".." in path.parts:
            raise ValidationError("must stay below data/: no absolute path and no '..'")
        if not text.startswith(("data/", BUCKETS)) or not has_name:
            raise ValidationError(f"must be a file below data/, not {wording.shown(text)}")
        if any(_GLOB & set(folder) for folder in folders):
            raise ValidationError("must have *, ? and [ only in the file name, not in a folder")
        if text.startswith(EXTRACTS):
            raise ValidationError(
                f"{EXTRACTS} stands for what is read of databases and APIs; choose another folder"
            )
        return text

    def _below_bucket(self, text: str) -> str:
        """The keys of an address in object storage."""
        found = re.fullmatch(rf"{BUCKETS}{_BUCKET}/(.*)", text)
        # What stands before an @ may be a secret.
        if not found or "@" in text.partition("://")[2].partition("/")[0]:
            raise ValidationError(
                f"must begin with data/, or with {BUCKETS} and the bucket alone, such as "
                "s3://bucket/in/members*.csv; who may read it says the environment"
            )
        if "//" in found[1] or {".", ".."} & set(found[1].split("/")):
            raise ValidationError("must have names between slashes, and no '.' and '..'")
        return found[1]


class Section(fields.Nested):
    """A mapping with a schema of its own."""

    default_error_messages = Value.default_error_messages


class Each(Value[Mapping[str, Mapping[str, Any]]]):
    """Things by name, each loaded with one and the same schema."""

    def __init__(
        self, schema: Strict, what: str, *, required: bool = False, snake_case: bool = False
    ) -> None:
        """Make a field.

        Args:
            schema: What each is loaded with.
            what: What they are called, such as columns.
            required: Whether the key must be there.
            snake_case: Whether the names must be in lower snake case.
        """
        super().__init__(required=required)
        self._schema = schema
        self._what = what
        self._snake_case = snake_case
        self.form = of_form(
            type="object",
            additionalProperties=schema.json_schema(),
            minProperties=1,
            propertyNames={"pattern": "^[a-z_][a-z0-9_]*$"} if snake_case else {},
        )

    def _deserialize(
        self, value: object, *_args: object, **_kwargs: object
    ) -> Mapping[str, Mapping[str, Any]]:
        if not isinstance(value, Mapping):
            raise ValidationError(f"must be a mapping of {self._what}, not {wording.shown(value)}")
        if not value:
            raise ValidationError(f"must declare at least one {self._what.removesuffix('s')}")
        loaded: dict[str, Mapping[str, Any]] = {}
        errors: dict[object, object] = {}
        for name, declared in value.items():
            found = [*self._wrong_with_name(name)]
            try:
                loaded[name] = self._schema.load(declared)
            except ValidationError as error:
                found.append(error.messages)
            if found:
                errors[name] = found
        if errors:
            raise ValidationError(errors)
        return loaded

    def _wrong_with_name(self, name: object) -> list[object]:
        if not isinstance(name, str):
            return [wording.unknown_key(name, ())]
        return list(filter(None, [wording.not_snake_case(name)])) if self._snake_case else []


def _not_a_type(text: str) -> str:
    near = _near_type(text.removesuffix("[]").upper().strip())
    if near:
        return "must be a DuckDB type" + wording.meant(near + text[len(text.removesuffix("[]")) :])
    valid = f"{', '.join(_SIMPLE_TYPES)}, DECIMAL(p,s) or a list such as VARCHAR[]"
    return f"must be one of {valid}, not {wording.shown(text)}"


def _near_type(name: str) -> str | None:
    decimal = _LOOSE_DECIMAL.fullmatch(name)
    if decimal:
        return f"DECIMAL({int(decimal[1])},{int(decimal[2])})"
    name = " ".join(name.split())
    return _OTHER_TYPE_NAMES.get(name) or wording.nearest(name, _SIMPLE_TYPES)
