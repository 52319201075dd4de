"""What a table may promise: the tests that stand on a column or on the whole table.

A test without arguments is its name; any other is a mapping of its name to its arguments, which may
have a severity beside it. Whether a test fits the column's type is for `rules`.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, get_args

from marshmallow import ValidationError, post_load, validates_schema

from benepass_tasks.catalog import wording
from benepass_tasks.catalog.datasets import (
    AcceptedValues,
    DataTest,
    NotNull,
    Range,
    Regex,
    Relationships,
    RowCount,
    Scalar,
    Severity,
    SqlCheck,
    Unique,
)
from benepass_tasks.catalog.fields import Choice, Section, Strict, Text, Value, of_form
from benepass_tasks.catalog.fitting import NOT_IN_ORDER

_NO_BOUND = "must have min, max or both"


class Bare(Value[bool]):
    """A test's name alone; beside a severity it is written as `{not_null, severity: warn}`."""

    def __init__(self) -> None:
        """Make a field whose value may be left out."""
        super().__init__(allow_none=True)

    form = of_form(enum=[True, None])

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> bool:
        if value is not True:
            raise ValidationError(f"takes no arguments, not {wording.shown(value)}")
        return True


class Pattern(Value[str]):
    """A regular expression, exactly as it is; whether DuckDB can read it is asked elsewhere."""

    form = of_form(type="string", minLength=1)

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> str:
        if not isinstance(value, str) or not value or "\0" in value:
            raise ValidationError(f"must be a regular expression, not {wording.shown(value)}")
        return value


class Bound(Value[Scalar]):
    """A number, or the text of a date or an instant."""

    form = of_form(type=["number", "string"])

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> Scalar:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValidationError(
                f"must be a number, a date or an instant, not {wording.shown(value)}"
            )
        return value


_TOO_MANY = 2**63
"""Rows that a BIGINT cannot count."""


class Count(Value[int]):
    """A number of rows."""

    form = of_form(type="integer", minimum=0, exclusiveMaximum=_TOO_MANY)

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> int:
        if type(value) is not int or not 0 <= value < _TOO_MANY:
            raise ValidationError(
                f"must be a whole number from 0 on below 2^63, not {wording.shown(value)}"
            )
        return value


class Values(Value[tuple[Scalar, ...]]):
    """A list of different values."""

    form = of_form(type="array", items={"type": ["string", "number", "boolean"]}, minItems=1)

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> tuple[Scalar, ...]:
        if not isinstance(value, list):
            raise ValidationError(f"must be a list of values, not {wording.shown(value)}")
        if not value:
            raise ValidationError("must list at least one value")
        errors: dict[int, list[str]] = {}
        for index, item in enumerate(value):
            if not isinstance(item, str | int | float):
                errors[index] = [f"must be a single value, not {wording.shown(item)}"]
            elif any(type(item) is type(other) and item == other for other in value[:index]):
                errors[index] = ["stands twice; once is enough"]
        if errors:
            raise ValidationError(errors)
        return tuple(value)


class ColumnNames(Value[tuple[str, ...]]):
    """A list of names of columns."""

    form = of_form(type="array", items={"type": "string"}, minItems=1, uniqueItems=True)

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise ValidationError(f"must be a list of columns, not {wording.shown(value)}")
        if not value:
            raise ValidationError("must list at least one column")
        errors: dict[int, list[str]] = {}
        for index, name in enumerate(value):
            if not isinstance(name, str):
                errors[index] = [f"must be the name of a column, not {wording.shown(name)}"]
            elif name in value[:index]:
                errors[index] = ["stands twice; once is enough"]
        if errors:
            raise ValidationError(errors)
        return tuple(value)


class _RelationshipsSchema(Strict):
    to = Text(required=True)
    column = Text(required=True)


class _BoundsSchema(Strict):
    @validates_schema(skip_on_field_errors=True)
    def check_bounds(self, data: dict[str, Any], **_kwargs: object) -> None:
        """There is a bound; that they are in order is for those who know their type."""
        if not data:
            raise ValidationError(_NO_BOUND)

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: object) -> dict[str, Any]:
        """Name the bounds as the tests do."""
        return {"minimum": data.get("min"), "maximum": data.get("max")}


class _RangeSchema(_BoundsSchema):
    min = Bound()
    max = Bound()


class RowCountSchema(_BoundsSchema):
    """How many rows there may be: `min`, `max` or both."""

    min = Count()
    max = Count()

    @validates_schema(skip_on_field_errors=True)
    def check_order(self, data: dict[str, Any], **_kwargs: object) -> None:
        """The bounds are in order."""
        if len(data) > 1 and data["min"] > data["max"]:
            raise ValidationError(NOT_IN_ORDER, "max")


class _TestSchema(Strict):
    """One test: its name with its arguments, and perhaps a severity."""

    kinds: ClassVar[Mapping[str, Callable[..., DataTest]]]

    severity = Choice(get_args(Severity))

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def check_kind(self, _data: object, original: object, **_kwargs: object) -> None:
        """A test is of one kind; an unknown name is told by itself."""
        given = set(original) if isinstance(original, Mapping) else set()
        if len(given & self.kinds.keys()) > 1:
            both = wording.listed(sorted(given & self.kinds.keys()))
            raise ValidationError(f"is one test, not {both}: give each an item of its own")
        if not given - {"severity"}:
            raise ValidationError(f"names no test: one of {', '.join(self.kinds)}")

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: object) -> DataTest:
        """Make the test."""
        severity = {"severity": data.pop("severity")} if "severity" in data else {}
        ((kind, arguments),) = data.items()
        return self.kinds[kind](arguments, **severity)


class ColumnTestSchema(_TestSchema):
    """A test that stands on a column."""

    kinds = MappingProxyType(
        {
            "not_null": lambda _, **severity: NotNull(**severity),
            "unique": lambda _, **severity: Unique(**severity),
            "accepted_values": lambda it, **severity: AcceptedValues(values=it, **severity),
            "relationships": lambda it, **severity: Relationships(**it, **severity),
            "range": lambda it, **severity: Range(**it, **severity),
            "regex": lambda it, **severity: Regex(pattern=it, **severity),
        }
    )
    elsewhere = MappingProxyType(
        {
            "row_count": "a test of the whole table: move it to metadata.tests",
            "check": "a test of the whole table: move it to metadata.tests",
        }
    )

    not_null = Bare()
    unique = Bare()
    accepted_values = Values()
    relationships = Section(_RelationshipsSchema())
    range = Section(_RangeSchema())
    regex = Pattern()


class TableTestSchema(_TestSchema):
    """A test that stands on a table as a whole."""

    kinds = MappingProxyType(
        {
            "unique": lambda it, **severity: Unique(columns=it, **severity),
            "row_count": lambda it, **severity: RowCount(**it, **severity),
            "check": lambda it, **severity: SqlCheck(name=it, **severity),
        }
    )
    elsewhere = MappingProxyType(
        dict.fromkeys(
            ("not_null", "accepted_values", "relationships", "range", "regex"),
            "a test of a column: move it to the column's tests",
        )
    )

    unique = ColumnNames()
    row_count = Section(RowCountSchema())
    check = Text()


class Tests(Value[tuple[DataTest, ...]]):
    """A list of tests, each of its own kind and arguments."""

    def __init__(self, schema: _TestSchema, alone: tuple[str, ...], example: str) -> None:
        """Make a field.

        Args:
            schema: What each test is loaded with.
            alone: The tests that need no arguments.
            example: What messages show as valid.
        """
        super().__init__()
        self._schema = schema
        self._alone = alone
        self._example = example
        test = schema.json_schema() | {"oneOf": [{"required": [name]} for name in schema.kinds]}
        self.form = of_form(type="array", items={"anyOf": [{"enum": [*alone]}, test]})

    def _deserialize(
        self, value: object, *_args: object, **_kwargs: object
    ) -> tuple[DataTest, ...]:
        if not isinstance(value, list):
            raise ValidationError(
                f"must be a list of tests such as {self._example}, not {wording.shown(value)}"
            )
        loaded: list[DataTest] = []
        errors: dict[int, object] = {}
        for index, item in enumerate(value):
            try:
                test = self._loaded(item)
                _refuse_twice(test, loaded)
                loaded.append(test)
            except ValidationError as error:
                errors[index] = error.messages
        if errors:
            raise ValidationError(errors)
        return tuple(loaded)

    def _loaded(self, item: object) -> DataTest:
        if isinstance(item, str):
            if item not in self._alone:
                raise ValidationError(self._not_alone(item))
            item = {item: None}
        if not isinstance(item, Mapping):
            raise ValidationError(
                f"must be a test such as one of {self._example}, not {wording.shown(item)}"
            )
        test: DataTest = self._schema.load(item)
        return test

    def _not_alone(self, name: str) -> str:
        if name in self._schema.kinds:
            return f"needs its arguments, such as {self._example}"
        return self._schema.elsewhere.get(name) or wording.one_of(name, tuple(self._schema.kinds))


def _refuse_twice(test: DataTest, before: list[DataTest]) -> None:
    if any(type(test) is type(it) and test.arguments == it.arguments for it in before):
        raise ValidationError("stands twice; once is enough")


def column_tests() -> Tests:
    """The tests of a column."""
    example = "[not_null, unique, {range: {min: 0}}, {accepted_values: [a, b], severity: warn}]"
    return Tests(ColumnTestSchema(), ("not_null", "unique"), example)


def table_tests() -> Tests:
    """The tests of a table."""
    return Tests(TableTestSchema(), (), "[{unique: [a, b]}, {row_count: {min: 1}}, {check: name}]")
