"""How a source says in which form a column's values are written, as marshmallow schemas."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, get_args

from marshmallow import ValidationError, post_load

from benepass_tasks.catalog import wording
from benepass_tasks.catalog.fields import Choice, Exactly, Names, Strict, Text, Value, of_form
from benepass_tasks.catalog.forms import (
    ColumnForm,
    Currency,
    Epoch,
    Era,
    Holds,
    Negative,
    Order,
    WrittenAs,
)
from benepass_tasks.catalog.made_columns import PARTS
from benepass_tasks.catalog.months import MONTHS

_SIGN = re.compile(r"[^0-9A-Za-z+\-\u2212\u2013()\s]|[ \u00a0\u202f\u2009]")
_SIGN_FORM = r"^([^0-9A-Za-z+()\-\s]|[ \u00a0\u202f\u2009])$"
_CURRENCY = re.compile(r"[^0-9+\-\u2212\u2013()\s,]+")
_OFFSET = re.compile(r"^[+-](0[0-9]|1[0-4]):[0-5][0-9]$")
_LABELS = of_form(type="array", items=of_form(type="string", pattern=r"\S"), minItems=1)


class Sign(Value[str]):
    """What stands before decimals or between groups of digits."""

    form = of_form(type="string", pattern=_SIGN_FORM)

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> str:
        if isinstance(value, str) and _SIGN.fullmatch(value):
            return value
        raise ValidationError(f'must be one sign such as "," or ".", not {wording.shown(value)}')


class CurrencyCode(Text):
    """The code of a currency in ISO 4217."""

    form = of_form(type="string", pattern=r"^\s*[A-Z]{3}\s*$")

    def _checked(self, text: str) -> str:
        if re.fullmatch(r"[A-Z]{3}", text):
            return text
        raise ValidationError(f"must be a code such as USD, not {wording.shown(text)}")


class CurrencySchema(Strict):
    """Which column says the currency, and which one is reported."""

    column = Text()
    reporting = CurrencyCode()

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: object) -> Currency:
        """Make the declaration."""
        return Currency(**data)


class CurrencyMarks(Names):
    """Signs and codes of one currency."""

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> tuple[str, ...]:
        names = super()._deserialize([value] if isinstance(value, str) else value)
        wrong = next((it for it in names if not _CURRENCY.fullmatch(it)), None)
        if wrong is not None:
            raise ValidationError(
                f"must be signs and codes such as [$, USD], not {wording.shown(wrong)}"
            )
        return names


class Marks(Names):
    """How amounts below zero are marked."""

    form = of_form(type="array", items={"enum": list(get_args(Negative))}, minItems=1)

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> tuple[str, ...]:
        names = super()._deserialize(value)
        for name in names:
            if name not in get_args(Negative):
                raise ValidationError(wording.one_of(name, get_args(Negative)))
        return names


class Languages(Names):
    """A language, or several, by the codes of ISO 639-1."""

    form = of_form(
        anyOf=[
            {"enum": list(MONTHS)},
            of_form(type="array", items={"enum": list(MONTHS)}, minItems=1),
        ]
    )

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> tuple[str, ...]:
        codes = super()._deserialize([value] if isinstance(value, str) else value)
        for code in codes:
            if code not in MONTHS:
                raise ValidationError(wording.one_of(code, MONTHS))
        return codes


class Zones(Value[tuple[tuple[str, str], ...]]):
    """For abbreviations of zones their offsets: `{EST: "-05:00"}`."""

    form = of_form(
        type="object",
        minProperties=1,
        propertyNames={"pattern": r"^[A-Z]{2,5}$"},
        additionalProperties=of_form(type="string", pattern=_OFFSET.pattern),
    )

    def _deserialize(
        self, value: object, *_args: object, **_kwargs: object
    ) -> tuple[tuple[str, str], ...]:
        if not isinstance(value, Mapping) or not value:
            raise ValidationError(
                'must be a mapping of abbreviations to offsets such as {EST: "-05:00"}, '
                f"not {wording.shown(value)}"
            )
        for name, offset in value.items():
            if not isinstance(name, str) or not re.fullmatch("[A-Z]{2,5}", name):
                raise ValidationError(f"{wording.shown(name)} is not an abbreviation such as EST")
            if not isinstance(offset, str) or not _OFFSET.fullmatch(offset):
                raise ValidationError(
                    f'{name} must be an offset in quotes such as "-05:00", '
                    f"not {wording.shown(offset)}"
                )
        return tuple(sorted(value.items()))


class ExcelYear(Value[int | None]):
    """The year from which numbers count days: `true` for the usual 1900, or 1904."""

    form = of_form(enum=[True, False, 1900, 1904])

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> int | None:
        if isinstance(value, bool):
            return 1900 if value else None
        if value in (1900, 1904):
            return int(str(value))
        raise ValidationError(f"must be true, 1900 or 1904, not {wording.shown(value)}")


class WrittenAsSchema(Strict):
    """The words of all kinds of values; which go with what a column holds, the rules say."""

    decimal = Sign()
    thousands = Sign()
    grouping = Choice(("thousands", "indian"))
    currency = CurrencyMarks()
    negative = Marks()
    unit = Choice(("cents",))
    sign = Exactly("spend_is_negative", required=False)
    formats = Names()
    order = Choice(get_args(Order))
    excel_serial = ExcelYear()
    epoch = Choice(get_args(Epoch))
    zone = Text()
    language = Languages()
    zones = Zones()
    width = Exactly("full", required=False)
    digits = Exactly("any", required=False)
    era = Choice(get_args(Era))

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: object) -> WrittenAs:
        """Make the form."""
        return WrittenAs(**data)


class Synonyms(Value[Mapping[str, tuple[str, ...]]]):
    """For each of some labels what else the files call it, whatever its case."""

    form = of_form(type="object", minProperties=1, additionalProperties=_LABELS)

    def _deserialize(
        self, value: object, *_args: object, **_kwargs: object
    ) -> Mapping[str, tuple[str, ...]]:
        if not isinstance(value, Mapping) or not value:
            raise ValidationError(
                "must be a mapping of labels to what else they are called, such as "
                f"{{terminated: [term, left]}}, not {wording.shown(value)}"
            )
        meant: dict[str, str] = {_label(name): _label(name) for name in value}
        return MappingProxyType(
            {label: _words(label, value[name], meant) for name in value for label in [_label(name)]}
        )


def _words(label: str, listed: object, meant: dict[str, str]) -> tuple[str, ...]:
    if not isinstance(listed, list) or not listed:
        raise ValidationError(f"{label} must have a list of words, not {wording.shown(listed)}")
    words = tuple(map(_label, listed))
    for word in words:
        if meant.setdefault(word, label) != label:
            raise ValidationError(f"{word!r} means {meant[word]} already, and cannot mean {label}")
    return tuple(dict.fromkeys(words))


def _label(word: object) -> str:
    if isinstance(word, str) and word.strip():
        return word.strip().lower()
    raise ValidationError(f"must be words, not {wording.shown(word)}: put them in quotes")


CANONICAL = "canonical"
"""What stands in a list of forms for the one that needs no word."""


class Forms(Value[tuple[WrittenAs, ...]]):
    """A form, or a list of several that a column's values are written in."""

    def __init__(self) -> None:
        """Make a field."""
        super().__init__()
        self._schema = WrittenAsSchema()
        one = self._schema.json_schema()
        several = of_form(
            type="array", items={"anyOf": [{"const": CANONICAL}, one]}, minItems=1, uniqueItems=True
        )
        self.form = of_form(anyOf=[one, several])

    def _deserialize(
        self, value: object, *_args: object, **_kwargs: object
    ) -> tuple[WrittenAs, ...]:
        if isinstance(value, Mapping):
            return (self._schema.load(value),)
        if not isinstance(value, list) or not value:
            raise ValidationError(
                'must be a form such as {decimal: ","}, or a list of forms, '
                f"not {wording.shown(value)}"
            )
        forms, errors = [], {}
        for place, it in enumerate(value):
            try:
                forms.append(self._one(it))
            except ValidationError as error:
                errors[place] = error.messages
        if errors:
            raise ValidationError(errors)
        if len(set(forms)) < len(forms):
            raise ValidationError("must have each form once")
        # By itself it needs no word.
        return () if forms == [WrittenAs(is_canonical=True)] else tuple(forms)

    def _one(self, value: object) -> WrittenAs:
        if value == CANONICAL:
            return WrittenAs(is_canonical=True)
        if not isinstance(value, Mapping) or not value:
            raise ValidationError(
                f"must be {CANONICAL} or a form such as {{order: DMY}}, not {wording.shown(value)}"
            )
        form: WrittenAs = self._schema.load(value)
        return form


_PAIRS = tuple(parts for pairs in PARTS.values() for parts in pairs)


def _pair(parts: tuple[str, str]) -> str:
    return f"{{{', '.join(f'{it}: COLUMN' for it in parts)}}}"


class MadeOf(Value[Mapping[str, str]]):
    """Which two columns of the files are which part: `{debit: paid_out, credit: paid_in}`."""

    form = of_form(
        oneOf=[
            of_form(
                type="object",
                properties={part: {"type": "string"} for part in parts},
                required=list(parts),
                additionalProperties=False,
            )
            for parts in _PAIRS
        ]
    )

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> Mapping[str, str]:
        is_known = isinstance(value, Mapping) and tuple(value) in {
            order for parts in _PAIRS for order in (parts, parts[::-1])
        }
        if not is_known or not isinstance(value, Mapping):
            raise ValidationError(
                f"must be {' or '.join(map(_pair, _PAIRS))}, not {wording.shown(value)}"
            )
        if not all(isinstance(it, str) and it for it in value.values()):
            raise ValidationError("must name columns of the source")
        return MappingProxyType(dict(value))


def column_form(said: Mapping[str, Any]) -> dict[str, Any]:
    """Put what is said of a column's values into one declaration, beside the rest."""
    words: dict[str, Holds | tuple[WrittenAs, ...] | Mapping[str, tuple[str, ...]]] = {
        name: said[name] for name in ("holds", "written_as", "synonyms") if name in said
    }
    rest = {name: value for name, value in said.items() if name not in words}
    return rest | {"form": ColumnForm(**words)}  # type: ignore[arg-type]
