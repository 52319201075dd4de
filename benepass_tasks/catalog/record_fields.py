"""How a source says what its records are: one and the same, the later one, spend, a census."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from marshmallow import ValidationError

from benepass_tasks.catalog import wording
from benepass_tasks.catalog.datasets import SOURCE_FILE, MonthOf, Records
from benepass_tasks.catalog.fields import Text, Value, of_form

RECORDS = (
    "key",
    "resends",
    "ordered_by",
    "counts_when",
    "refunds",
    "census",
    "census_part",
)
"""The words, which stand beside the columns of the source."""

REFUND_WORDS = ("refund", "chargeback", "return", "credit", "reversal")
"""Values of `counts_when` that name refunds, unless `refunds` says itself which do."""

_MONTH_OF = "month_of"
_NAME = of_form(type="string", pattern=r"\S")


class RecordKey(Value[tuple[str | MonthOf, ...]]):
    """Columns, the file among them, and months: `[transaction_id, {month_of: charged_at}]`."""

    form = of_form(
        type="array",
        minItems=1,
        uniqueItems=True,
        items={
            "anyOf": [
                _NAME,
                of_form(
                    type="object",
                    properties={_MONTH_OF: _NAME},
                    required=[_MONTH_OF],
                    additionalProperties=False,
                ),
            ]
        },
    )

    def _deserialize(
        self, value: object, *_args: object, **_kwargs: object
    ) -> tuple[str | MonthOf, ...]:
        if not isinstance(value, list) or not value:
            raise ValidationError(
                f"must be a list of columns such as [transaction_id], not {wording.shown(value)}"
            )
        parts = tuple(map(_part, value))
        if len(set(parts)) < len(parts):
            raise ValidationError("must have each part once")
        if parts[0] == SOURCE_FILE or isinstance(parts[0], MonthOf):
            raise ValidationError("must begin with the column of the id")
        return parts


class ValuesByColumn(Value[Mapping[str, tuple[str, ...]]]):
    """For each of some columns the values that are meant, whatever their case.

    Null, which is kept as an empty text, means that there is no value.
    """

    form = of_form(
        type="object",
        minProperties=1,
        additionalProperties=of_form(
            type="array", minItems=1, items={"anyOf": [_NAME, of_form(type="null")]}
        ),
    )

    def _deserialize(
        self, value: object, *_args: object, **_kwargs: object
    ) -> Mapping[str, tuple[str, ...]]:
        if not isinstance(value, Mapping) or not value:
            raise ValidationError(
                "must be a mapping of columns to values such as {status: [posted]}, "
                f"not {wording.shown(value)}"
            )
        return MappingProxyType({str(name): _values(name, it) for name, it in value.items()})


class RefundRule(Value[object]):
    """`quarantine`, `net`, or for some columns the values that name refunds, which are netted."""

    form = of_form(anyOf=[{"enum": ["quarantine", "net"]}, ValuesByColumn.form])

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> object:
        if isinstance(value, Mapping):
            return ValuesByColumn().deserialize(value)
        if value in ("quarantine", "net"):
            return value
        raise ValidationError(
            "must be quarantine, net, or the values that name refunds, such as {type: [refund]}"
        )


class PartOfName(Text):
    """A regular expression that finds a part of a file's name as its only group."""

    def _checked(self, text: str) -> str:
        try:
            groups = re.compile(text).groups
        except re.error as error:
            raise ValidationError(f"is not a regular expression: {error}") from error
        if groups != 1:
            raise ValidationError(
                "must have one group, which is the part, as in '^employees_([A-Z]{2})_', "
                f"not {groups}"
            )
        return text


def declared_records(said: Mapping[str, Any]) -> Records:
    """What is declared of the records.

    Args:
        said: The words and their values; those left out have their defaults.
    """
    counts_when = said.get("counts_when", {})
    refunds = said.get("refunds", "quarantine")
    ordered_by = said.get("ordered_by")
    named = {
        column: tuple(it for it in values if it.removesuffix("s") in REFUND_WORDS)
        for column, values in counts_when.items()
    }
    return Records(
        key=said.get("key", ()),
        resends=said.get("resends", "conflict"),
        ordered_by=None if ordered_by == SOURCE_FILE else ordered_by,
        counts_when=counts_when,
        refunds="net" if isinstance(refunds, Mapping) else refunds,
        refund_when=refunds
        if isinstance(refunds, Mapping)
        else MappingProxyType({column: values for column, values in named.items() if values}),
        census=said.get("census"),
        census_part=said.get("census_part"),
    )


def _part(value: object) -> str | MonthOf:
    if isinstance(value, str) and value.strip():
        return value.strip()
    if isinstance(value, Mapping) and list(value) == [_MONTH_OF]:
        column = value[_MONTH_OF]
        if isinstance(column, str) and column.strip():
            return MonthOf(column.strip())
    raise ValidationError(
        "each part must be a column, _source_file or {month_of: column}, "
        f"not {wording.shown(value)}"
    )


def _values(name: object, listed: object) -> tuple[str, ...]:
    if not isinstance(listed, list) or not listed:
        raise ValidationError(f"{name} must have a list of values, not {wording.shown(listed)}")
    if any(it is not None and not (isinstance(it, str) and it.strip()) for it in listed):
        raise ValidationError(f"{name} must have values that are text: put them in quotes, or null")
    values = tuple((it or "").strip().lower() for it in listed)
    if len(set(values)) < len(values):
        raise ValidationError(f"{name} must have each value once, whatever its case")
    return values
